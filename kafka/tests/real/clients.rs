//! Clients that come and go, and records that others wrote.

use std::{ffi::CString, time::Duration};

use bytes::Bytes;
use cordon_kafka::{
    log::{
        Committed, Consumer, Log, NewOffset, NewRecord, Outcome, Producer, Record, TopicPartition,
    },
    real::{RealConsumer, RealLog},
};
use rdkafka::{
    ClientConfig, bindings as rd,
    producer::{BaseProducer, Producer as _},
};

use crate::support::{BROKER, Principal, assigned, fill, next_record, now, text, topic, unique};

const SOON: Duration = Duration::from_secs(10);

fn read(topic: &str) -> Vec<Record> {
    let records = RealLog::new(BROKER.admin()).reader(topic).expect("a reader");
    records.map(|record| record.expect("a record")).collect()
}

#[test]
fn a_stage_reads_writes_and_commits_as_itself() {
    let (input, output) = (topic("in", 1), topic("out", 1));
    fill([text(&input, 0, "a"), text(&input, 0, "b")]);
    let stage = Principal::stage("stage", &input, &[&output]);
    let mut consumer = stage.consumer(&[&input]);
    let [at] = &assigned(&mut consumer)[..] else { panic!("one partition") };
    let committed = |consumer: &mut RealConsumer| {
        consumer.committed(std::slice::from_ref(at), SOON).unwrap().remove(0).1
    };
    assert_eq!(committed(&mut consumer), None);
    consumer.start(&[(at.clone(), 0)]).unwrap();
    assert_eq!(next_record(&mut consumer).value, "a");

    let mut producer = stage.producer(0);
    let membership = consumer.membership().unwrap();
    let offset = |offset, metadata: &str| {
        [NewOffset { at: at.clone(), offset, metadata: metadata.to_owned() }]
    };
    let expected = Committed { offset: 1, metadata: b"one".to_vec() };
    assert_eq!(producer.begin(), Outcome::Done);
    assert_eq!(producer.produce(text(&output, 0, "A")), Outcome::Done);
    assert_eq!(producer.send_offsets(&offset(1, "one"), &membership), Outcome::Done);
    assert_eq!(producer.commit(), Outcome::Done);
    assert_eq!(committed(&mut consumer), Some(expected.clone()));

    assert_eq!(producer.begin(), Outcome::Done);
    assert_eq!(producer.produce(text(&output, 0, "B")), Outcome::Done);
    assert_eq!(producer.send_offsets(&offset(2, "two"), &membership), Outcome::Done);
    assert_eq!(producer.abort(), Outcome::Done);
    assert_eq!(committed(&mut consumer), Some(expected));
    assert_eq!(read(&output).into_iter().map(|r| r.value).collect::<Vec<_>>(), ["A"]);
}

#[test]
fn transactions_back_to_back_take_milliseconds() {
    const ROUNDS: u32 = 50;
    // With the default backoff each takes 105 ms and more; a loaded machine needs some leeway.
    const EACH_MAX: Duration = Duration::from_millis(100);
    let output = topic("out", 4);
    let stage = Principal::stage("stage", &output, &[&output]);
    let mut producer = stage.producer(0);
    let begin = now();
    for _ in 0..ROUNDS {
        assert_eq!(producer.begin(), Outcome::Done);
        for partition in 0..4 {
            assert_eq!(producer.produce(text(&output, partition, "x")), Outcome::Done);
        }
        assert_eq!(producer.commit(), Outcome::Done);
    }
    let each = begin.elapsed() / ROUNDS;
    println!("a transaction takes {each:?}");
    assert!(each < EACH_MAX, "{each:?}");
    assert_eq!(read(&output).len(), 4 * ROUNDS as usize);
}

/// rust-rdkafka panics over such a header; anyone who may write to a topic may write one.
#[test]
fn hostile_bytes_of_others_are_read_as_they_are() {
    let raw = topic("raw", 1);
    produce_hostile(&raw);
    let records = read(&raw);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].key.as_deref(), Some(&b"\xff\0\xfe"[..]));
    assert_eq!(records[0].value, &b"\0\xff"[..]);
    let expected = [
        ("\u{fffd}\u{fffd}name".to_owned(), Bytes::from_static(b"\xff\0\xfe")),
        (String::new(), Bytes::new()),
    ];
    assert_eq!(records[0].headers, expected);
}

/// Writes a record with a header name that is not UTF-8, and one that is empty.
#[expect(unsafe_code, reason = "safe code cannot write what an attacker can")]
fn produce_hostile(topic: &str) {
    let admin = BROKER.admin();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &admin.bootstrap)
        .set("security.protocol", "SASL_PLAINTEXT")
        .set("sasl.mechanism", "SCRAM-SHA-512")
        .set("sasl.username", &admin.username)
        .set("sasl.password", admin.password.expose())
        .create()
        .unwrap();
    let topic = CString::new(topic).unwrap();
    let (key, value) = (b"\xff\0\xfe", b"\0\xff");
    // SAFETY: the arguments are those of rdkafka.h's RD_V_ macros, in pairs with their types, and
    // all live for the call, which copies them.
    let sent = unsafe {
        rd::rd_kafka_producev(
            producer.client().native_ptr(),
            rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
            topic.as_ptr(),
            rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS,
            rd::RD_KAFKA_MSG_F_COPY,
            rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY,
            key.as_ptr(),
            key.len(),
            rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE,
            value.as_ptr(),
            value.len(),
            rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADER,
            c"\xff\xfename".as_ptr(),
            key.as_ptr(),
            key.len(),
            rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADER,
            c"".as_ptr(),
            std::ptr::null::<u8>(),
            0_usize,
            rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
        )
    };
    assert_eq!(sent, rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
    producer.flush(SOON).unwrap();
}

#[test]
fn a_record_outside_transactions_arrives_before_its_producer_is_gone() {
    let metrics = topic("metrics", 1);
    let stage = Principal::stage("stage", &metrics, &[&metrics]);
    let mut producer = stage.producer(0);
    producer.produce_plain(NewRecord { partition: None, ..text(&metrics, 0, "beat") });
    drop(producer);
    assert_eq!(read(&metrics).len(), 1);
}

#[test]
fn a_reader_ends_at_the_end_whatever_is_there() {
    let empty = topic("empty", 3);
    assert!(read(&empty).is_empty());
    let aborted = topic("aborted", 2);
    fill([text(&aborted, 0, "kept")]);
    let mut producer = RealLog::new(BROKER.admin()).producer(&unique("abort")).unwrap();
    assert_eq!(producer.init(), Outcome::Done);
    assert_eq!(producer.begin(), Outcome::Done);
    for partition in 0..2 {
        assert_eq!(producer.produce(text(&aborted, partition, "dropped")), Outcome::Done);
    }
    assert_eq!(producer.abort(), Outcome::Done);
    let values: Vec<_> = read(&aborted).into_iter().map(|record| record.value).collect();
    assert_eq!(values, ["kept"]);
}

/// Dropping a consumer, with and without work, with an assignment that nobody took up.
#[test]
fn consumers_close_without_hanging() {
    let input = topic("in", 2);
    fill([text(&input, 0, "a"), text(&input, 1, "b")]);
    let stage = Principal::stage("stage", &input, &[]);
    let time = |consumer: RealConsumer| {
        let begin = now();
        drop(consumer);
        let took = begin.elapsed();
        assert!(took < SOON, "closing took {took:?}");
        took
    };
    let idle = time(stage.consumer(&[&input]));
    let mut assigned_only = stage.consumer(&[&input]);
    assigned(&mut assigned_only);
    let assigned_only = time(assigned_only);
    let mut busy = stage.consumer(&[&input]);
    let starts: Vec<(TopicPartition, i64)> =
        assigned(&mut busy).into_iter().map(|at| (at, 0)).collect();
    busy.start(&starts).unwrap();
    next_record(&mut busy);
    let busy = time(busy);
    println!("closing: idle {idle:?}, assigned {assigned_only:?}, busy {busy:?}");
}
