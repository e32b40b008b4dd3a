//! On the cluster: who may do what in it, its users, quotas, brokers and replicas.

use anyhow::Result;
use bytes::Bytes;
use kafka_protocol::messages::{
    AlterClientQuotasRequest, AlterPartitionReassignmentsRequest, AlterReplicaLogDirsRequest,
    AlterUserScramCredentialsRequest, BrokerId, CreateAclsRequest, DeleteAclsRequest,
    DescribeAclsRequest, DescribeClientQuotasRequest, DescribeConfigsRequest,
    DescribeLogDirsRequest, DescribeQuorumRequest, DescribeUserScramCredentialsRequest,
    ElectLeadersRequest, IncrementalAlterConfigsRequest, InitProducerIdRequest,
    ListConfigResourcesRequest, ListPartitionReassignmentsRequest, ProducerId,
    UnregisterBrokerRequest, UpdateFeaturesRequest, WriteTxnMarkersRequest,
    alter_client_quotas_request, alter_partition_reassignments_request as reassign,
    alter_replica_log_dirs_request as log_dirs, alter_user_scram_credentials_request as scram,
    create_acls_request::AclCreation,
    delete_acls_request::DeleteAclsFilter,
    describe_configs_request::DescribeConfigsResource,
    describe_quorum_request, describe_user_scram_credentials_request as describe_scram,
    elect_leaders_request, incremental_alter_configs_request as configs,
    update_features_request::FeatureUpdateKey,
    write_txn_markers_request::{WritableTxnMarker, WritableTxnMarkerTopic},
};

use super::FOREIGN_TOPIC;
use crate::{
    attempt::{Attempt, cluster, topic_name},
    rights::Right,
    wire::{Client, text},
};

/// Whom rights and passwords are given to, and who never comes.
const STRANGER: &str = "stranger";
/// The kind *broker* of whatever has settings.
const BROKER: i8 = 4;
const TIMEOUT_MS: i32 = 30_000;

/// All of them.
pub(crate) fn all() -> Vec<Attempt> {
    let parts = [acls(), users(), quotas(), brokers(), replicas(), transactions()];
    parts.into_iter().flatten().collect()
}

/// First a right is given to nobody, then it is taken again.
fn acls() -> Vec<Attempt> {
    let principal = format!("User:{STRANGER}");
    let own = principal.clone();
    let create = move |client: &mut Client| {
        let creation = AclCreation::default()
            .with_resource_type(2)
            .with_resource_name(text(FOREIGN_TOPIC))
            .with_resource_pattern_type(3)
            .with_principal(text(&own))
            .with_host(text("*"))
            .with_operation(3)
            .with_permission_type(3);
        let request = CreateAclsRequest::default().with_creations(vec![creation]);
        Ok(client.ask(3, &request)?.results.iter().map(|result| result.error_code).collect())
    };
    let delete = move |client: &mut Client| {
        // 1: any.
        let filter = DeleteAclsFilter::default()
            .with_resource_type_filter(1)
            .with_resource_name_filter(None)
            .with_pattern_type_filter(1)
            .with_principal_filter(Some(text(&principal)))
            .with_host_filter(None)
            .with_operation(1)
            .with_permission_type(1);
        let answer = client.ask(3, &DeleteAclsRequest::default().with_filters(vec![filter]))?;
        Ok(answer.filter_results.iter().map(|result| result.error_code).collect())
    };
    let list = |client: &mut Client| {
        let request = DescribeAclsRequest::default()
            .with_resource_type_filter(1)
            .with_resource_name_filter(None)
            .with_pattern_type_filter(1)
            .with_principal_filter(None)
            .with_host_filter(None)
            .with_operation(1)
            .with_permission_type(1);
        Ok(vec![client.ask(3, &request)?.error_code])
    };
    vec![
        Attempt::new("CreateAcls", [cluster(Right::Alter)], create),
        Attempt::new("DeleteAcls", [cluster(Right::Alter)], delete),
        Attempt::new("DescribeAcls", [cluster(Right::Describe)], list),
    ]
}

/// First one is made, then it is removed again.
fn users() -> Vec<Attempt> {
    /// SCRAM-SHA-512.
    const MECHANISM: i8 = 2;
    let make = |client: &mut Client| {
        let upsertion = scram::ScramCredentialUpsertion::default()
            .with_name(text(STRANGER))
            .with_mechanism(MECHANISM)
            .with_iterations(4096)
            .with_salt(Bytes::from_static(b"salt"))
            .with_salted_password(Bytes::from_static(&[7; 64]));
        let request = AlterUserScramCredentialsRequest::default().with_upsertions(vec![upsertion]);
        Ok(client.ask(0, &request)?.results.iter().map(|result| result.error_code).collect())
    };
    let remove = |client: &mut Client| {
        let deletion = scram::ScramCredentialDeletion::default()
            .with_name(text(STRANGER))
            .with_mechanism(MECHANISM);
        let request = AlterUserScramCredentialsRequest::default().with_deletions(vec![deletion]);
        Ok(client.ask(0, &request)?.results.iter().map(|result| result.error_code).collect())
    };
    let list = |client: &mut Client| {
        // By name: to who asks for all and may not, Kafka 4.3 gives no answer at all.
        let user = describe_scram::UserName::default().with_name(text(STRANGER));
        let request = DescribeUserScramCredentialsRequest::default().with_users(Some(vec![user]));
        let answer = client.ask(0, &request)?;
        let results = answer.results.iter().map(|result| result.error_code);
        Ok([answer.error_code].into_iter().chain(results).collect())
    };
    vec![
        Attempt::new("AlterUserScramCredentials", [cluster(Right::Alter)], make),
        // 91: there is none, where it was not made.
        Attempt::new("AlterUserScramCredentials to remove", [cluster(Right::Alter)], remove)
            .passing(&[91]),
        Attempt::new("DescribeUserScramCredentials", [cluster(Right::Describe)], list)
            .passing(&[91]),
    ]
}

fn quotas() -> Vec<Attempt> {
    let alter = |client: &mut Client| {
        use alter_client_quotas_request::{EntityData, EntryData, OpData};
        let entity = EntityData::default().with_entity_type(text("user")).with_entity_name(None);
        let change = OpData::default().with_key(text("consumer_byte_rate")).with_value(1.0);
        let entry = EntryData::default().with_entity(vec![entity]).with_ops(vec![change]);
        let request =
            AlterClientQuotasRequest::default().with_entries(vec![entry]).with_validate_only(true);
        Ok(client.ask(1, &request)?.entries.iter().map(|entry| entry.error_code).collect())
    };
    let list = |client: &mut Client| {
        Ok(vec![client.ask(1, &DescribeClientQuotasRequest::default())?.error_code])
    };
    vec![
        Attempt::new("AlterClientQuotas", [cluster(Right::AlterConfigs)], alter),
        Attempt::new("DescribeClientQuotas", [cluster(Right::DescribeConfigs)], list),
    ]
}

fn brokers() -> Vec<Attempt> {
    let alter = |client: &mut Client| {
        let config = configs::AlterableConfig::default()
            .with_name(text("log.cleaner.threads"))
            .with_value(Some(text("2")));
        let asked = configs::AlterConfigsResource::default()
            .with_resource_type(BROKER)
            .with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default()
            .with_resources(vec![asked])
            .with_validate_only(true);
        Ok(client.ask(1, &request)?.responses.iter().map(|r| r.error_code).collect())
    };
    let describe = |client: &mut Client| {
        let asked = DescribeConfigsResource::default()
            .with_resource_type(BROKER)
            .with_configuration_keys(None);
        let answer =
            client.ask(4, &DescribeConfigsRequest::default().with_resources(vec![asked]))?;
        Ok(answer.results.iter().map(|result| result.error_code).collect())
    };
    let list = |client: &mut Client| {
        Ok(vec![client.ask(0, &ListConfigResourcesRequest::default())?.error_code])
    };
    let features = |client: &mut Client| {
        let asked = FeatureUpdateKey::default()
            .with_feature(text("no.such.feature"))
            .with_max_version_level(1)
            .with_upgrade_type(1);
        let request = UpdateFeaturesRequest::default()
            .with_timeout_ms(TIMEOUT_MS)
            .with_feature_updates(vec![asked])
            .with_validate_only(true);
        let answer = client.ask(1, &request)?;
        let results = answer.results.iter().map(|result| result.error_code);
        Ok([answer.error_code].into_iter().chain(results).collect())
    };
    let unregister = |client: &mut Client| {
        let request = UnregisterBrokerRequest::default().with_broker_id(BrokerId(9_999));
        Ok(vec![client.ask(0, &request)?.error_code])
    };
    let quorum = |client: &mut Client| {
        use describe_quorum_request::{PartitionData, TopicData};
        let asked = TopicData::default()
            .with_topic_name(topic_name("__cluster_metadata"))
            .with_partitions(vec![PartitionData::default()]);
        let answer = client.ask(1, &DescribeQuorumRequest::default().with_topics(vec![asked]))?;
        Ok(vec![answer.error_code])
    };
    vec![
        Attempt::new("IncrementalAlterConfigs of brokers", [cluster(Right::AlterConfigs)], alter),
        Attempt::new("DescribeConfigs of brokers", [cluster(Right::DescribeConfigs)], describe),
        Attempt::new("ListConfigResources", [cluster(Right::DescribeConfigs)], list),
        // 42, 91, 95: there is no such feature.
        Attempt::new("UpdateFeatures", [cluster(Right::Alter)], features).passing(&[42, 91, 95]),
        // 102: there is no such broker.
        Attempt::new("UnregisterBroker", [cluster(Right::Alter)], unregister).passing(&[102]),
        Attempt::new("DescribeQuorum", [cluster(Right::Describe)], quorum),
    ]
}

fn replicas() -> Vec<Attempt> {
    let directories = |client: &mut Client| {
        let answer = client.ask(4, &DescribeLogDirsRequest::default().with_topics(None))?;
        Ok(vec![answer.error_code])
    };
    let elect = |client: &mut Client| {
        let asked = elect_leaders_request::TopicPartitions::default()
            .with_topic(topic_name(FOREIGN_TOPIC))
            .with_partitions(vec![0]);
        let request = ElectLeadersRequest::default()
            .with_topic_partitions(Some(vec![asked]))
            .with_timeout_ms(TIMEOUT_MS);
        let answer = client.ask(2, &request)?;
        let results = answer.replica_election_results.iter().flat_map(|r| &r.partition_result);
        Ok([answer.error_code].into_iter().chain(results.map(|r| r.error_code)).collect())
    };
    // Without replicas: it cancels what is under way, which is nothing.
    let reassign = |client: &mut Client| {
        let partition = reassign::ReassignablePartition::default().with_replicas(None);
        let asked = reassign::ReassignableTopic::default()
            .with_name(topic_name(FOREIGN_TOPIC))
            .with_partitions(vec![partition]);
        let request = AlterPartitionReassignmentsRequest::default()
            .with_timeout_ms(TIMEOUT_MS)
            .with_topics(vec![asked]);
        let answer = client.ask(0, &request)?;
        let results = answer.responses.iter().flat_map(|topic| &topic.partitions);
        Ok([answer.error_code].into_iter().chain(results.map(|p| p.error_code)).collect())
    };
    let list = |client: &mut Client| {
        let request = ListPartitionReassignmentsRequest::default()
            .with_timeout_ms(TIMEOUT_MS)
            .with_topics(None);
        Ok(vec![client.ask(0, &request)?.error_code])
    };
    let move_away = |client: &mut Client| {
        let asked = log_dirs::AlterReplicaLogDirTopic::default()
            .with_name(topic_name(FOREIGN_TOPIC))
            .with_partitions(vec![0]);
        let place = log_dirs::AlterReplicaLogDir::default()
            .with_path(text("/no/such/directory"))
            .with_topics(vec![asked]);
        let answer =
            client.ask(2, &AlterReplicaLogDirsRequest::default().with_dirs(vec![place]))?;
        Ok(answer.results.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect())
    };
    vec![
        Attempt::new("DescribeLogDirs", [cluster(Right::Describe)], directories),
        // 84, 85: nothing to elect or to cancel. 57: no such directory.
        Attempt::new("ElectLeaders", [cluster(Right::Alter)], elect).passing(&[84]),
        Attempt::new("AlterPartitionReassignments", [cluster(Right::Alter)], reassign)
            .passing(&[85]),
        Attempt::new("ListPartitionReassignments", [cluster(Right::Describe)], list),
        Attempt::new("AlterReplicaLogDirs", [cluster(Right::Alter)], move_away).passing(&[57]),
    ]
}

fn transactions() -> Vec<Attempt> {
    let idempotent = |client: &mut Client| {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(10_000)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        Ok(vec![client.ask(4, &request)?.error_code])
    };
    vec![
        Attempt::new(
            "InitProducerId without transactions",
            [cluster(Right::IdempotentWrite)],
            idempotent,
        ),
        // It ends a transaction of somebody else's.
        Attempt::new("WriteTxnMarkers", [cluster(Right::ClusterAction)], markers),
    ]
}

fn markers(client: &mut Client) -> Result<Vec<i16>> {
    let asked = WritableTxnMarkerTopic::default()
        .with_name(topic_name(FOREIGN_TOPIC))
        .with_partition_indexes(vec![0]);
    let marker = WritableTxnMarker::default()
        .with_producer_id(ProducerId(8_888_888))
        .with_topics(vec![asked]);
    let answer = client.ask(1, &WriteTxnMarkersRequest::default().with_markers(vec![marker]))?;
    let topics = answer.markers.iter().flat_map(|marker| &marker.topics);
    Ok(topics.flat_map(|topic| &topic.partitions).map(|p| p.error_code).collect())
}
