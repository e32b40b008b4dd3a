//! On one topic: its records, what is known of it, its settings, and whether it is there.

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        AlterConfigsRequest, BrokerId, CreatePartitionsRequest, CreateTopicsRequest,
        DeleteRecordsRequest, DeleteTopicsRequest, DescribeConfigsRequest,
        DescribeProducersRequest, DescribeTopicPartitionsRequest, FetchRequest,
        IncrementalAlterConfigsRequest, ListOffsetsRequest, MetadataRequest,
        OffsetForLeaderEpochRequest, ProduceRequest, alter_configs_request,
        create_partitions_request,
        create_topics_request::CreatableTopic,
        delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
        describe_configs_request::DescribeConfigsResource,
        describe_producers_request, describe_topic_partitions_request,
        fetch_request::{FetchPartition, FetchTopic},
        incremental_alter_configs_request,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        metadata_request::MetadataRequestTopic,
        offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    records::{
        Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE,
        NO_TIMESTAMP, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
    },
};

use crate::{
    attempt::{Attempt, cluster, topic, topic_name},
    rights::Right,
    wire::{Client, text},
};

/// A consumer, and no broker.
const NO_REPLICA: BrokerId = BrokerId(-1);
/// The kind *topic* of whatever has settings.
const TOPIC: i8 = 2;
const TIMEOUT_MS: i32 = 30_000;

/// All of them on one topic.
pub(crate) fn on(name: &str) -> Vec<Attempt> {
    [records(name), knowledge(name), settings(name), existence(name)]
        .into_iter()
        .flatten()
        .collect()
}

fn records(name: &str) -> Vec<Attempt> {
    let own = name.to_owned();
    let read = move |client: &mut Client| fetch(client, &own, NO_REPLICA);
    let own = name.to_owned();
    // As a broker that follows.
    let follow = move |client: &mut Client| fetch(client, &own, BrokerId(7));
    let own = name.to_owned();
    let write = move |client: &mut Client| produce(client, &own);
    let own = name.to_owned();
    let producers = move |client: &mut Client| {
        let asked = describe_producers_request::TopicRequest::default()
            .with_name(topic_name(&own))
            .with_partition_indexes(vec![0]);
        let answer =
            client.ask(0, &DescribeProducersRequest::default().with_topics(vec![asked]))?;
        Ok(answer.topics.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect())
    };
    let own = name.to_owned();
    // Everything before the first record: nothing.
    let shorten = move |client: &mut Client| {
        let partition = DeleteRecordsPartition::default().with_partition_index(0).with_offset(0);
        let asked = DeleteRecordsTopic::default()
            .with_name(topic_name(&own))
            .with_partitions(vec![partition]);
        let request =
            DeleteRecordsRequest::default().with_topics(vec![asked]).with_timeout_ms(TIMEOUT_MS);
        let answer = client.ask(2, &request)?;
        Ok(answer.topics.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect())
    };
    vec![
        // 1: the first record has expired.
        Attempt::new("Fetch", [topic(Right::Read, name)], read).passing(&[1]),
        // 9, 75, 76, 103: no broker of that number follows this partition, at this epoch.
        Attempt::new("Fetch as a broker", [cluster(Right::ClusterAction)], follow)
            .passing(&[3, 6, 9, 74, 75, 76, 103]),
        // 17: nobody writes what brokers keep for themselves.
        Attempt::new("Produce", [topic(Right::Write, name)], write).passing(&[17]),
        Attempt::new("DescribeProducers", [topic(Right::Read, name)], producers),
        // 17, 44: nobody deletes those of brokers, nor of a topic that is compacted.
        Attempt::new("DeleteRecords", [topic(Right::Delete, name)], shorten).passing(&[17, 44]),
    ]
}

fn fetch(client: &mut Client, name: &str, replica: BrokerId) -> Result<Vec<i16>> {
    let partition = FetchPartition::default()
        .with_current_leader_epoch(-1)
        .with_last_fetched_epoch(-1)
        .with_log_start_offset(-1)
        .with_partition_max_bytes(1024);
    let asked = FetchTopic::default().with_topic(topic_name(name)).with_partitions(vec![partition]);
    // The last version that knows topics by name.
    let request = FetchRequest::default()
        .with_replica_id(replica)
        .with_session_epoch(-1)
        .with_max_bytes(1024)
        .with_topics(vec![asked]);
    let answer = client.ask(12, &request)?;
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
    Ok([answer.error_code].into_iter().chain(partitions.map(|p| p.error_code)).collect())
}

/// Writes a record that is nothing.
pub(crate) fn produce(client: &mut Client, name: &str) -> Result<Vec<i16>> {
    let partition = PartitionProduceData::default().with_index(0).with_records(Some(one_record()?));
    let asked = TopicProduceData::default()
        .with_name(topic_name(name))
        .with_partition_data(vec![partition]);
    let request = ProduceRequest::default()
        .with_acks(1)
        .with_timeout_ms(TIMEOUT_MS)
        .with_topic_data(vec![asked]);
    let answer = client.ask(12, &request)?;
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
    Ok(partitions.map(|p| p.error_code).collect())
}

fn one_record() -> Result<Bytes> {
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp: NO_TIMESTAMP,
        key: Some(Bytes::from_static(b"attempt")),
        value: Some(Bytes::from_static(b"attempt")),
        headers: Default::default(),
    };
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut bytes, [&record], &options)?;
    Ok(bytes.freeze())
}

fn knowledge(name: &str) -> Vec<Attempt> {
    let own = name.to_owned();
    let metadata = move |client: &mut Client| {
        let asked = MetadataRequestTopic::default().with_name(Some(topic_name(&own)));
        let answer = client.ask(9, &MetadataRequest::default().with_topics(Some(vec![asked])))?;
        Ok(answer.topics.iter().map(|topic| topic.error_code).collect())
    };
    let own = name.to_owned();
    let partitions = move |client: &mut Client| {
        let asked =
            describe_topic_partitions_request::TopicRequest::default().with_name(topic_name(&own));
        let request = DescribeTopicPartitionsRequest::default()
            .with_topics(vec![asked])
            .with_response_partition_limit(10);
        Ok(client.ask(0, &request)?.topics.iter().map(|topic| topic.error_code).collect())
    };
    let own = name.to_owned();
    let offsets = move |client: &mut Client| {
        let partition =
            ListOffsetsPartition::default().with_current_leader_epoch(-1).with_timestamp(-1);
        let asked = ListOffsetsTopic::default()
            .with_name(topic_name(&own))
            .with_partitions(vec![partition]);
        let request =
            ListOffsetsRequest::default().with_replica_id(NO_REPLICA).with_topics(vec![asked]);
        let answer = client.ask(6, &request)?;
        Ok(answer.topics.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect())
    };
    let own = name.to_owned();
    let epoch = move |client: &mut Client| {
        let partition = OffsetForLeaderPartition::default().with_current_leader_epoch(-1);
        let asked = OffsetForLeaderTopic::default()
            .with_topic(topic_name(&own))
            .with_partitions(vec![partition]);
        let request = OffsetForLeaderEpochRequest::default()
            .with_replica_id(NO_REPLICA)
            .with_topics(vec![asked]);
        let answer = client.ask(4, &request)?;
        Ok(answer.topics.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect())
    };
    let describe = || [topic(Right::Describe, name)];
    vec![
        Attempt::new("Metadata", describe(), metadata),
        Attempt::new("DescribeTopicPartitions", describe(), partitions),
        Attempt::new("ListOffsets", describe(), offsets),
        Attempt::new("OffsetForLeaderEpoch", describe(), epoch),
    ]
}

/// Changes are only validated.
fn settings(name: &str) -> Vec<Attempt> {
    let own = name.to_owned();
    let describe = move |client: &mut Client| {
        let asked = DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(&own))
            .with_configuration_keys(None);
        let answer =
            client.ask(4, &DescribeConfigsRequest::default().with_resources(vec![asked]))?;
        Ok(answer.results.iter().map(|result| result.error_code).collect())
    };
    let own = name.to_owned();
    let alter = move |client: &mut Client| {
        use incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
        let config = AlterableConfig::default()
            .with_name(text("retention.ms"))
            .with_value(Some(text("1000")));
        let asked = AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(&own))
            .with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default()
            .with_resources(vec![asked])
            .with_validate_only(true);
        Ok(client.ask(1, &request)?.responses.iter().map(|r| r.error_code).collect())
    };
    let own = name.to_owned();
    let replace = move |client: &mut Client| {
        use alter_configs_request::{AlterConfigsResource, AlterableConfig};
        let config = AlterableConfig::default()
            .with_name(text("retention.ms"))
            .with_value(Some(text("1000")));
        let asked = AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(&own))
            .with_configs(vec![config]);
        let request =
            AlterConfigsRequest::default().with_resources(vec![asked]).with_validate_only(true);
        Ok(client.ask(2, &request)?.responses.iter().map(|r| r.error_code).collect())
    };
    let alter_configs = || [topic(Right::AlterConfigs, name)];
    vec![
        Attempt::new("DescribeConfigs", [topic(Right::DescribeConfigs, name)], describe),
        Attempt::new("IncrementalAlterConfigs", alter_configs(), alter),
        Attempt::new("AlterConfigs", alter_configs(), replace),
    ]
}

fn existence(name: &str) -> Vec<Attempt> {
    let own = name.to_owned();
    let create = move |client: &mut Client| {
        let asked = CreatableTopic::default()
            .with_name(topic_name(&own))
            .with_num_partitions(1)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default()
            .with_topics(vec![asked])
            .with_timeout_ms(TIMEOUT_MS)
            .with_validate_only(true);
        Ok(client.ask(7, &request)?.topics.iter().map(|topic| topic.error_code).collect())
    };
    let own = name.to_owned();
    let grow = move |client: &mut Client| {
        let asked = create_partitions_request::CreatePartitionsTopic::default()
            .with_name(topic_name(&own))
            .with_count(100)
            .with_assignments(None);
        let request = CreatePartitionsRequest::default()
            .with_topics(vec![asked])
            .with_timeout_ms(TIMEOUT_MS)
            .with_validate_only(true);
        Ok(client.ask(3, &request)?.results.iter().map(|result| result.error_code).collect())
    };
    let own = name.to_owned();
    let delete = move |client: &mut Client| {
        let request = DeleteTopicsRequest::default()
            .with_topic_names(vec![topic_name(&own)])
            .with_timeout_ms(TIMEOUT_MS);
        Ok(client.ask(5, &request)?.responses.iter().map(|topic| topic.error_code).collect())
    };
    vec![
        // 36: it exists, which only who may create is told.
        Attempt::new("CreateTopics", [topic(Right::Create, name)], create).passing(&[36, 17]),
        Attempt::new("CreatePartitions", [topic(Right::Alter, name)], grow),
        Attempt::new("DeleteTopics", [topic(Right::Delete, name)], delete).harmful(),
    ]
}
