//! What the model log does beyond the seam: faults, time, saved topics, and many threads.

use std::{collections::BTreeMap, thread, time::Duration};

use bytes::Bytes;
use cordon_kafka::{
    log::{
        Committed, Consumer, ConsumerError, Log, NewOffset, NewRecord, Outcome, Polled, Producer,
        Record, TopicPartition,
    },
    model::{Call, ImportError, ModelConsumer, ModelLog, ModelProducer, Step, Verdict},
};

fn log() -> ModelLog {
    let log = ModelLog::default();
    log.drive(|broker| {
        broker.create_topic("in", 4);
        broker.create_topic("out", 1);
    });
    log
}

fn at(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

fn record(at: &TopicPartition, value: &str) -> NewRecord {
    NewRecord {
        topic: at.topic.clone(),
        partition: Some(at.partition),
        key: None,
        value: Bytes::copy_from_slice(value.as_bytes()),
        headers: Vec::new(),
    }
}

fn producer(log: &ModelLog, id: &str) -> ModelProducer {
    let mut producer = log.producer(id).unwrap();
    assert_eq!(producer.init(), Outcome::Done);
    producer
}

fn joined(log: &ModelLog, group: &str) -> ModelConsumer {
    let mut consumer = log.consumer(group, &["in"]).unwrap();
    assert!(matches!(consumer.poll(Duration::ZERO).unwrap(), Polled::Assigned(_)));
    consumer
}

/// Writes `value` and commits offset 1 of the first partition, up to the commit.
fn batch(log: &ModelLog, producer: &mut ModelProducer, value: &str) {
    let consumer = joined(log, "stage");
    let next = NewOffset { at: at("in", 0), offset: 1, metadata: value.to_owned() };
    assert_eq!(producer.begin(), Outcome::Done);
    assert_eq!(producer.produce(record(&at("out", 0), value)), Outcome::Done);
    let membership = consumer.membership().unwrap();
    assert_eq!(producer.send_offsets(&[next], &membership), Outcome::Done);
}

/// What the next owner finds: the committed metadata, and the output.
fn found(log: &ModelLog) -> (Option<String>, Vec<String>) {
    let mut consumer = joined(log, "stage");
    let mut committed = consumer.committed(&[at("in", 0)], Duration::ZERO).unwrap();
    let metadata = |committed: Committed| String::from_utf8(committed.metadata).unwrap();
    let values = log.drive(|broker| broker.committed_records("out"));
    let value = |record: &Record| String::from_utf8(record.value.to_vec()).unwrap();
    (committed.remove(0).1.map(metadata), values.iter().map(value).collect())
}

/// One fault at the next call of this kind.
fn fail_once(log: &ModelLog, call: Call, verdict: Verdict) {
    let mut verdict = Some(verdict);
    log.drive(|broker| {
        broker.set_faults(move |step: Step<'_>| {
            let now = (step.call == call).then(|| verdict.take()).flatten();
            now.unwrap_or(Verdict::Proceed)
        });
    });
}

#[test]
fn an_unknown_commit_is_told_by_the_committed_offset() {
    for (verdict, happened) in [(Verdict::LoseRequest, false), (Verdict::LoseAnswer, true)] {
        let log = log();
        let mut first = producer(&log, "slot");
        batch(&log, &mut first, "batch");
        fail_once(&log, Call::Commit, verdict.clone());
        assert!(matches!(first.commit(), Outcome::Unknown(_)), "{verdict:?}");
        assert!(matches!(first.begin(), Outcome::Unknown(_)), "the producer is not usable");
        producer(&log, "slot");
        let (metadata, values) = found(&log);
        assert_eq!(metadata.is_some(), happened, "{verdict:?}");
        assert_eq!(!values.is_empty(), happened, "{verdict:?}");
    }
}

#[test]
fn a_late_commit_counts_until_a_successor_opens() {
    for reopened in [false, true] {
        let log = log();
        let mut slot = producer(&log, "slot");
        assert_eq!(slot.begin(), Outcome::Done);
        assert_eq!(slot.produce(record(&at("out", 0), "first")), Outcome::Done);
        fail_once(&log, Call::Commit, Verdict::Delay);
        assert!(matches!(slot.commit(), Outcome::Unknown(_)));
        if reopened {
            let mut slot = producer(&log, "slot");
            assert_eq!(slot.begin(), Outcome::Done);
            assert_eq!(slot.produce(record(&at("out", 0), "second")), Outcome::Done);
        }
        assert!(log.drive(|broker| broker.deliver_delayed()));
        assert!(!log.drive(|broker| broker.deliver_delayed()));
        let expected = if reopened { vec![] } else { vec!["first".to_owned()] };
        assert_eq!(found(&log).1, expected, "reopened: {reopened}");
    }
}

#[test]
fn a_lingering_commit_keeps_its_id_busy_and_its_offsets_pending() {
    let log = log();
    let mut slot = producer(&log, "slot");
    batch(&log, &mut slot, "batch");
    fail_once(&log, Call::Commit, Verdict::Linger);
    assert_eq!(slot.commit(), Outcome::Done);
    let mut consumer = joined(&log, "stage");
    let blocked = consumer.committed(&[at("in", 0)], Duration::ZERO);
    assert!(matches!(blocked, Err(ConsumerError::Unavailable(_))), "{blocked:?}");
    assert!(matches!(log.producer("slot").unwrap().init(), Outcome::Unknown(_)));
    drop(consumer);
    log.drive(|broker| broker.settle_lingering());
    producer(&log, "slot");
    assert_eq!(found(&log), (Some("batch".to_owned()), vec!["batch".to_owned()]));
}

#[test]
fn a_lost_record_fails_the_commit() {
    for verdict in [Verdict::LoseRequest, Verdict::LoseAnswer] {
        let log = log();
        let mut slot = producer(&log, "slot");
        assert_eq!(slot.begin(), Outcome::Done);
        fail_once(&log, Call::Produce, verdict);
        assert_eq!(slot.produce(record(&at("out", 0), "lost")), Outcome::Done);
        assert!(matches!(slot.commit(), Outcome::Aborted(_)));
        assert_eq!(slot.abort(), Outcome::Done);
        assert_eq!(slot.begin(), Outcome::Done);
        assert_eq!(slot.produce(record(&at("out", 0), "redone")), Outcome::Done);
        assert_eq!(slot.commit(), Outcome::Done);
        assert_eq!(found(&log).1, ["redone"]);
    }
}

#[test]
fn a_denial_is_told_in_its_words() {
    let log = log();
    let mut slot = producer(&log, "slot");
    assert_eq!(slot.begin(), Outcome::Done);
    fail_once(&log, Call::Produce, Verdict::Deny("no ACL".to_owned()));
    let denied = Outcome::Denied("no ACL".to_owned());
    assert_eq!(slot.produce(record(&at("out", 0), "x")), denied);
    fail_once(&log, Call::Poll, Verdict::Deny("no ACL".to_owned()));
    let polled = log.consumer("stage", &["in"]).unwrap().poll(Duration::ZERO);
    assert_eq!(polled, Err(ConsumerError::Denied("no ACL".to_owned())));
}

#[test]
fn a_crashed_member_holds_its_partitions_until_it_expires() {
    let log = log();
    let crashed = joined(&log, "stage");
    let member = crashed.member().unwrap();
    crashed.crash();
    let mut next = log.consumer("stage", &["in"]).unwrap();
    while let Polled::Assigned(none) = next.poll(Duration::ZERO).unwrap() {
        assert_eq!(none, []);
    }
    log.drive(|broker| broker.expire("stage", member));
    let all = next.poll(Duration::ZERO).unwrap();
    assert!(matches!(&all, Polled::Assigned(all) if all.len() == 4), "{all:?}");
}

#[test]
fn deleted_records_are_out_of_range() {
    let log = log();
    let mut slot = producer(&log, "slot");
    for value in ["a", "b"] {
        slot.produce_plain(record(&at("in", 0), value));
    }
    log.drive(|broker| broker.delete_records_before(&at("in", 0), 1));
    let mut consumer = joined(&log, "stage");
    assert_eq!(consumer.bounds(&at("in", 0), Duration::ZERO), Ok((1, 2)));
    consumer.start(&[(at("in", 0), 0)]).unwrap();
    let polled = consumer.poll(Duration::ZERO);
    assert!(matches!(polled, Err(ConsumerError::OutOfRange { .. })), "{polled:?}");
}

#[test]
fn new_partitions_reach_running_members() {
    let log = log();
    let mut consumer = joined(&log, "stage");
    log.drive(|broker| broker.create_topic("in", 6));
    let polled = consumer.poll(Duration::ZERO).unwrap();
    assert_eq!(polled, Polled::Assigned(vec![at("in", 4), at("in", 5)]));
}

#[test]
fn a_saved_topic_comes_back_at_its_offsets() {
    let saved = {
        let log = log();
        log.drive(|broker| broker.advance(Duration::from_millis(1_700_000_000_000)));
        let mut slot = producer(&log, "slot");
        for (value, commit) in [("a", true), ("aborted", false), ("b", true)] {
            assert_eq!(slot.begin(), Outcome::Done);
            assert_eq!(slot.produce(record(&at("in", 2), value)), Outcome::Done);
            let ended = if commit { slot.commit() } else { slot.abort() };
            assert_eq!(ended, Outcome::Done);
        }
        log.drive(|broker| broker.committed_records("in"))
    };
    let offsets: Vec<_> = saved.iter().map(|record| (record.offset, &record.value[..])).collect();
    assert_eq!(offsets, [(0, &b"a"[..]), (4, b"b")]);
    assert!(saved.iter().all(|record| record.timestamp_ms == 1_700_000_000_000));

    let log = log();
    log.drive(|broker| broker.import(saved.clone())).unwrap();
    assert_eq!(log.drive(|broker| broker.committed_records("in")), saved);
    let again = log.drive(|broker| broker.import(saved.clone()));
    assert_eq!(again, Err(ImportError::Backward { at: at("in", 2), offset: 0, end: 5 }));
    let foreign = Record { at: at("elsewhere", 0), ..saved[0].clone() };
    let unknown = log.drive(|broker| broker.import(vec![foreign]));
    assert_eq!(unknown, Err(ImportError::Unknown(at("elsewhere", 0))));
}

#[test]
fn a_poll_sleeps_until_there_is_news() {
    /// Far longer than the test may take: a poll that misses the news would be noticed.
    const LONG: Duration = Duration::from_secs(60);
    let log = log();
    let mut consumer = joined(&log, "stage");
    consumer.start(&[(at("in", 0), 0)]).unwrap();
    thread::scope(|scope| {
        let polled = scope.spawn(move || consumer.poll(LONG));
        let mut slot = producer(&log, "slot");
        assert_eq!(slot.begin(), Outcome::Done);
        assert_eq!(slot.produce(record(&at("in", 0), "news")), Outcome::Done);
        assert_eq!(slot.commit(), Outcome::Done);
        let polled = polled.join().unwrap().unwrap();
        assert!(
            matches!(&polled, Polled::Record(record) if &*record.value == b"news"),
            "{polled:?}"
        );
    });
}

/// Four slots on threads of their own, one of which leaves halfway, copy every record once.
#[test]
fn slots_on_threads_share_the_work() {
    const RECORDS: usize = 400;
    let log = log();
    let mut feeder = producer(&log, "feeder");
    for n in 0..RECORDS {
        let partition = i32::try_from(n % 4).unwrap();
        feeder.produce_plain(record(&at("in", partition), &n.to_string()));
    }
    thread::scope(|scope| {
        for slot in 0..4 {
            let log = log.clone();
            let copies_max = if slot == 0 { RECORDS / 8 } else { RECORDS };
            scope.spawn(move || copy(&log, &format!("slot-{slot}"), copies_max, RECORDS));
        }
    });
    let mut copies: BTreeMap<Bytes, usize> = BTreeMap::new();
    for copy in log.drive(|broker| broker.committed_records("out")) {
        *copies.entry(copy.value).or_default() += 1;
    }
    assert_eq!(copies.len(), RECORDS);
    assert!(copies.values().all(|count| *count == 1), "{copies:?}");
}

/// Copies until it has done its share, or everything is there.
fn copy(log: &ModelLog, id: &str, copies_max: usize, all: usize) {
    let mut consumer = log.consumer("copiers", &["in"]).unwrap();
    let mut slot = producer(log, id);
    let mut copies = 0;
    while copies < copies_max && log.drive(|broker| broker.committed_records("out")).len() < all {
        match consumer.poll(Duration::from_millis(10)).unwrap() {
            Polled::Record(read) => copies += usize::from(copy_one(&mut consumer, &mut slot, read)),
            Polled::Assigned(partitions) => {
                let committed = consumer.committed(&partitions, Duration::from_secs(10)).unwrap();
                let from = |committed: Option<Committed>| committed.map_or(0, |c| c.offset);
                let starts: Vec<_> = committed.into_iter().map(|(at, c)| (at, from(c))).collect();
                consumer.start(&starts).unwrap();
            }
            Polled::Revoked(partitions) | Polled::Lost(partitions) => {
                consumer.release(&partitions).unwrap();
            }
            Polled::Nothing => {}
        }
    }
}

/// Whether it is done: a rebalance may come between, and then the record is read again.
fn copy_one(consumer: &mut ModelConsumer, slot: &mut ModelProducer, read: Record) -> bool {
    let next = NewOffset { at: read.at.clone(), offset: read.offset + 1, metadata: String::new() };
    assert_eq!(slot.begin(), Outcome::Done);
    let value = std::str::from_utf8(&read.value).unwrap();
    assert_eq!(slot.produce(record(&at("out", 0), value)), Outcome::Done);
    match slot.send_offsets(&[next], &consumer.membership().unwrap()) {
        Outcome::Done => {
            assert_eq!(slot.commit(), Outcome::Done);
            true
        }
        Outcome::Aborted(_) => {
            assert_eq!(slot.abort(), Outcome::Done);
            consumer.seek(&[(read.at, read.offset)]).unwrap();
            false
        }
        other => panic!("{other:?}"),
    }
}
