//! The core: what clients ask of it, one method a request.

use std::sync::Arc;

use super::{
    Broker, Call, MemberId, Mutation, Step, Verdict,
    broker::EndTransaction,
    group::{Group, Joined, News, Unstable},
    partition::{Fetched, Stored},
    transaction::{Session, State, Transactional},
};
use crate::log::{Committed, NewOffset, NewRecord, TopicPartition};

/// Why a request of a producer is refused.
pub(super) enum Refusal {
    /// A later epoch exists.
    Fenced,
    /// Markers of the last transaction are still to be written: ask again.
    Busy,
    /// It cannot be done in this transaction, for this reason.
    Abort(String),
}

impl Broker {
    // ---- producers --------------------------------------------------------------------------

    /// Opens a producer: a new epoch, with the open transaction of the last one aborted.
    pub(super) fn init(&mut self, id: &Arc<str>) -> Result<Session, Refusal> {
        let fresh = self.next_producer();
        let known =
            self.transactional.entry(id.clone()).or_insert_with(|| Transactional::new(fresh));
        if let State::Ending { .. } = known.state {
            return Err(Refusal::Busy);
        }
        known.epoch += 1;
        let session = Session { transactional_id: id.clone(), epoch: known.epoch };
        let producer = known.producer;
        match self.mutation {
            Some(Mutation::InitLeavesOpen) => {}
            mutation => self.settle(id, mutation == Some(Mutation::InitCommitsOpen)),
        }
        if self.mutation == Some(Mutation::InitForgetsCommit) {
            self.groups.values_mut().for_each(|group| group.forget(producer));
        }
        Ok(session)
    }

    /// Appends a record to the open transaction, which begins with its first.
    pub(super) fn add_record(
        &mut self,
        session: &Session,
        at: TopicPartition,
        record: NewRecord,
    ) -> Result<(), Refusal> {
        if self.partition(&at).is_none() {
            return match self.mutation {
                Some(Mutation::NowhereIsFine) => Ok(()),
                _ => Err(Refusal::Abort(format!("there is no partition {at}"))),
            };
        }
        let now_ms = self.now_ms;
        let transactional = self.current(session)?;
        let producer = transactional.producer;
        transactional.traces(now_ms).ok_or(Refusal::Busy)?.partitions.insert(at.clone());
        let stored = Stored { timestamp_ms: now_ms, record };
        let log = self.partition_mut(&at).expect("checked above");
        log.append_open(producer, stored);
        Ok(())
    }

    /// Appends a record that belongs to no transaction; into nowhere if there is no partition.
    pub(super) fn add_plain(&mut self, at: &TopicPartition, record: NewRecord) {
        let stored = Stored { timestamp_ms: self.now_ms, record };
        if let Some(log) = self.partition_mut(at) {
            log.append(stored);
        }
    }

    /// Holds offsets of a member until the open transaction is decided.
    pub(super) fn add_offsets(
        &mut self,
        session: &Session,
        joined: &Joined,
        offsets: &[NewOffset],
    ) -> Result<(), Refusal> {
        let now_ms = self.now_ms;
        let transactional = self.current(session)?;
        let producer = transactional.producer;
        transactional.traces(now_ms).ok_or(Refusal::Busy)?.groups.insert(joined.group.clone());
        let group = self.groups.entry(joined.group.clone()).or_default();
        if let Some(reason) = group.refusal(joined, self.mutation) {
            return Err(Refusal::Abort(reason));
        }
        for new in offsets {
            let source = match self.mutation {
                Some(Mutation::MetadataMixed) => offsets.last().unwrap_or(new),
                _ => new,
            };
            let metadata = source.metadata.clone().into_bytes();
            group.pend(producer, new.at.clone(), Committed { offset: new.offset, metadata });
        }
        Ok(())
    }

    /// Ends the open transaction; nothing to do when nothing was written.
    pub(super) fn end(&mut self, request: &EndTransaction) -> Result<(), Refusal> {
        let EndTransaction { session, commit } = request;
        if let State::Ending { .. } = self.current(session)?.state {
            return Err(Refusal::Busy);
        }
        self.settle(&session.transactional_id, *commit);
        Ok(())
    }

    /// Decides the open transaction and leaves its markers to
    /// [`settle_lingering`](Broker::settle_lingering).
    pub(super) fn end_lingering(&mut self, request: &EndTransaction) -> Result<(), Refusal> {
        let EndTransaction { session, commit } = request;
        let transactional = self.current(session)?;
        match std::mem::replace(&mut transactional.state, State::Idle) {
            State::Idle => {}
            State::Open { traces, .. } => {
                transactional.state = State::Ending { commit: *commit, traces };
            }
            ending @ State::Ending { .. } => {
                transactional.state = ending;
                return Err(Refusal::Busy);
            }
        }
        Ok(())
    }

    fn current(&mut self, session: &Session) -> Result<&mut Transactional, Refusal> {
        let fencing = self.mutation != Some(Mutation::NoEpochFencing);
        let known = self.transactional.get_mut(&session.transactional_id);
        let known = known.expect("sessions come from init");
        if known.epoch != session.epoch && fencing {
            return Err(Refusal::Fenced);
        }
        Ok(known)
    }

    // ---- consumers --------------------------------------------------------------------------

    /// Lets a member in and rebalances the group.
    pub(super) fn join(&mut self, group: &Arc<str>, topics: &[Arc<str>]) -> MemberId {
        let member = self.groups.entry(group.clone()).or_default().join(topics, self.now_ms);
        self.rebalance(group);
        member
    }

    /// Lets a member out and rebalances the group.
    pub(super) fn leave(&mut self, group: &Arc<str>, member: MemberId) {
        if self.mutation != Some(Mutation::LeaveHolds) {
            self.expire(group, member);
        }
    }

    /// What the member has to be told.
    pub(super) fn news(&mut self, group: &Arc<str>, member: MemberId) -> News {
        let (now_ms, mutation) = (self.now_ms, self.mutation);
        let group = self.groups.get_mut(group);
        group.map_or(News::Expelled, |group| group.news(member, now_ms, mutation))
    }

    /// Takes partitions back. They move to others in a new generation, as they do in the
    /// cooperative protocol of Kafka.
    pub(super) fn release(
        &mut self,
        group: &Arc<str>,
        member: MemberId,
        partitions: &[TopicPartition],
    ) {
        let released = self.groups.get_mut(group).map(|group| group.release(member, partitions));
        if released == Some(true) {
            self.rebalance(group);
        }
    }

    /// The generation that the member is in.
    pub(super) fn generation(&self, group: &Arc<str>, member: MemberId) -> Option<i32> {
        self.groups.get(group)?.generation(member)
    }

    /// The next record at or behind an offset.
    pub(super) fn fetch(&self, at: &TopicPartition, from: i64) -> Fetched {
        match self.partition(at) {
            Some(log) => log.fetch(at, from, self.mutation),
            None => Fetched::OutOfRange(0, 0),
        }
    }

    /// What the group has committed for each partition, or the first that is not stable.
    pub(super) fn committed(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<Vec<(TopicPartition, Option<Committed>)>, TopicPartition> {
        let group = self.groups.get(group);
        let of = |at: &TopicPartition| {
            let committed =
                group.map_or(Ok(None), |group: &Group| group.committed(at, self.mutation));
            committed.map(|committed| (at.clone(), committed)).map_err(|Unstable| at.clone())
        };
        partitions.iter().map(of).collect()
    }

    /// First and one past the last offset that a committed reader can reach.
    pub(super) fn bounds(&self, at: &TopicPartition) -> Option<(i64, i64)> {
        self.partition(at).map(|log| log.bounds(self.mutation))
    }

    /// What shall become of a call.
    pub(super) fn ask(&mut self, client: &str, call: Call) -> Verdict {
        self.verdict(Step { client, call })
    }
}
