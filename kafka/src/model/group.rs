//! A consumer group: members, generations, who owns what, and the committed offsets.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use super::{
    Mutation,
    assign::{Claim, assign},
    transaction::ProducerId,
};
use crate::log::{Committed, TopicPartition};

/// A member of one group. A consumer that joins again is a new member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(u64);

#[cfg(test)]
impl MemberId {
    pub(super) fn nth(n: u64) -> Self {
        Self(n)
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "member-{}", self.0)
    }
}

/// What a [`Membership`](crate::log::Membership) of the model holds.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    pub(super) group: Arc<str>,
    pub(super) member: MemberId,
    pub(super) generation: i32,
}

/// What a member learns when it asks for news.
pub(super) enum News {
    /// It is no member any more.
    Expelled,
    /// These shall be released.
    Revoked(Vec<TopicPartition>),
    /// These are its own now; it may be none that are new, in a new generation.
    Assigned(Vec<TopicPartition>),
    /// Nothing changed.
    None,
}

struct Member {
    topics: Vec<Arc<str>>,
    /// What it shall own.
    target: BTreeSet<TopicPartition>,
    /// What it owns. Others get nothing of it before it is released.
    owned: BTreeSet<TopicPartition>,
    /// What of `owned` it was told to release.
    revoked: BTreeSet<TopicPartition>,
    /// The generation that it was last told of.
    told: i32,
    /// When it was last heard of.
    polled_ms: i64,
}

/// The group coordinator's state.
#[derive(Default)]
pub(super) struct Group {
    /// Goes up with every rebalance; offsets of an older one are refused.
    generation: i32,
    members: BTreeMap<MemberId, Member>,
    members_ever: u64,
    committed: BTreeMap<TopicPartition, Committed>,
    /// Offsets of open transactions, by their producer.
    pending: BTreeMap<ProducerId, BTreeMap<TopicPartition, Committed>>,
    /// Under [`Mutation::InitForgetsCommit`]: what was committed before each producer's last.
    before: BTreeMap<ProducerId, BTreeMap<TopicPartition, Committed>>,
}

/// The partitions of a topic.
pub(super) type Counts<'a> = &'a dyn Fn(&Arc<str>) -> i32;

impl Group {
    // ---- membership -------------------------------------------------------------------------

    pub(super) fn join(&mut self, topics: &[Arc<str>], now_ms: i64) -> MemberId {
        self.members_ever += 1;
        let id = MemberId(self.members_ever);
        let member = Member {
            topics: topics.to_vec(),
            target: BTreeSet::new(),
            owned: BTreeSet::new(),
            revoked: BTreeSet::new(),
            told: 0,
            polled_ms: now_ms,
        };
        self.members.insert(id, member);
        id
    }

    /// Whether there was such a member.
    pub(super) fn remove(&mut self, member: MemberId) -> bool {
        self.members.remove(&member).is_some()
    }

    /// Members that were not heard of for so long.
    pub(super) fn silent(&self, now_ms: i64, max_ms: i64) -> Vec<MemberId> {
        let silent = self.members.iter().filter(|(_, member)| now_ms - member.polled_ms >= max_ms);
        silent.map(|(id, _)| *id).collect()
    }

    pub(super) fn members(&self) -> Vec<MemberId> {
        self.members.keys().copied().collect()
    }

    pub(super) fn subscribes(&self, topic: &str) -> bool {
        self.members.values().any(|member| member.topics.iter().any(|name| **name == *topic))
    }

    /// The generation, if this is a member.
    pub(super) fn generation(&self, member: MemberId) -> Option<i32> {
        self.members.contains_key(&member).then_some(self.generation)
    }

    // ---- rebalance --------------------------------------------------------------------------

    /// Starts a generation with new targets. Members learn of it when they next poll.
    pub(super) fn rebalance(&mut self, counts: Counts<'_>, mutation: Option<Mutation>) {
        self.generation += 1;
        let claim = |member: &Member| Claim {
            wanted: match mutation {
                Some(Mutation::OneTopic) => all_partitions(&member.topics[..1], counts),
                _ => all_partitions(&member.topics, counts),
            },
            had: member.target.clone(),
        };
        let claims = self.members.iter().map(|(id, member)| (*id, claim(member))).collect();
        let mut targets = assign(&claims);
        mutate_targets(&mut targets, mutation);
        for (id, target) in targets {
            self.members.get_mut(&id).expect("targets are of members").target = target;
        }
    }

    /// What this member has to be told next. A partition is announced to its new owner only
    /// after every other member has released it.
    pub(super) fn news(&mut self, id: MemberId, now_ms: i64, mutation: Option<Mutation>) -> News {
        let held = match mutation {
            Some(Mutation::HandoverBeforeRelease | Mutation::EveryoneOwnsAll) => BTreeSet::new(),
            _ => self.owned_by_others(id),
        };
        let untold = mutation == Some(Mutation::GenerationUntold);
        let Some(member) = self.members.get_mut(&id) else { return News::Expelled };
        member.polled_ms = now_ms;
        let leaving: BTreeSet<_> = &member.owned - &member.target;
        let revoked: Vec<_> = (&leaving - &member.revoked).into_iter().collect();
        if !revoked.is_empty() {
            member.revoked.extend(revoked.iter().cloned());
            return News::Revoked(revoked);
        }
        let coming: BTreeSet<_> = &member.target - &member.owned;
        let assigned: Vec<_> = (&coming - &held).into_iter().collect();
        if assigned.is_empty() && (member.told == self.generation || untold) {
            return News::None;
        }
        member.told = self.generation;
        member.owned.extend(assigned.iter().cloned());
        News::Assigned(assigned)
    }

    /// Takes partitions back from a member; whether it had any of them.
    pub(super) fn release(&mut self, id: MemberId, partitions: &[TopicPartition]) -> bool {
        let Some(member) = self.members.get_mut(&id) else { return false };
        let mut released = false;
        for partition in partitions {
            released |= member.owned.remove(partition);
            member.revoked.remove(partition);
        }
        released
    }

    fn owned_by_others(&self, id: MemberId) -> BTreeSet<TopicPartition> {
        let others = self.members.iter().filter(|(other, _)| **other != id);
        others.flat_map(|(_, member)| member.owned.iter().cloned()).collect()
    }

    // ---- offsets ----------------------------------------------------------------------------

    /// Why offsets under this membership must be refused, if they must.
    pub(super) fn refusal(&self, joined: &Joined, mutation: Option<Mutation>) -> Option<String> {
        let Joined { member, generation, .. } = joined;
        if !self.members.contains_key(member) && mutation != Some(Mutation::NoMemberFencing) {
            return Some(format!("{member} is not in the group"));
        }
        let current = self.generation;
        let fenced =
            !matches!(mutation, Some(Mutation::NoGenerationFencing | Mutation::NoMemberFencing));
        (*generation != current && fenced)
            .then(|| format!("generation {generation} is over, it is {current}"))
    }

    /// Holds an offset until its transaction is decided.
    pub(super) fn pend(&mut self, producer: ProducerId, at: TopicPartition, offset: Committed) {
        self.pending.entry(producer).or_default().insert(at, offset);
    }

    /// Decides a producer's pending offsets.
    pub(super) fn settle(
        &mut self,
        producer: ProducerId,
        commit: bool,
        mutation: Option<Mutation>,
    ) {
        let Some(offsets) = self.pending.remove(&producer) else { return };
        if !commit && mutation != Some(Mutation::AbortKeepsOffsets) {
            return;
        }
        if mutation == Some(Mutation::InitForgetsCommit) {
            self.before.insert(producer, self.committed.clone());
        }
        for (partition, offset) in offsets {
            self.commit(partition, offset, mutation);
        }
    }

    pub(super) fn commit(
        &mut self,
        partition: TopicPartition,
        mut offset: Committed,
        mutation: Option<Mutation>,
    ) {
        // Apache Kafka, being Java, replaces what is not UTF-8.
        offset.metadata = String::from_utf8_lossy(&offset.metadata).into_owned().into_bytes();
        match (mutation, self.committed.get(&partition)) {
            (Some(Mutation::MetadataDropped), _) => offset.metadata.clear(),
            (Some(Mutation::MetadataKept), Some(old)) if old.offset == offset.offset => {
                offset.metadata.clone_from(&old.metadata);
            }
            _ => {}
        }
        self.committed.insert(partition, offset);
    }

    /// What is committed, whatever open transactions hold.
    pub(super) fn committed_now(&self, partition: &TopicPartition) -> Option<Committed> {
        self.committed.get(partition).cloned()
    }

    /// What is committed, or `Err` while an open transaction holds an offset of the partition.
    pub(super) fn committed(
        &self,
        partition: &TopicPartition,
        mutation: Option<Mutation>,
    ) -> Result<Option<Committed>, Unstable> {
        let pending = self.pending.values().find_map(|offsets| offsets.get(partition));
        let mut committed = match (pending, mutation) {
            (Some(pending), Some(Mutation::PendingVisible)) => Some(pending.clone()),
            (Some(_), Some(Mutation::PendingIgnored)) | (None, _) => {
                self.committed.get(partition).cloned()
            }
            (Some(_), _) => return Err(Unstable),
        };
        match (&mut committed, mutation) {
            (Some(committed), Some(Mutation::MetadataAscii)) => {
                committed.metadata.retain(u8::is_ascii);
            }
            (None, Some(Mutation::MissingIsZero)) => {
                committed = Some(Committed { offset: 0, metadata: Vec::new() });
            }
            _ => {}
        }
        Ok(committed)
    }

    /// [`Mutation::InitForgetsCommit`].
    pub(super) fn forget(&mut self, producer: ProducerId) {
        if let Some(before) = self.before.remove(&producer) {
            self.committed = before;
        }
    }
}

/// A transaction holds the offset: it may still become another.
pub(super) struct Unstable;

fn all_partitions(topics: &[Arc<str>], counts: Counts<'_>) -> BTreeSet<TopicPartition> {
    let of = |topic: &Arc<str>| {
        let topic = topic.clone();
        (0..counts(&topic)).map(move |partition| TopicPartition::new(topic.clone(), partition))
    };
    topics.iter().flat_map(of).collect()
}

fn mutate_targets(
    targets: &mut BTreeMap<MemberId, BTreeSet<TopicPartition>>,
    mutation: Option<Mutation>,
) {
    let all: BTreeSet<_> = targets.values().flatten().cloned().collect();
    match mutation {
        Some(Mutation::EveryoneOwnsAll) => {
            targets.values_mut().for_each(|target| target.clone_from(&all));
        }
        Some(Mutation::FirstOwnsAll) => {
            targets.values_mut().for_each(BTreeSet::clear);
            targets.first_entry().map(|mut first| first.insert(all));
        }
        Some(Mutation::LastOwnsAll) => {
            targets.values_mut().for_each(BTreeSet::clear);
            targets.last_entry().map(|mut last| last.insert(all));
        }
        _ => {}
    }
}
