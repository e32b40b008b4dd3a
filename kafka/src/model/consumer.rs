//! The model's consumer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Broker, Call, MemberId, Mutation, Shared, Verdict,
    group::{Joined, News},
    partition::Fetched,
};
use crate::log::{Committed, Consumer, ConsumerError, Membership, Polled, TopicPartition};

/// A consumer of the model log. Dropping it leaves the group; [`ModelConsumer::crash`] does not.
pub struct ModelConsumer {
    shared: Arc<Shared>,
    state: State,
}

/// What the client knows by itself; apart from `shared`, so that it can change under the lock.
struct State {
    group: Arc<str>,
    topics: Vec<Arc<str>>,
    /// Who it is in the group, from its first poll on.
    member: Option<MemberId>,
    /// What it was told to own and has not released.
    owned: BTreeSet<TopicPartition>,
    /// The next offset of each started partition.
    positions: BTreeMap<TopicPartition, i64>,
    /// Started partitions that deliver nothing.
    paused: BTreeSet<TopicPartition>,
    /// Where the last record came from: the others come first.
    last: Option<TopicPartition>,
    /// It has left, and nothing more happens.
    left: bool,
}

/// Something to return from a poll.
type Event = Result<Polled, ConsumerError>;

impl ModelConsumer {
    pub(super) fn new(shared: Arc<Shared>, group: &str, topics: &[&str]) -> Self {
        let state = State {
            group: group.into(),
            topics: topics.iter().map(|topic| Arc::from(*topic)).collect(),
            member: None,
            owned: BTreeSet::new(),
            positions: BTreeMap::new(),
            paused: BTreeSet::new(),
            last: None,
            left: false,
        };
        Self { shared, state }
    }

    /// Who it is in its group; `None` before its first poll and once it has left or is lost.
    pub fn member(&self) -> Option<MemberId> {
        self.state.member
    }

    /// Dies without a word: the group learns of it by [`Broker::expire`] or as time advances.
    pub fn crash(mut self) {
        self.state.left = true;
    }

    fn ask(&self, call: Call) -> Result<(), ConsumerError> {
        match self.shared.lock().ask(&self.state.group, call) {
            Verdict::Proceed | Verdict::Linger => Ok(()),
            Verdict::LoseRequest | Verdict::LoseAnswer | Verdict::Delay => {
                Err(ConsumerError::Unavailable("no answer in time".into()))
            }
            Verdict::Deny(reason) => Err(ConsumerError::Denied(reason)),
        }
    }

    /// Waits until `ready` has something, at most `timeout`.
    fn wait<T>(
        &mut self,
        timeout: Duration,
        mut ready: impl FnMut(&mut State, &mut Broker) -> Option<T>,
    ) -> Option<T> {
        let mut found = None;
        let state = &mut self.state;
        let broker = self.shared.lock();
        let waited = self.shared.news.wait_timeout_while(broker, timeout, |broker| {
            found = ready(state, broker);
            found.is_none()
        });
        drop(waited.expect("no client panics inside the broker"));
        found
    }
}

impl Consumer for ModelConsumer {
    fn poll(&mut self, timeout: Duration) -> Event {
        if self.state.left {
            return Err(ConsumerError::Fatal("the consumer has left its group".into()));
        }
        self.ask(Call::Poll)?;
        self.wait(timeout, State::next).unwrap_or(Ok(Polled::Nothing))
    }

    fn start(&mut self, starts: &[(TopicPartition, i64)]) -> Result<(), ConsumerError> {
        self.shared.call(|broker| {
            for (at, offset) in starts {
                if !self.state.owned.contains(at) {
                    return Err(ConsumerError::Fatal(format!("{at} is not assigned")));
                }
                // One that starts itself has begun already.
                let begun = self.state.positions.contains_key(at);
                if begun && broker.mutation != Some(Mutation::StartsItself) {
                    return Err(ConsumerError::Fatal(format!("{at} is started already")));
                }
                let from = match broker.mutation {
                    Some(Mutation::StartIgnoresOffset) => 0,
                    _ => *offset,
                };
                self.state.positions.insert(at.clone(), from);
            }
            Ok(())
        })
    }

    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError> {
        self.state.forget(partitions);
        for at in partitions {
            self.state.owned.remove(at);
        }
        if let Some(member) = self.state.member {
            self.shared.call(|broker| broker.release(&self.state.group, member, partitions));
        }
        Ok(())
    }

    fn committed(
        &mut self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<Vec<(TopicPartition, Option<Committed>)>, ConsumerError> {
        self.ask(Call::Committed)?;
        let mut unstable = None;
        let committed = self.wait(timeout, |state, broker| {
            let committed = broker.committed(&state.group, partitions);
            committed.map_err(|at| unstable = Some(at)).ok()
        });
        committed.ok_or_else(|| {
            let at = unstable.expect("an answer is missing only for this");
            ConsumerError::Unavailable(format!("a transaction holds the offset of {at}"))
        })
    }

    fn seek(&mut self, to: &[(TopicPartition, i64)]) -> Result<(), ConsumerError> {
        let ignored = self.shared.lock().mutation == Some(Mutation::SeekIgnored);
        for (at, offset) in to {
            match self.state.positions.get_mut(at) {
                Some(_) if ignored => {}
                Some(position) => *position = *offset,
                None => return Err(ConsumerError::Fatal(format!("{at} is not started"))),
            }
        }
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError> {
        if self.shared.lock().mutation != Some(Mutation::PauseIgnored) {
            self.state.paused.extend(partitions.iter().cloned());
        }
        Ok(())
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError> {
        self.shared.call(|broker| {
            for at in partitions {
                self.state.paused.remove(at);
                if broker.mutation == Some(Mutation::PauseSkips) {
                    let end = broker.bounds(at).map_or(0, |(_, end)| end);
                    self.state.positions.insert(at.clone(), end);
                }
            }
        });
        Ok(())
    }

    fn membership(&self) -> Result<Membership, ConsumerError> {
        let broker = self.shared.lock();
        let group = &self.state.group;
        let member = match (self.state.member, broker.mutation) {
            (Some(member), _) => member,
            (None, Some(Mutation::UnjoinedMembership)) => MemberId::default(),
            (None, _) => return Err(ConsumerError::Unavailable("not in the group".into())),
        };
        // A member learns of a new generation behind its caller's back, but an expelled one
        // cannot: it keeps an old one, which is refused.
        let generation = broker.generation(group, member).unwrap_or(0);
        Ok(Membership(Arc::new(Joined { group: group.clone(), member, generation })))
    }

    fn bounds(
        &mut self,
        partition: &TopicPartition,
        _timeout: Duration,
    ) -> Result<(i64, i64), ConsumerError> {
        let unknown = || ConsumerError::Denied(format!("there is no partition {partition}"));
        self.shared.lock().bounds(partition).ok_or_else(unknown)
    }

    fn leave(&mut self) {
        self.state.left = true;
        self.state.positions.clear();
        self.state.owned.clear();
        if let Some(member) = self.state.member.take() {
            self.shared.call(|broker| broker.leave(&self.state.group, member));
        }
    }
}

impl Drop for ModelConsumer {
    fn drop(&mut self) {
        if !self.state.left {
            self.leave();
        }
    }
}

impl State {
    /// The next thing to tell the caller: membership first, then records.
    fn next(&mut self, broker: &mut Broker) -> Option<Event> {
        let member = *self.member.get_or_insert_with(|| broker.join(&self.group, &self.topics));
        match broker.news(&self.group, member) {
            News::Expelled => return self.expelled(),
            News::Revoked(partitions) => {
                self.forget(&partitions);
                return Some(Ok(Polled::Revoked(partitions)));
            }
            News::Assigned(partitions) => {
                self.owned.extend(partitions.iter().cloned());
                if broker.mutation == Some(Mutation::StartsItself) {
                    self.positions.extend(partitions.iter().map(|at| (at.clone(), 0)));
                }
                return Some(Ok(Polled::Assigned(partitions)));
            }
            News::None => {}
        }
        self.next_record(broker)
    }

    /// Tells what is lost; the next poll joins again.
    fn expelled(&mut self) -> Option<Event> {
        self.member = None;
        let lost: Vec<_> = std::mem::take(&mut self.owned).into_iter().collect();
        self.forget(&lost);
        Some(Ok(Polled::Lost(lost)))
    }

    fn next_record(&mut self, broker: &Broker) -> Option<Event> {
        for at in self.turn() {
            let from = self.positions[&at];
            match broker.fetch(&at, from) {
                Fetched::Record(record) => {
                    self.positions.insert(at.clone(), record.offset + 1);
                    self.last = Some(at);
                    return Some(Ok(Polled::Record(record)));
                }
                Fetched::Dry(next) => {
                    self.positions.insert(at, next);
                }
                Fetched::OutOfRange(first, _)
                    if broker.mutation == Some(Mutation::OutOfRangeResets) =>
                {
                    self.positions.insert(at, first);
                }
                Fetched::OutOfRange(first, end) => {
                    let detail = format!("{from} is not within {first}..={end}");
                    return Some(Err(ConsumerError::OutOfRange { at, detail }));
                }
            }
        }
        None
    }

    /// Partitions that may deliver, those behind the last one first: each gets its turn.
    fn turn(&self) -> Vec<TopicPartition> {
        let ready = self.positions.keys().filter(|at| !self.paused.contains(*at));
        let (mut turn, behind): (Vec<_>, Vec<_>) =
            ready.cloned().partition(|at| self.last.as_ref().is_none_or(|last| at > last));
        turn.extend(behind);
        turn
    }

    /// Stops reading these partitions.
    fn forget(&mut self, partitions: &[TopicPartition]) {
        for at in partitions {
            self.positions.remove(at);
            self.paused.remove(at);
        }
    }
}
