//! The steps that cases are written in.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;

use super::Harness;
use crate::{
    deadline::Deadline,
    log::{
        Committed, Consumer, ConsumerError, Log, Membership, NewOffset, NewRecord, Outcome, Polled,
        Producer, Record, TopicPartition,
    },
};

pub(super) type ConsumerOf<H> = <<H as Harness>::Log as Log>::Consumer;
pub(super) type ProducerOf<H> = <<H as Harness>::Log as Log>::Producer;
pub(super) type Checked<T = ()> = Result<T, String>;

/// One poll among many: short, so that several consumers can be served in turn.
const POLL_SLICE: Duration = Duration::from_millis(50);

/// Fails with a message, unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}
pub(super) use ensure;

// ---- topics and names ---------------------------------------------------------------------------

/// A new topic.
pub(super) fn topic(h: &impl Harness, partitions: i32) -> Arc<str> {
    let topic = h.unique("topic");
    h.create_topic(&topic, partitions);
    topic.into()
}

/// Partition 0 of a new topic that has no other.
pub(super) fn single(h: &impl Harness) -> TopicPartition {
    TopicPartition::new(topic(h, 1), 0)
}

/// A record for one partition.
pub(super) fn record(at: &TopicPartition, value: impl AsRef<[u8]>) -> NewRecord {
    NewRecord {
        topic: at.topic.clone(),
        partition: Some(at.partition),
        key: None,
        value: Bytes::copy_from_slice(value.as_ref()),
        headers: Vec::new(),
    }
}

/// The values of records, as text.
pub(super) fn values(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8_lossy(&record.value).into_owned()).collect()
}

// ---- producers ----------------------------------------------------------------------------------

/// Demands that a step was done.
pub(super) fn done(step: &str, outcome: Outcome) -> Checked {
    ensure!(outcome == Outcome::Done, "{step} ended as {outcome:?}");
    Ok(())
}

/// An open producer with a transactional id of its own.
pub(super) fn producer<H: Harness>(h: &H) -> Checked<ProducerOf<H>> {
    producer_named(h, &h.unique("producer"))
}

/// An open producer.
pub(super) fn producer_named<H: Harness>(h: &H, id: &str) -> Checked<ProducerOf<H>> {
    let mut producer = h.log().producer(id).map_err(|error| format!("opening {id}: {error}"))?;
    done("init", producer.init())?;
    Ok(producer)
}

/// Begins a transaction with these values in it.
pub(super) fn begin_with(
    producer: &mut impl Producer,
    at: &TopicPartition,
    values: &[&str],
) -> Checked {
    done("begin", producer.begin())?;
    values.iter().try_for_each(|value| done("produce", producer.produce(record(at, value))))
}

/// Writes values in one committed transaction.
pub(super) fn write(producer: &mut impl Producer, at: &TopicPartition, values: &[&str]) -> Checked {
    begin_with(producer, at, values)?;
    done("commit", producer.commit())
}

/// Fails a transaction whose last step must not have been done, and shows that the producer is
/// good for another.
pub(super) fn abort_and_write(
    producer: &mut impl Producer,
    at: &TopicPartition,
    value: &str,
) -> Checked {
    done("abort", producer.abort())?;
    write(producer, at, &[value])
}

pub(super) fn offset(at: &TopicPartition, offset: i64, metadata: &str) -> NewOffset {
    NewOffset { at: at.clone(), offset, metadata: metadata.to_owned() }
}

/// Commits one offset in a transaction of its own.
pub(super) fn commit_offset(
    producer: &mut impl Producer,
    new: NewOffset,
    membership: &Membership,
) -> Checked {
    done("begin", producer.begin())?;
    done("send_offsets", producer.send_offsets(&[new], membership))?;
    done("commit", producer.commit())
}

// ---- consumers ----------------------------------------------------------------------------------

/// A consumer in a group; it has not polled yet.
pub(super) fn consumer<H: Harness>(h: &H, group: &str, topic: &str) -> Checked<ConsumerOf<H>> {
    consumer_of(h, group, &[topic])
}

/// A consumer of several topics. A coordinator that is just starting refuses at first.
pub(super) fn consumer_of<H: Harness>(
    h: &H,
    group: &str,
    topics: &[&str],
) -> Checked<ConsumerOf<H>> {
    until(h, "the coordinator", || match h.log().consumer(group, topics) {
        Ok(consumer) => Ok(Some(consumer)),
        Err(ConsumerError::Unavailable(_)) => Ok(None),
        Err(error) => Err(format!("opening {group}: {error}")),
    })
}

/// A consumer alone in a new group, that owns everything and has started nothing.
pub(super) fn joined<H: Harness>(h: &H, topic: &str) -> Checked<ConsumerOf<H>> {
    joined_to(h, &h.unique("group"), topic)
}

/// A consumer alone in a group, that owns everything and has started nothing.
pub(super) fn joined_to<H: Harness>(h: &H, group: &str, topic: &str) -> Checked<ConsumerOf<H>> {
    let mut consumer = consumer(h, group, topic)?;
    let counts = h.log().partitions(&[topic]).map_err(|error| error.to_string())?;
    expect_assigned(h, &mut consumer, usize::try_from(counts[0]).expect("a count"))?;
    Ok(consumer)
}

/// Waits for so many partitions to be assigned.
pub(super) fn expect_assigned(
    h: &impl Harness,
    consumer: &mut impl Consumer,
    count: usize,
) -> Checked<BTreeSet<TopicPartition>> {
    let mut owned = BTreeSet::new();
    until(h, "an assignment of everything", || {
        if let Polled::Assigned(partitions) = poll(consumer)? {
            owned.extend(partitions);
        }
        Ok((owned.len() == count).then_some(()))
    })?;
    Ok(owned)
}

/// A consumer alone in a new group that reads one partition from its beginning.
pub(super) fn reader<H: Harness>(h: &H, at: &TopicPartition) -> Checked<ConsumerOf<H>> {
    let mut consumer = joined(h, &at.topic)?;
    start(&mut consumer, at, 0)?;
    Ok(consumer)
}

pub(super) fn start(consumer: &mut impl Consumer, at: &TopicPartition, offset: i64) -> Checked {
    consumer.start(&[(at.clone(), offset)]).map_err(|error| format!("start: {error}"))
}

pub(super) fn membership(consumer: &impl Consumer) -> Checked<Membership> {
    consumer.membership().map_err(|error| format!("membership: {error}"))
}

/// What is committed for one partition.
pub(super) fn committed(
    h: &impl Harness,
    consumer: &mut impl Consumer,
    at: &TopicPartition,
) -> Checked<Option<Committed>> {
    let answer = consumer.committed(std::slice::from_ref(at), h.patience());
    let mut answer = answer.map_err(|error| format!("committed: {error}"))?;
    ensure!(answer.len() == 1 && answer[0].0 == *at, "committed({at}) answers {answer:?}");
    Ok(answer.remove(0).1)
}

/// Demands what is committed for one partition.
pub(super) fn expect_committed(
    h: &impl Harness,
    consumer: &mut impl Consumer,
    at: &TopicPartition,
    expected: Option<(i64, &str)>,
) -> Checked {
    let seen = committed(h, consumer, at)?;
    let expected = expected
        .map(|(offset, metadata)| Committed { offset, metadata: metadata.as_bytes().to_vec() });
    ensure!(seen == expected, "committed for {at}: {}, not {}", show(&seen), show(&expected));
    Ok(())
}

/// An offset with its metadata as text, cut to what a person reads.
fn show(committed: &Option<Committed>) -> String {
    let Some(Committed { offset, metadata }) = committed else { return "nothing".to_owned() };
    let cut = &metadata[..metadata.len().min(40)];
    let text = String::from_utf8_lossy(cut);
    format!("{offset} with {} bytes of metadata {text:?}", metadata.len())
}

/// One short poll. A broker that is away for a moment is as good as nothing.
pub(super) fn poll(consumer: &mut impl Consumer) -> Checked<Polled> {
    match consumer.poll(POLL_SLICE) {
        Ok(polled) => Ok(polled),
        Err(ConsumerError::Unavailable(_)) => Ok(Polled::Nothing),
        Err(error) => Err(format!("poll: {error}")),
    }
}

/// Reads so many records.
pub(super) fn read(
    h: &impl Harness,
    consumer: &mut impl Consumer,
    count: usize,
) -> Checked<Vec<Record>> {
    let mut records = Vec::new();
    let awaited = until(h, "records", || {
        if let Polled::Record(record) = poll(consumer)? {
            records.push(record);
        }
        Ok((records.len() >= count).then_some(()))
    });
    awaited.map_err(|error| format!("{error}: {count} expected, {:?} read", values(&records)))?;
    Ok(records)
}

/// Reads records, which must have these values in this order.
pub(super) fn expect_read(
    h: &impl Harness,
    consumer: &mut impl Consumer,
    expected: &[&str],
) -> Checked {
    let seen = values(&read(h, consumer, expected.len())?);
    ensure!(seen == expected, "read {seen:?}, not {expected:?}");
    Ok(())
}

/// Demands that no record comes.
pub(super) fn expect_no_record(h: &impl Harness, consumer: &mut impl Consumer) -> Checked {
    let deadline = Deadline::after(h.quiet());
    loop {
        if let Polled::Record(record) = poll(consumer)? {
            return Err(format!("read {:?}, and nothing should come", values(&[record])));
        }
        if deadline.passed() {
            return Ok(());
        }
    }
}

/// Repeats a step until it gives something, at most as long as patience lasts.
pub(super) fn until<T>(
    h: &impl Harness,
    what: &str,
    mut step: impl FnMut() -> Checked<Option<T>>,
) -> Checked<T> {
    let deadline = Deadline::after(h.patience());
    loop {
        if let Some(found) = step()? {
            return Ok(found);
        }
        ensure!(!deadline.passed(), "waited in vain for {what}");
    }
}

// ---- members that share a group -----------------------------------------------------------------

/// A consumer with what it owns. It answers a rebalance at once.
pub(super) struct Member<H: Harness> {
    pub(super) consumer: ConsumerOf<H>,
    pub(super) owned: BTreeSet<TopicPartition>,
    /// Whether anything was ever lost.
    pub(super) has_lost: bool,
}

impl<H: Harness> Member<H> {
    pub(super) fn new(h: &H, group: &str, topic: &str) -> Checked<Self> {
        let consumer = consumer(h, group, topic)?;
        Ok(Self { consumer, owned: BTreeSet::new(), has_lost: false })
    }

    /// Polls once and keeps track of what it owns. Starts what it gets where the group stands,
    /// else at the beginning. Returns the record, if one came.
    pub(super) fn step(&mut self, h: &H) -> Checked<Option<Record>> {
        match poll(&mut self.consumer)? {
            Polled::Record(record) => {
                ensure!(self.owned.contains(&record.at), "a record of {}, not owned", record.at);
                return Ok(Some(record));
            }
            Polled::Assigned(partitions) => {
                for at in &partitions {
                    let from = committed(h, &mut self.consumer, at)?.map_or(0, |c| c.offset);
                    start(&mut self.consumer, at, from)?;
                }
                self.owned.extend(partitions);
            }
            Polled::Revoked(partitions) => self.give_up(&partitions)?,
            Polled::Lost(partitions) => {
                self.has_lost = true;
                self.give_up(&partitions)?;
            }
            Polled::Nothing => {}
        }
        Ok(None)
    }

    fn give_up(&mut self, partitions: &[TopicPartition]) -> Checked {
        self.owned.retain(|at| !partitions.contains(at));
        self.consumer.release(partitions).map_err(|error| format!("release: {error}"))
    }
}

/// Polls members in turn until each owns as many partitions as told.
pub(super) fn settle<H: Harness>(
    h: &H,
    members: &mut [&mut Member<H>],
    shares: &[usize],
) -> Checked {
    let awaited = until(h, "shares", || {
        members.iter_mut().try_for_each(|member| member.step(h).map(|_| ()))?;
        let seen = members.iter().map(|member| member.owned.len());
        Ok(seen.eq(shares.iter().copied()).then_some(()))
    });
    let seen: Vec<_> = members.iter().map(|member| &member.owned).collect();
    awaited.map_err(|error| format!("{error} {shares:?}; members own {seen:?}"))
}
