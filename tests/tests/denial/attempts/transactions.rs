//! By one transactional id: producers, and what their transactions hold.

use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, DescribeTransactionsRequest, EndTxnRequest,
    FindCoordinatorRequest, InitProducerIdRequest, ProducerId, TxnOffsetCommitRequest,
    add_partitions_to_txn_request::AddPartitionsToTxnTopic,
    txn_offset_commit_request::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
};

use super::{
    Names,
    groups::{GENERATION, NOBODY},
};
use crate::{
    attempt::{Attempt, group, group_id, topic, topic_name, transactional, transactional_id},
    rights::Right,
    wire::{Client, text},
};

/// A producer that no broker has made.
const NO_PRODUCER: ProducerId = ProducerId(8_888_888);
/// 22, 25, 69: no such generation, member or group. 47, 48, 49, 59, 90: not that producer's
/// transactional id, or not in this state.
const NO_PRODUCER_ERRORS: &[i16] = &[22, 25, 47, 48, 49, 59, 69, 90];

/// All of them by one id, with every topic and every group.
pub(crate) fn on(id: &str, names: &Names) -> Vec<Attempt> {
    let mut attempts = alone(id);
    // To the super user, too, brokers' own topics are denied here: there is no control.
    let topics = names.topics.iter().filter(|topic| !topic.starts_with("__"));
    attempts.extend(topics.map(|topic| with_topic(id, topic)));
    for group in &names.groups {
        attempts.push(with_group(id, group));
        // One offset of each group; what topics add to it is tried without transactions.
        attempts.extend(names.topics.first().map(|topic| with_offset(id, group, topic)));
    }
    attempts
}

fn alone(id: &str) -> Vec<Attempt> {
    let own = id.to_owned();
    let open = move |client: &mut Client| {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(transactional(&own)))
            .with_transaction_timeout_ms(10_000)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        Ok(vec![client.ask(4, &request)?.error_code])
    };
    let own = id.to_owned();
    let end = move |client: &mut Client| {
        let request = EndTxnRequest::default()
            .with_transactional_id(transactional(&own))
            .with_producer_id(NO_PRODUCER)
            .with_committed(true);
        Ok(vec![client.ask(3, &request)?.error_code])
    };
    let own = id.to_owned();
    let describe = move |client: &mut Client| {
        let request = DescribeTransactionsRequest::default()
            .with_transactional_ids(vec![transactional(&own)]);
        Ok(client.ask(0, &request)?.transaction_states.iter().map(|t| t.error_code).collect())
    };
    let own = id.to_owned();
    let find = move |client: &mut Client| {
        let request = FindCoordinatorRequest::default()
            .with_key_type(1)
            .with_coordinator_keys(vec![text(&own)]);
        Ok(client.ask(4, &request)?.coordinators.iter().map(|found| found.error_code).collect())
    };
    let write = || [transactional_id(Right::Write, id)];
    let known = || [transactional_id(Right::Describe, id)];
    vec![
        Attempt::new("InitProducerId", write(), open),
        Attempt::new("EndTxn", write(), end).passing(NO_PRODUCER_ERRORS),
        // 105: nobody has used it yet.
        Attempt::new("DescribeTransactions", known(), describe).passing(&[105]),
        Attempt::new("FindCoordinator of transactions", known(), find),
    ]
}

fn with_topic(id: &str, name: &str) -> Attempt {
    let own = (id.to_owned(), name.to_owned());
    let add = move |client: &mut Client| {
        let asked = AddPartitionsToTxnTopic::default()
            .with_name(topic_name(&own.1))
            .with_partitions(vec![0]);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(transactional(&own.0))
            .with_v3_and_below_producer_id(NO_PRODUCER)
            .with_v3_and_below_topics(vec![asked]);
        let answer = client.ask(3, &request)?;
        let partitions = answer
            .results_by_topic_v3_and_below
            .iter()
            .flat_map(|topic| &topic.results_by_partition);
        Ok(partitions.map(|partition| partition.partition_error_code).collect())
    };
    let needs = [transactional_id(Right::Write, id), topic(Right::Write, name)];
    Attempt::new("AddPartitionsToTxn", needs, add).passing(NO_PRODUCER_ERRORS)
}

fn with_group(id: &str, name: &str) -> Attempt {
    let own = (id.to_owned(), name.to_owned());
    let add = move |client: &mut Client| {
        let request = AddOffsetsToTxnRequest::default()
            .with_transactional_id(transactional(&own.0))
            .with_producer_id(NO_PRODUCER)
            .with_group_id(group_id(&own.1));
        Ok(vec![client.ask(3, &request)?.error_code])
    };
    let needs = [transactional_id(Right::Write, id), group(Right::Read, name)];
    Attempt::new("AddOffsetsToTxn", needs, add).passing(NO_PRODUCER_ERRORS)
}

fn with_offset(id: &str, of: &str, name: &str) -> Attempt {
    let own = (id.to_owned(), of.to_owned(), name.to_owned());
    let commit = move |client: &mut Client| {
        let partition = TxnOffsetCommitRequestPartition::default().with_committed_offset(7);
        let asked = TxnOffsetCommitRequestTopic::default()
            .with_name(topic_name(&own.2))
            .with_partitions(vec![partition]);
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(transactional(&own.0))
            .with_group_id(group_id(&own.1))
            .with_producer_id(NO_PRODUCER)
            .with_generation_id(GENERATION)
            .with_member_id(text(NOBODY))
            .with_topics(vec![asked]);
        let answer = client.ask(3, &request)?;
        Ok(answer.topics.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect())
    };
    let needs =
        [transactional_id(Right::Write, id), group(Right::Read, of), topic(Right::Read, name)];
    Attempt::new("TxnOffsetCommit", needs, commit).passing(NO_PRODUCER_ERRORS)
}
