//! `apply` on a real cluster: it makes everything, makes it once, and can add partitions to a
//! stage that runs.

use std::{collections::BTreeSet, path::Path, time::Duration};

use crate::support::{BROKER, admin, assigned, fill, poll_until, text};
use cordon_kafka::{
    admin::Acl,
    log::{
        Committed, Consumer, ConsumerError, Log, NewOffset, Outcome, Polled, Producer,
        TopicPartition,
    },
    progress::Progress,
    real::{RealConsumer, RealLog, Settings},
    secret::Password,
    topology::{ApplyOptions, ApplyReport, Topology},
};

const COMMITTED_TIMEOUT: Duration = Duration::from_secs(10);

fn apply(topology: &Topology, secrets: &Path) -> ApplyReport {
    let options = ApplyOptions { replication: Some(1), ..ApplyOptions::default() };
    topology.apply(&BROKER.admin(), secrets, &options).expect("the topology applies")
}

/// The cluster as a principal of the topology sees it.
fn log(principal: &str, secrets: &Path) -> RealLog {
    let password = Password::read(&secrets.join(principal)).expect("a password");
    RealLog::new(BROKER.connection(principal, password))
}

/// The tests share one cluster, and so one order: each step builds on the last.
#[test]
fn a_topology_is_applied_once_and_grows_under_a_running_stage() {
    let secrets = tempfile::tempdir().unwrap();
    let topology = Topology::embedded();
    everything_is_made(&topology, secrets.path());
    a_second_time_changes_nothing(&topology, secrets.path());
    every_stage_runs_as_itself(&topology, secrets.path());
    nobody_does_anothers_work(secrets.path());
    partitions_are_added_under_a_running_member(topology, secrets.path());
}

fn everything_is_made(topology: &Topology, secrets: &Path) {
    let report = apply(topology, secrets);
    assert_eq!(report.topics_created.len(), topology.all_topics().len());
    assert_eq!(report.users.len(), topology.principals.len() - 1, "all but admin");
    assert_eq!(report.acls_created, topology.acls().len());
    let inputs = topology.stages.values().flat_map(|stage| stage.live.iter().chain(&stage.replay));
    let partitions: i32 = inputs.map(|topic| topology.topics[topic].partitions).sum();
    assert_eq!(report.first_offsets, partitions as usize);
    let is_declared = |acl: &Acl| topology.principals.contains_key(&acl.principal["User:".len()..]);
    let mut granted: Vec<Acl> = admin().acls().unwrap().into_iter().filter(is_declared).collect();
    granted.sort();
    assert!(granted == topology.acls(), "{granted:#?}");
    let settings = admin().topic_settings("dead.pack").unwrap();
    assert_eq!(settings["compression.type"].value, "uncompressed");
    assert_eq!(settings["retention.ms"].value, (14 * 24 * 60 * 60 * 1000).to_string());
    for committed in admin().group_offsets("cordon.merge").unwrap().into_values() {
        assert_eq!(committed.offset, 0);
        assert!(Progress::parse(&committed.metadata).unwrap().is_start());
    }
}

fn a_second_time_changes_nothing(topology: &Topology, secrets: &Path) {
    assert_eq!(apply(topology, secrets), ApplyReport::default());
}

/// Each stage's ACLs are enough: it joins, reads, writes to each of its topics and commits.
fn every_stage_runs_as_itself(topology: &Topology, secrets: &Path) {
    for (stage, spec) in &topology.stages {
        let input = &spec.live[0];
        fill([text(input, 0, "for everyone")]);
        let log = log(stage, secrets);
        let group = Topology::group(stage);
        let mut consumer = log.consumer(&group, &[input]).unwrap();
        start_at_committed(&mut consumer);
        poll_until(&mut consumer, |polled| matches!(polled, Polled::Record(_)).then_some(()));

        let id = format!("{}0", Topology::transactional_prefix(stage));
        let mut producer = log.producer(&id).unwrap();
        assert_eq!(producer.init(), Outcome::Done);
        assert_eq!(producer.begin(), Outcome::Done);
        for topic in [&spec.output, &format!("dead.{stage}"), &format!("receipts.{stage}")] {
            assert_eq!(producer.produce(text(topic, 0, stage)), Outcome::Done);
        }
        let at = TopicPartition::new(input.as_str(), 0);
        let metadata = Progress::start(cordon_records::BatchId([7; 16])).to_string();
        let offset = NewOffset { at, offset: 1, metadata };
        let membership = consumer.membership().unwrap();
        assert_eq!(producer.send_offsets(&[offset], &membership), Outcome::Done);
        assert_eq!(producer.commit(), Outcome::Done, "{stage}");
    }
    let receipts: Vec<_> = log("reader", secrets).reader("receipts.merge").unwrap().collect();
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].as_ref().unwrap().value, "merge");
}

fn nobody_does_anothers_work(secrets: &Path) {
    let log = log("generate", secrets);
    let denied = |result: Result<(), ConsumerError>| match result {
        Err(ConsumerError::Denied(words)) => words,
        other => panic!("not denied: {other:?}"),
    };
    assert_eq!(
        denied(log.consumer("cordon.merge", &["logs"]).map(drop)),
        "User:generate lacks the ACL Read on group cordon.merge"
    );
    assert_eq!(
        denied(log.consumer("cordon.generate", &["raw"]).map(drop)),
        "User:generate lacks the ACL Read on topic raw"
    );
    let mut foreign = log.producer("cordon.merge-0").unwrap();
    assert_eq!(
        foreign.init(),
        Outcome::Denied(
            "User:generate lacks the ACL Write on transactional id cordon.merge-0".to_owned()
        )
    );
}

/// The member is in the group, and neither leaves nor loses what it has.
fn partitions_are_added_under_a_running_member(mut topology: Topology, secrets: &Path) {
    let password = Password::read(&secrets.join("generate")).unwrap();
    let settings = Settings { topic_refresh: Duration::from_secs(1), ..Settings::default() };
    let log = RealLog::with_settings(BROKER.connection("generate", password), settings);
    let mut consumer = log.consumer("cordon.generate", &["logs"]).unwrap();
    assert_eq!(start_at_committed(&mut consumer).len(), 4);

    topology.topics.get_mut("logs").unwrap().partitions = 6;
    let report = apply(&topology, secrets);
    assert_eq!(report.topics_grown, ["logs"]);
    // Every group on the topic gets both partitions, with members or without.
    let groups = topology.stages.values().filter(|stage| stage.live.contains(&"logs".to_owned()));
    assert_eq!(report.first_offsets, 2 * groups.count());

    let mut added = BTreeSet::new();
    while added.len() < 2 {
        added.extend(start_at_committed(&mut consumer));
    }
    assert_eq!(added, BTreeSet::from([4, 5].map(|n| TopicPartition::new("logs", n))));
    fill([text("logs", 5, "to the new partition"), text("logs", 0, "to the old one")]);
    let mut read = BTreeSet::new();
    poll_until(&mut consumer, |polled| {
        match polled {
            Polled::Record(record) => read.insert(record.value),
            Polled::Nothing => false,
            other => panic!("{other:?}"),
        };
        (read.contains(&b"to the new partition"[..]) && read.contains(&b"to the old one"[..]))
            .then_some(())
    });
}

/// Waits for an assignment and starts it where it is committed: it always is.
fn start_at_committed(consumer: &mut RealConsumer) -> Vec<TopicPartition> {
    let partitions = assigned(consumer);
    let committed = consumer.committed(&partitions, COMMITTED_TIMEOUT).unwrap();
    let start = |(at, committed): (TopicPartition, Option<Committed>)| {
        (at, committed.expect("a first offset").offset)
    };
    let starts: Vec<_> = committed.into_iter().map(start).collect();
    consumer.start(&starts).unwrap();
    partitions
}
