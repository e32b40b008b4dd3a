//! Several members: shares, and partitions that move between them.

use std::collections::BTreeMap;

use super::{
    Harness,
    steps::{
        Checked, Member, ProducerOf, consumer_of, done, ensure, expect_assigned, expect_no_record,
        membership, offset, poll, producer, producer_named, read, reader, record, settle, single,
        start, topic, until, values, write,
    },
};
use crate::{
    deadline::Deadline,
    log::{Consumer, Outcome, Polled, Producer, Record, TopicPartition},
};

pub(super) fn a_revoked_partition_waits_for_its_release<H: Harness>(h: &H) -> Checked {
    let (topic, group) = (topic(h, 2), h.unique("group"));
    let mut first = Member::new(h, &group, &topic)?;
    settle(h, &mut [&mut first], &[2])?;
    let mut second = Member::new(h, &group, &topic)?;
    let revoked = until(h, "a revocation", || {
        second.step(h)?;
        match poll(&mut first.consumer)? {
            Polled::Revoked(partitions) if !partitions.is_empty() => Ok(Some(partitions)),
            Polled::Lost(partitions) => Err(format!("{partitions:?} lost, not revoked")),
            _ => Ok(None),
        }
    })?;
    ensure!(revoked.len() == 1, "{revoked:?} revoked: a member keeps its share");
    let quiet = Deadline::after(h.quiet());
    while !quiet.passed() {
        second.step(h)?;
        ensure!(second.owned.is_empty(), "{:?} handed over unreleased", second.owned);
    }
    first.consumer.release(&revoked).map_err(|error| format!("release: {error}"))?;
    first.owned.retain(|at| !revoked.contains(at));
    settle(h, &mut [&mut first, &mut second], &[1, 1])?;
    ensure!(second.owned.iter().eq(&revoked), "{:?} came, not {revoked:?}", second.owned);
    Ok(())
}

pub(super) fn a_handover_neither_loses_nor_repeats<H: Harness>(h: &H) -> Checked {
    const PARTITIONS: i32 = 4;
    const EACH: usize = 20;
    let (input, output, group) = (topic(h, PARTITIONS), single(h), h.unique("group"));
    fill(h, &input, PARTITIONS, EACH)?;
    let mut first = Copier::new(h, &group, &input, &output)?;
    until(h, "the first member to begin", || {
        first.step(h)?;
        Ok((first.copied >= EACH / 2).then_some(()))
    })?;
    let mut second = Copier::new(h, &group, &input, &output)?;
    until(h, "an even share", || {
        first.step(h)?;
        second.step(h)?;
        Ok((first.member.owned.len() == 2 && second.member.owned.len() == 2).then_some(()))
    })?;
    until(h, "the second member to go on", || {
        first.step(h)?;
        second.step(h)?;
        Ok((second.copied >= EACH / 2).then_some(()))
    })?;
    first.member.consumer.leave();
    let all = EACH * usize::try_from(PARTITIONS).expect("positive");
    until(h, "the rest", || {
        second.step(h)?;
        Ok((first.copied + second.copied >= all).then_some(()))
    })?;
    let mut copies = reader(h, &output)?;
    expect_each_once(&read(h, &mut copies, all)?, EACH)?;
    expect_no_record(h, &mut copies)
}

pub(super) fn a_group_reads_several_topics<H: Harness>(h: &H) -> Checked {
    let (live, replay) = (single(h), single(h));
    let mut producer = producer(h)?;
    write(&mut producer, &live, &["live"])?;
    write(&mut producer, &replay, &["replay"])?;
    let topics = [&*live.topic, &*replay.topic];
    let mut consumer = consumer_of(h, &h.unique("group"), &topics)?;
    let owned = expect_assigned(h, &mut consumer, 2)?;
    ensure!(owned == [live.clone(), replay.clone()].into(), "{owned:?} assigned");
    for at in [&live, &replay] {
        start(&mut consumer, at, 0)?;
    }
    let mut seen = values(&read(h, &mut consumer, 2)?);
    seen.sort();
    ensure!(seen == ["live", "replay"], "read {seen:?}");
    Ok(())
}

/// Reads a record, writes it to the output and commits both in one transaction: the smallest
/// stage there is.
struct Copier<H: Harness> {
    member: Member<H>,
    producer: ProducerOf<H>,
    output: TopicPartition,
    copied: usize,
}

impl<H: Harness> Copier<H> {
    fn new(h: &H, group: &str, input: &str, output: &TopicPartition) -> Checked<Self> {
        let producer = producer_named(h, &h.unique("copier"))?;
        let member = Member::new(h, group, input)?;
        Ok(Self { member, producer, output: output.clone(), copied: 0 })
    }

    fn step(&mut self, h: &H) -> Checked {
        let Some(read) = self.member.step(h)? else { return Ok(()) };
        done("begin", self.producer.begin())?;
        let copy = format!("{} {}", read.at.partition, String::from_utf8_lossy(&read.value));
        done("produce", self.producer.produce(record(&self.output, copy)))?;
        let next = offset(&read.at, read.offset + 1, "");
        match self.producer.send_offsets(&[next], &membership(&self.member.consumer)?) {
            Outcome::Done => {
                done("commit", self.producer.commit())?;
                self.copied += 1;
                Ok(())
            }
            // A rebalance came between: the record is read again.
            Outcome::Aborted(_) => {
                done("abort", self.producer.abort())?;
                let back = self.member.consumer.seek(&[(read.at, read.offset)]);
                back.map_err(|error| format!("seek: {error}"))
            }
            other => Err(format!("send_offsets ended as {other:?}")),
        }
    }
}

fn fill<H: Harness>(h: &H, topic: &str, partitions: i32, each: usize) -> Checked {
    let mut producer = producer(h)?;
    done("begin", producer.begin())?;
    for partition in 0..partitions {
        let at = TopicPartition::new(topic, partition);
        for n in 0..each {
            done("produce", producer.produce(record(&at, n.to_string())))?;
        }
    }
    done("commit", producer.commit())
}

/// Every input record once, those of a partition in their order.
fn expect_each_once(copies: &[Record], each: usize) -> Checked {
    let mut next: BTreeMap<&str, usize> = BTreeMap::new();
    for copy in copies {
        let text = std::str::from_utf8(&copy.value).map_err(|error| error.to_string())?;
        let (partition, n) = text.split_once(' ').ok_or("a copy is two words")?;
        let expected = next.entry(partition).or_default();
        ensure!(n == expected.to_string(), "partition {partition}: {n} after {expected} copies");
        *expected += 1;
    }
    ensure!(next.values().all(|count| *count == each), "copies by partition: {next:?}");
    Ok(())
}
