//! Where reading starts, goes back and rests.

use super::{
    Harness,
    steps::{
        Checked, begin_with, commit_offset, committed, done, ensure, expect_committed,
        expect_no_record, expect_read, joined, joined_to, membership, offset, producer, reader,
        single, start, topic, until, write,
    },
};
use crate::log::{Consumer, ConsumerError, Polled, Producer, TopicPartition};

pub(super) fn a_missing_offset_is_told_and_not_guessed<H: Harness>(h: &H) -> Checked {
    let at = single(h);
    write(&mut producer(h)?, &at, &["a", "b"])?;
    let mut consumer = joined(h, &at.topic)?;
    let seen = committed(h, &mut consumer, &at)?;
    ensure!(seen.is_none(), "a new group has {seen:?} committed");
    expect_no_record(h, &mut consumer)?;
    start(&mut consumer, &at, 0)?;
    expect_read(h, &mut consumer, &["a", "b"])
}

pub(super) fn reading_starts_where_it_is_told<H: Harness>(h: &H) -> Checked {
    let (at, group) = (single(h), h.unique("group"));
    let mut producer = producer(h)?;
    write(&mut producer, &at, &["a", "b", "c", "d"])?;
    let mut consumer = joined_to(h, &group, &at.topic)?;
    start(&mut consumer, &at, 2)?;
    expect_read(h, &mut consumer, &["c", "d"])?;
    commit_offset(&mut producer, offset(&at, 3, "three"), &membership(&consumer)?)?;
    consumer.leave();
    drop(consumer);
    let mut restarted = joined_to(h, &group, &at.topic)?;
    expect_committed(h, &mut restarted, &at, Some((3, "three")))?;
    start(&mut restarted, &at, 3)?;
    expect_read(h, &mut restarted, &["d"])
}

pub(super) fn seeking_back_redelivers<H: Harness>(h: &H) -> Checked {
    let (input, output) = (single(h), single(h));
    let mut producer = producer(h)?;
    write(&mut producer, &input, &["a", "b", "c"])?;
    let mut consumer = reader(h, &input)?;
    expect_read(h, &mut consumer, &["a", "b"])?;
    begin_with(&mut producer, &output, &["a", "b"])?;
    let sent = producer.send_offsets(&[offset(&input, 2, "")], &membership(&consumer)?);
    done("send_offsets", sent)?;
    done("abort", producer.abort())?;
    consumer.seek(&[(input, 0)]).map_err(|error| format!("seek: {error}"))?;
    expect_read(h, &mut consumer, &["a", "b", "c"])
}

pub(super) fn a_paused_partition_waits<H: Harness>(h: &H) -> Checked {
    let topic = topic(h, 2);
    let [paused, other] = [0, 1].map(|n| TopicPartition::new(topic.clone(), n));
    let mut producer = producer(h)?;
    write(&mut producer, &paused, &["a"])?;
    let mut consumer = joined(h, &topic)?;
    start(&mut consumer, &paused, 0)?;
    start(&mut consumer, &other, 0)?;
    expect_read(h, &mut consumer, &["a"])?;
    let pausing = std::slice::from_ref(&paused);
    consumer.pause(pausing).map_err(|error| format!("pause: {error}"))?;
    write(&mut producer, &paused, &["b", "c"])?;
    write(&mut producer, &other, &["other"])?;
    expect_read(h, &mut consumer, &["other"])?;
    expect_no_record(h, &mut consumer)?;
    consumer.resume(pausing).map_err(|error| format!("resume: {error}"))?;
    expect_read(h, &mut consumer, &["b", "c"])
}

pub(super) fn an_offset_out_of_range_is_told<H: Harness>(h: &H) -> Checked {
    let at = single(h);
    write(&mut producer(h)?, &at, &["a"])?;
    let mut consumer = joined(h, &at.topic)?;
    start(&mut consumer, &at, 1000)?;
    until(h, "an error", || match consumer.poll(h.quiet()) {
        Err(ConsumerError::OutOfRange { at: told, .. }) => {
            ensure!(told == at, "{told} is told to be out of range, not {at}");
            Ok(Some(()))
        }
        Ok(Polled::Record(record)) => Err(format!("read offset {}", record.offset)),
        Ok(_) | Err(ConsumerError::Unavailable(_)) => Ok(None),
        Err(error) => Err(format!("poll: {error}")),
    })
}
