//! The reading half over librdkafka.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::{BorrowedMessage, Message as _},
};

use super::{
    bounds,
    denial::Asking,
    membership::{self, Member, list_of},
    preflight,
    rebalance::{Change, Signals},
    record::record,
};
use crate::{
    deadline::Deadline,
    ffi::{Refusal, entries},
    log::{Committed, Consumer, ConsumerError, Membership, Polled, Record, TopicPartition},
};

/// A seek is local but for partitions whose first fetch has not begun; those take a moment.
const SEEK_TIMEOUT: Duration = Duration::from_secs(10);
const SEEK_RETRY_EVERY: Duration = Duration::from_millis(20);

/// One question to a broker that is up.
const BOUNDS_TIMEOUT: Duration = Duration::from_secs(5);

/// librdkafka waits whole milliseconds and the wrapper rounds down: what is left of the last one
/// would be waited for in a loop of polls that do not wait, at the cost of a core.
fn whole_ms(left: Duration) -> Duration {
    let ms = left.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}

/// A member of a consumer group.
pub struct RealConsumer {
    /// `None` after it left.
    client: Option<BaseConsumer<Signals>>,
    asking: Asking,
    /// Partitions that the group gave us and has not asked back.
    owned: BTreeSet<TopicPartition>,
    /// Partitions that librdkafka fetches, with the offset of the next record. A subset of
    /// `owned`, and after a revocation what is still to be released.
    started: BTreeMap<TopicPartition, i64>,
}

impl RealConsumer {
    pub(super) fn new(client: BaseConsumer<Signals>, asking: Asking) -> Self {
        Self { client: Some(client), asking, owned: BTreeSet::new(), started: BTreeMap::new() }
    }

    fn client(&self) -> Result<&BaseConsumer<Signals>, ConsumerError> {
        self.client
            .as_ref()
            .ok_or_else(|| ConsumerError::Fatal("the consumer has left its group".to_owned()))
    }

    /// Takes note of a rebalance before the slot hears of it.
    fn turn(&mut self, change: Change) -> Polled {
        match change {
            Change::Assigned(partitions) => {
                self.owned.extend(partitions.iter().cloned());
                Polled::Assigned(partitions)
            }
            Change::Revoked(partitions) => {
                self.owned.retain(|at| !partitions.contains(at));
                Polled::Revoked(partitions)
            }
            Change::Lost(partitions) => {
                self.owned.retain(|at| !partitions.contains(at));
                Polled::Lost(partitions)
            }
        }
    }

    /// The record, unless its partition was revoked while the record waited in the client.
    fn accept(
        owned: &BTreeSet<TopicPartition>,
        started: &mut BTreeMap<TopicPartition, i64>,
        message: &BorrowedMessage<'_>,
    ) -> Option<Record> {
        // A member has few partitions: looking at each is quicker than allocating a key, and
        // shares the name of the topic.
        let is_its = |at: &TopicPartition| {
            at.partition == message.partition() && *at.topic == *message.topic()
        };
        let (at, next) = started.iter_mut().find(|(at, _)| is_its(at))?;
        if !owned.contains(at) {
            return None;
        }
        *next = message.offset() + 1;
        Some(record(at.clone(), message))
    }

    /// What an error of a poll means; `None` when librdkafka goes on by itself.
    fn meaning(&mut self, error: &KafkaError) -> Option<ConsumerError> {
        let code = error.rdkafka_error_code()?;
        let client = self.client.as_ref()?;
        let words = client.context().events.last_words();
        let refusal = Refusal { code, words };
        match code {
            // One connection of several, or one that idled; or a rebalance that the next poll
            // reports as lost.
            Code::BrokerTransportFailure | Code::Resolve | Code::PollExceeded => {
                tracing::warn!(words = refusal.words, "kafka consumer");
                None
            }
            Code::AutoOffsetReset | Code::OffsetOutOfRange => Some(self.out_of_range(refusal)),
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                Some(ConsumerError::Fatal(refusal.words))
            }
            Code::TopicAuthorizationFailed => {
                let topics = self.asking.topics.clone();
                let topics = preflight::denied(client.client(), topics, BOUNDS_TIMEOUT);
                Some(Asking { topics, ..self.asking.clone() }.explain(refusal))
            }
            _ => Some(self.asking.explain(refusal)),
        }
    }

    /// Finds the partition: librdkafka's event does not name it in a form that can be read.
    fn out_of_range(&mut self, refusal: Refusal) -> ConsumerError {
        let started: Vec<_> = self.started.iter().map(|(at, next)| (at.clone(), *next)).collect();
        for (at, next) in started {
            match self.bounds(&at, BOUNDS_TIMEOUT) {
                Ok((first, end)) if next < first || next > end => {
                    let detail = format!("{next} is not in {first}..={end}");
                    return ConsumerError::OutOfRange { at, detail };
                }
                Ok(_) => {}
                Err(error) => return error,
            }
        }
        ConsumerError::Unavailable(refusal.words)
    }

    fn try_seek(
        client: &BaseConsumer<Signals>,
        to: &[(TopicPartition, i64)],
        deadline: Deadline,
    ) -> Result<(), Refusal> {
        let list = positions(to);
        match client.seek_partitions(list, deadline.remaining()) {
            Ok(list) => {
                let refused = entries(&list).into_iter().find_map(|e| e.refusal);
                refused.map_or(Ok(()), Err)
            }
            Err(error) => Err(Refusal { code: Code::OperationTimedOut, words: error.to_string() }),
        }
    }
}

impl Consumer for RealConsumer {
    fn poll(&mut self, timeout: Duration) -> Result<Polled, ConsumerError> {
        let deadline = Deadline::after(timeout);
        loop {
            let client = self.client()?;
            if let Some(change) = client.context().next_change() {
                return Ok(self.turn(change));
            }
            let client = self.client.as_ref().expect("checked above");
            match client.poll(whole_ms(deadline.remaining())) {
                Some(Ok(message)) => {
                    if let Some(record) = Self::accept(&self.owned, &mut self.started, &message) {
                        return Ok(Polled::Record(record));
                    }
                }
                Some(Err(error)) => {
                    if let Some(error) = self.meaning(&error) {
                        return Err(error);
                    }
                }
                // Nothing, or a rebalance that is told above.
                None => {
                    if let Some(change) = client.context().next_change() {
                        return Ok(self.turn(change));
                    }
                    if deadline.passed() {
                        return Ok(Polled::Nothing);
                    }
                }
            }
        }
    }

    fn start(&mut self, starts: &[(TopicPartition, i64)]) -> Result<(), ConsumerError> {
        for (at, _) in starts {
            if !self.owned.contains(at) || self.started.contains_key(at) {
                let why = if self.owned.contains(at) { "started already" } else { "not assigned" };
                return Err(ConsumerError::Fatal(format!("{at} is {why}")));
            }
        }
        let client = self.client()?;
        client
            .incremental_assign(&positions(starts))
            .map_err(|error| ConsumerError::Fatal(error.to_string()))?;
        self.started.extend(starts.iter().cloned());
        Ok(())
    }

    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError> {
        let started: Vec<_> =
            partitions.iter().filter(|at| self.started.contains_key(at)).cloned().collect();
        // Called with an empty list as well: it is the acknowledgement that the group waits for.
        self.client()?
            .incremental_unassign(&list_of(&started))
            .map_err(|error| ConsumerError::Fatal(error.to_string()))?;
        for at in partitions {
            self.started.remove(at);
            self.owned.remove(at);
        }
        Ok(())
    }

    fn committed(
        &mut self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<Vec<(TopicPartition, Option<Committed>)>, ConsumerError> {
        let client = self.client()?.client().native_client();
        let entries = membership::committed(client, partitions, timeout)
            .map_err(|refusal| self.asking.explain(refusal))?;
        entries
            .into_iter()
            .map(|entry| match entry.refusal {
                Some(refusal) => Err(self.asking.explain(refusal)),
                None => {
                    let committed = (entry.offset >= 0)
                        .then_some(Committed { offset: entry.offset, metadata: entry.metadata });
                    Ok((entry.at, committed))
                }
            })
            .collect()
    }

    fn seek(&mut self, to: &[(TopicPartition, i64)]) -> Result<(), ConsumerError> {
        let deadline = Deadline::after(SEEK_TIMEOUT);
        let client = self.client()?;
        loop {
            match Self::try_seek(client, to, deadline) {
                Ok(()) => break,
                // The partition's first fetch has not begun.
                Err(refusal) if refusal.code == Code::State && !deadline.passed() => {
                    std::thread::sleep(deadline.slice(SEEK_RETRY_EVERY));
                }
                Err(refusal) => return Err(self.asking.explain(refusal)),
            }
        }
        for (at, offset) in to {
            if let Some(next) = self.started.get_mut(at) {
                *next = *offset;
            }
        }
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError> {
        let paused = self.client()?.pause(&list_of(partitions));
        paused.map_err(|error| ConsumerError::Fatal(error.to_string()))
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError> {
        let resumed = self.client()?.resume(&list_of(partitions));
        resumed.map_err(|error| ConsumerError::Fatal(error.to_string()))
    }

    fn membership(&self) -> Result<Membership, ConsumerError> {
        let client = self.client()?.client().native_client();
        let member = Member::of(client)
            .ok_or_else(|| ConsumerError::Fatal("the consumer has no group".to_owned()))?;
        if member.generation() < 0 {
            let words = format!("not a member of group {} at present", member.group());
            return Err(ConsumerError::Unavailable(words));
        }
        Ok(member.into_membership())
    }

    fn bounds(
        &mut self,
        partition: &TopicPartition,
        timeout: Duration,
    ) -> Result<(i64, i64), ConsumerError> {
        bounds::bounds(self.client()?, partition, timeout)
            .map_err(|error| self.asking.explain_error(&error))
    }

    fn leave(&mut self) {
        let Some(client) = self.client.take() else { return };
        // Dropping the client closes it, which leaves the group. From here on nobody answers
        // revocations, so that all is given up first.
        client.context().close();
        let started: Vec<_> = std::mem::take(&mut self.started).into_keys().collect();
        self.owned.clear();
        if let Err(error) = client.incremental_unassign(&list_of(&started)) {
            tracing::warn!(%error, "cannot give up partitions on leaving");
        }
    }
}

impl Drop for RealConsumer {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A native list of partitions with offsets.
pub(super) fn positions(at: &[(TopicPartition, i64)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(at.len());
    for (at, offset) in at {
        list.add_partition_offset(&at.topic, at.partition, Offset::Offset(*offset))
            .expect("an offset of a record is not negative");
    }
    list
}
