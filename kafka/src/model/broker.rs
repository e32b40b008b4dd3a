//! The core: topics, transactions and groups, and what the driver of a model may do to them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Faults, MemberId, Mutation, Step, Verdict,
    group::{Counts, Group},
    partition::{Partition, Stored},
    transaction::{ProducerId, Session, State, Transactional},
};
use crate::log::{Committed, NewRecord, Record, TopicPartition};

/// What the broker bounds. The defaults are Apache Kafka's or librdkafka's.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// An open transaction older than this is aborted when time advances.
    pub transaction_timeout: Duration,
    /// A member that has not polled for so long is expelled when time advances.
    pub poll_interval_max: Duration,
    /// Key, value and headers of one record.
    pub record_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transaction_timeout: Duration::from_secs(60),
            poll_interval_max: Duration::from_secs(300),
            record_bytes_max: 1_000_000,
        }
    }
}

/// The model of a Kafka cluster. Deterministic: no thread, clock, randomness or hash order.
#[derive(Default)]
pub struct Broker {
    pub(super) limits: Limits,
    pub(super) mutation: Option<Mutation>,
    /// The logical clock; also the timestamp of records.
    pub(super) now_ms: i64,
    pub(super) topics: BTreeMap<Arc<str>, Vec<Partition>>,
    pub(super) groups: BTreeMap<Arc<str>, Group>,
    pub(super) transactional: BTreeMap<Arc<str>, Transactional>,
    /// Commits and aborts that are still under way, oldest first.
    pub(super) delayed: Vec<EndTransaction>,
    /// Asked before each call of a client.
    faults: Option<Box<dyn Faults>>,
}

/// A producer's request to end its transaction.
#[derive(Clone)]
pub(super) struct EndTransaction {
    pub(super) session: Session,
    pub(super) commit: bool,
}

/// Records that cannot be imported at their offsets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// There is no such partition.
    #[error("there is no partition {0}")]
    Unknown(TopicPartition),
    /// The log is beyond that offset already: records go up, each offset once.
    #[error("{at} has {end} as its next offset, so nothing can be imported at {offset}")]
    Backward {
        /// The partition.
        at: TopicPartition,
        /// The record's offset.
        offset: i64,
        /// The log's end.
        end: i64,
    },
}

impl Broker {
    /// An empty broker.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub(super) fn mutant(limits: Limits, mutation: Mutation) -> Self {
        Self { limits, mutation: Some(mutation), ..Self::default() }
    }

    // ---- topics -----------------------------------------------------------------------------

    /// Makes sure that `topic` exists with at least so many partitions. Groups that read it are
    /// rebalanced when some are new.
    pub fn create_topic(&mut self, topic: &str, partitions: i32) {
        let wanted = usize::try_from(partitions).expect("a count of partitions");
        let present = self.topics.entry(topic.into()).or_default();
        if present.len() >= wanted {
            return;
        }
        present.resize_with(wanted, Partition::default);
        let reading = self.groups.iter().filter(|(_, group)| group.subscribes(topic));
        for group in reading.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.rebalance(&group);
        }
    }

    /// How many partitions a topic has; `None` if there is no such topic.
    pub fn partitions(&self, topic: &str) -> Option<i32> {
        self.topics.get(topic).map(count)
    }

    /// Every topic's name, sorted.
    pub fn topics(&self) -> Vec<Arc<str>> {
        self.topics.keys().cloned().collect()
    }

    /// Every record of a topic that a committed reader can see: by partition, then by offset.
    pub fn committed_records(&self, topic: &str) -> Vec<Record> {
        let partitions = self.topics.iter().filter(|(name, _)| ***name == *topic);
        let partitions =
            partitions.flat_map(|(name, logs)| (0..).zip(logs).map(move |p| (name, p)));
        partitions
            .flat_map(|(name, (p, log))| log.committed(&TopicPartition::new(name.clone(), p)))
            .collect()
    }

    /// Puts committed records back where they lay, each at its offset and with its timestamp.
    /// Those of one partition must come in ascending order. What came before an error stays.
    pub fn import(&mut self, records: Vec<Record>) -> Result<(), ImportError> {
        for Record { at, offset, timestamp_ms, key, value, headers } in records {
            let Some(log) = self.partition_mut(&at) else { return Err(ImportError::Unknown(at)) };
            let end = log.end();
            if offset < end {
                return Err(ImportError::Backward { at, offset, end });
            }
            log.skip_to(offset);
            let (topic, partition) = (at.topic, Some(at.partition));
            let record = NewRecord { topic, partition, key, value, headers };
            log.append(Stored { timestamp_ms, record });
        }
        Ok(())
    }

    /// Deletes all records before `offset`, as retention does.
    pub fn delete_records_before(&mut self, at: &TopicPartition, offset: i64) {
        if let Some(log) = self.partition_mut(at) {
            log.delete_before(offset);
        }
    }

    // ---- groups -----------------------------------------------------------------------------

    /// Commits an offset with raw metadata for a group, outside any transaction.
    pub fn commit_offset(&mut self, group: &str, at: TopicPartition, offset: Committed) {
        self.groups.entry(group.into()).or_default().commit(at, offset, self.mutation);
    }

    /// What a group has committed, as an administrator sees it.
    pub fn committed_offset(&self, group: &str, at: &TopicPartition) -> Option<Committed> {
        self.groups.get(group)?.committed_now(at)
    }

    /// The group's members, eldest first.
    pub fn members(&self, group: &str) -> Vec<MemberId> {
        self.groups.get(group).map_or_else(Vec::new, Group::members)
    }

    /// Expels a member, as the broker does when its session times out: its partitions move at
    /// once, and it learns of that when it next polls.
    pub fn expire(&mut self, group: &str, member: MemberId) {
        let group = Arc::from(group);
        if self.groups.get_mut(&group).is_some_and(|members| members.remove(member)) {
            self.rebalance(&group);
        }
    }

    // ---- time and trouble -------------------------------------------------------------------

    /// The logical clock, milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Moves time on: overdue transactions are aborted and their producers fenced, and members
    /// that stopped polling are expelled.
    pub fn advance(&mut self, by: Duration) {
        self.now_ms = self.now_ms.saturating_add(millis(by));
        self.abort_overdue();
        self.expel_silent();
    }

    /// Sets who decides over each call from now on.
    pub fn set_faults(&mut self, faults: impl Faults + 'static) {
        self.faults = Some(Box::new(faults));
    }

    /// Lets every call proceed again.
    pub fn clear_faults(&mut self) {
        self.faults = None;
    }

    /// Lets the oldest [`Verdict::Delay`]ed commit or abort arrive; whether there was one. It
    /// takes effect only if its producer is not fenced by now, and then on whatever transaction
    /// that producer has open by now.
    pub fn deliver_delayed(&mut self) -> bool {
        if self.delayed.is_empty() {
            return false;
        }
        let late = self.delayed.remove(0);
        // Nobody waits for the answer.
        let _ = self.end(&late);
        true
    }

    /// Writes the markers of every [`Verdict::Linger`]ing transaction.
    pub fn settle_lingering(&mut self) {
        let ids: Vec<_> = self.transactional.keys().cloned().collect();
        for id in ids {
            if let Some(State::Ending { commit, .. }) =
                self.transactional.get(&id).map(|t| &t.state)
            {
                let commit = *commit;
                self.settle(&id, commit);
            }
        }
    }

    pub(super) fn verdict(&mut self, step: Step<'_>) -> Verdict {
        self.faults.as_mut().map_or(Verdict::Proceed, |faults| faults.verdict(step))
    }

    fn abort_overdue(&mut self) {
        if self.mutation == Some(Mutation::NoTransactionTimeout) {
            return;
        }
        let timeout_ms = millis(self.limits.transaction_timeout);
        let overdue =
            self.transactional.iter().filter(|(_, t)| t.is_overdue(self.now_ms, timeout_ms));
        for id in overdue.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.settle(&id, false);
            self.transactional.get_mut(&id).expect("it is listed").epoch += 1;
        }
    }

    fn expel_silent(&mut self) {
        if self.mutation == Some(Mutation::NoExpiry) {
            return;
        }
        let max_ms = millis(self.limits.poll_interval_max);
        let silent = |group: &Group| group.silent(self.now_ms, max_ms);
        let silent = self.groups.iter().map(|(name, group)| (name.clone(), silent(group)));
        for (group, members) in silent.collect::<Vec<_>>() {
            members.into_iter().for_each(|member| self.expire(&group, member));
        }
    }

    // ---- inside -----------------------------------------------------------------------------

    pub(super) fn partition(&self, at: &TopicPartition) -> Option<&Partition> {
        self.topics.get(&at.topic)?.get(usize::try_from(at.partition).ok()?)
    }

    pub(super) fn partition_mut(&mut self, at: &TopicPartition) -> Option<&mut Partition> {
        self.topics.get_mut(&at.topic)?.get_mut(usize::try_from(at.partition).ok()?)
    }

    pub(super) fn rebalance(&mut self, group: &Arc<str>) {
        let counts: Counts<'_> = &|topic| self.topics.get(topic).map_or(0, count);
        if let Some(group) = self.groups.get_mut(group) {
            group.rebalance(counts, self.mutation);
        }
    }

    /// Decides a transaction wherever it left traces, and frees its transactional id.
    pub(super) fn settle(&mut self, id: &Arc<str>, commit: bool) {
        let Some(transactional) = self.transactional.get_mut(id) else { return };
        let producer = transactional.producer;
        let (State::Open { traces, .. } | State::Ending { traces, .. }) =
            std::mem::replace(&mut transactional.state, State::Idle)
        else {
            return;
        };
        let mutation = self.mutation;
        for (n, at) in traces.partitions.iter().enumerate() {
            let visible = match mutation {
                Some(Mutation::ReadUncommitted) => true,
                Some(Mutation::TornCommit) => commit && n == 0,
                _ => commit,
            };
            let log = self.partition_mut(at).expect("records were appended to it");
            log.settle(producer, visible);
        }
        for group in &traces.groups {
            let group = self.groups.get_mut(group).expect("offsets were sent to it");
            group.settle(producer, commit, mutation);
        }
    }

    pub(super) fn next_producer(&self) -> ProducerId {
        ProducerId(self.transactional.len() as i64)
    }
}

#[expect(clippy::ptr_arg, reason = "the shape that `map` over a topic's value gives")]
fn count(logs: &Vec<Partition>) -> i32 {
    i32::try_from(logs.len()).expect("created from an i32")
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
