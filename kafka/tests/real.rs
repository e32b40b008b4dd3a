//! What the real half does beyond the conformance suite: passwords, ACLs, bytes that others
//! wrote, and clients that come and go.

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use cordon_kafka::{
    admin::{Operation, Resource},
    log::{Committed, Consumer, ConsumerError, Log, NewOffset, Outcome, Polled, Producer},
    real::RealLog,
    secret::Password,
};
use support::{BROKER, Principal, admin, assigned, fill, next_record, poll_until, text, topic};

#[test]
fn a_stage_reads_writes_and_commits() {
    let (input, output) = (topic("in", 1), topic("out", 1));
    fill([text(&input, 0, "a"), text(&input, 0, "b")]);
    let stage = Principal::stage("stage", &input, &[&output]);
    let mut consumer = stage.consumer(&[&input]);
    let partitions = assigned(&mut consumer);
    let committed = consumer.committed(&partitions, Duration::from_secs(5)).unwrap();
    assert_eq!(committed, [(partitions[0].clone(), None)]);
    consumer.start(&[(partitions[0].clone(), 0)]).unwrap();
    assert_eq!(next_record(&mut consumer).value, "a");

    let mut producer = stage.producer(0);
    let membership = consumer.membership().unwrap();
    let offset =
        |offset, metadata: &str| NewOffset { at: partitions[0].clone(), offset, metadata: metadata.to_owned() };
    assert_eq!(producer.begin(), Outcome::Done);
    assert_eq!(producer.produce(text(&output, 0, "A")), Outcome::Done);
    assert_eq!(producer.send_offsets(&[offset(1, "one")], &membership), Outcome::Done);
    assert_eq!(producer.commit(), Outcome::Done);
    let committed = consumer.committed(&partitions, Duration::from_secs(5)).unwrap();
    let expected = Committed { offset: 1, metadata: b"one".to_vec() };
    assert_eq!(committed, [(partitions[0].clone(), Some(expected.clone()))]);

    assert_eq!(producer.begin(), Outcome::Done);
    assert_eq!(producer.produce(text(&output, 0, "B")), Outcome::Done);
    assert_eq!(producer.send_offsets(&[offset(2, "two")], &membership), Outcome::Done);
    assert_eq!(producer.abort(), Outcome::Done);
    let committed = consumer.committed(&partitions, Duration::from_secs(5)).unwrap();
    assert_eq!(committed, [(partitions[0].clone(), Some(expected))]);
    let written: Vec<_> =
        RealLog::new(BROKER.admin()).reader(&output).unwrap().map(|r| r.unwrap().value).collect();
    assert_eq!(written, ["A"]);
}

#[test]
fn transactions_back_to_back_cost_milliseconds() {
    let output = topic("out", 4);
    let stage = Principal::stage("stage", &output, &[&output]);
    let mut producer = stage.producer(0);
    let start = Instant::now();
    for round in 0..50 {
        assert_eq!(producer.begin(), Outcome::Done);
        for partition in 0..4 {
            assert_eq!(producer.produce(text(&output, partition, &round.to_string())), Outcome::Done);
        }
        assert_eq!(producer.commit(), Outcome::Done);
    }
    println!("50 transactions in {:?}", start.elapsed());
}
