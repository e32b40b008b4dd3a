//! Records: what of them is read, and when.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{
    Harness,
    steps::{
        Checked, abort_and_write, begin_with, done, ensure, expect_no_record, expect_read, joined,
        producer, producer as open_producer, read, reader, record, single, start, topic, until,
        write,
    },
};
use crate::log::{Consumer, NewRecord, Outcome, Producer, TopicPartition};

pub(super) fn a_record_arrives_as_it_was_sent<H: Harness>(h: &H) -> Checked {
    let at = single(h);
    let mut producer = producer(h)?;
    let sent = NewRecord {
        key: Some(Bytes::from_static(b"key \xff\0")),
        headers: vec![
            ("traceparent".to_owned(), Bytes::from_static(b"00-1")),
            ("traceparent".to_owned(), Bytes::from_static(b"\xff")),
            ("empty".to_owned(), Bytes::new()),
        ],
        ..record(&at, b"value \xff\0")
    };
    done("begin", producer.begin())?;
    done("produce", producer.produce(sent.clone()))?;
    done("produce", producer.produce(record(&at, "")))?;
    done("commit", producer.commit())?;
    let seen = read(h, &mut reader(h, &at)?, 2)?;
    ensure!(
        (&seen[0].at, &seen[0].key, &seen[0].value, &seen[0].headers)
            == (&at, &sent.key, &sent.value, &sent.headers),
        "sent {sent:?}, read {:?}",
        seen[0]
    );
    ensure!(seen[1].key.is_none() && seen[1].value.is_empty(), "read {:?}", seen[1]);
    ensure!(seen[0].offset < seen[1].offset, "offsets {} and {}", seen[0].offset, seen[1].offset);
    Ok(())
}

pub(super) fn equal_keys_share_a_partition<H: Harness>(h: &H) -> Checked {
    const RECORDS: usize = 8;
    let topic = topic(h, 4);
    let mut producer = producer(h)?;
    done("begin", producer.begin())?;
    for n in 0..RECORDS {
        let keyed = NewRecord {
            topic: topic.clone(),
            partition: None,
            key: Some(Bytes::from_static(b"one device")),
            value: n.to_string().into(),
            headers: Vec::new(),
        };
        done("produce", producer.produce(keyed))?;
    }
    done("commit", producer.commit())?;
    let mut consumer = joined(h, &topic)?;
    for partition in 0..4 {
        start(&mut consumer, &TopicPartition::new(topic.clone(), partition), 0)?;
    }
    let seen = read(h, &mut consumer, RECORDS)?;
    let partitions: BTreeSet<_> = seen.iter().map(|record| record.at.partition).collect();
    ensure!(partitions.len() == 1, "one key in partitions {partitions:?}");
    Ok(())
}

pub(super) fn aborted_records_are_never_read<H: Harness>(h: &H) -> Checked {
    let at = single(h);
    let mut producer = producer(h)?;
    write(&mut producer, &at, &["a"])?;
    begin_with(&mut producer, &at, &["aborted", "aborted too"])?;
    abort_and_write(&mut producer, &at, "b")?;
    expect_read(h, &mut reader(h, &at)?, &["a", "b"])
}

pub(super) fn an_open_transaction_hides_all_that_follow<H: Harness>(h: &H) -> Checked {
    let at = single(h);
    let (mut slow, mut quick) = (producer(h)?, producer(h)?);
    write(&mut quick, &at, &["a"])?;
    begin_with(&mut slow, &at, &["b"])?;
    let_it_arrive(h);
    write(&mut quick, &at, &["c"])?;
    let mut consumer = reader(h, &at)?;
    expect_read(h, &mut consumer, &["a"])?;
    expect_no_record(h, &mut consumer)?;
    done("commit", slow.commit())?;
    expect_read(h, &mut consumer, &["b", "c"])
}

pub(super) fn bounds_end_at_an_open_transaction<H: Harness>(h: &H) -> Checked {
    let at = single(h);
    let (mut slow, mut quick) = (producer(h)?, producer(h)?);
    // One record and its commit marker.
    write(&mut quick, &at, &["a"])?;
    begin_with(&mut slow, &at, &["b"])?;
    let_it_arrive(h);
    write(&mut quick, &at, &["c"])?;
    let mut consumer = joined(h, &at.topic)?;
    expect_bounds(h, &mut consumer, &at, (0, 2))?;
    done("abort", slow.abort())?;
    // Three records and three markers.
    expect_bounds(h, &mut consumer, &at, (0, 6))
}

/// Waits for these bounds: a transaction has ended before all of its markers are written.
fn expect_bounds(
    h: &impl Harness,
    consumer: &mut impl Consumer,
    at: &TopicPartition,
    expected: (i64, i64),
) -> Checked {
    let mut seen = None;
    let awaited = until(h, "bounds", || {
        let bounds = consumer.bounds(at, h.patience()).map_err(|error| error.to_string())?;
        seen = Some(bounds);
        Ok((bounds == expected).then_some(()))
    });
    awaited.map_err(|error| format!("{error} {expected:?}, they are {seen:?}"))
}

/// Gives a record of an open transaction time to reach the log. Delivery is known only at commit,
/// and nothing of it can be seen through the seam before.
fn let_it_arrive(h: &impl Harness) {
    h.pass(h.quiet());
}

pub(super) fn a_commit_is_atomic_over_topics<H: Harness>(h: &H) -> Checked {
    let (pointers, receipts) = (single(h), single(h));
    let mut producer = producer(h)?;
    begin_with(&mut producer, &pointers, &["pointer"])?;
    done("produce", producer.produce(record(&receipts, "receipt")))?;
    let (mut first, mut second) = (reader(h, &pointers)?, reader(h, &receipts)?);
    expect_no_record(h, &mut first)?;
    expect_no_record(h, &mut second)?;
    done("commit", producer.commit())?;
    expect_read(h, &mut first, &["pointer"])?;
    expect_read(h, &mut second, &["receipt"])
}

pub(super) fn plain_records_are_in_no_transaction<H: Harness>(h: &H) -> Checked {
    let (at, metrics) = (single(h), single(h));
    let mut producer = producer(h)?;
    begin_with(&mut producer, &at, &["a"])?;
    producer.produce_plain(record(&metrics, "metric"));
    let mut consumer = reader(h, &metrics)?;
    expect_read(h, &mut consumer, &["metric"])?;
    done("abort", producer.abort())?;
    producer.produce_plain(record(&metrics, "another"));
    expect_read(h, &mut consumer, &["another"])
}

pub(super) fn a_record_that_is_too_large_aborts<H: Harness>(h: &H) -> Checked {
    // More than any broker takes by default (1 MiB).
    const BYTES: usize = 2 << 20;
    let at = single(h);
    let mut producer = producer(h)?;
    begin_with(&mut producer, &at, &["lost"])?;
    let produced = producer.produce(record(&at, vec![0; BYTES]));
    let ended = if produced == Outcome::Done { producer.commit() } else { produced };
    ensure!(matches!(ended, Outcome::Aborted(_)), "a record of {BYTES} bytes: {ended:?}");
    abort_and_write(&mut producer, &at, "good")?;
    expect_read(h, &mut reader(h, &at)?, &["good"])
}

pub(super) fn a_record_to_nowhere_is_not_committed<H: Harness>(h: &H) -> Checked {
    let at = single(h);
    let nowhere = TopicPartition::new(at.topic.clone(), 7);
    let mut producer = producer(h)?;
    begin_with(&mut producer, &at, &["lost"])?;
    let produced = producer.produce(record(&nowhere, "nowhere"));
    let ended = if produced == Outcome::Done { producer.commit() } else { produced };
    ensure!(ended != Outcome::Done, "a record for {nowhere} was committed");
    // Whether this producer survives it is the client's affair; its transaction does not.
    drop(producer);
    write(&mut open_producer(h)?, &at, &["good"])
}
