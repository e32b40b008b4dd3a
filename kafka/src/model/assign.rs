//! Who gets which partition: balanced, and moving as little as possible.

use std::collections::{BTreeMap, BTreeSet};

use super::MemberId;
use crate::log::TopicPartition;

/// What a member wants and has.
pub(super) struct Claim {
    /// Every partition of the topics it subscribes to.
    pub(super) wanted: BTreeSet<TopicPartition>,
    /// What the last assignment gave it. No partition is in two claims.
    pub(super) had: BTreeSet<TopicPartition>,
}

/// Every partition's owner, such that each wanted partition has exactly one, no member could
/// take one from another and the two be more even, and members keep what they had where that
/// allows it. The same claims always give the same answer.
pub(super) fn assign(
    claims: &BTreeMap<MemberId, Claim>,
) -> BTreeMap<MemberId, BTreeSet<TopicPartition>> {
    let mut shares = keep(claims);
    for partition in unowned(claims, &shares) {
        let taker = poorest(claims, &shares, &partition).expect("somebody wants it");
        shares.get_mut(&taker).expect("every member has a share").insert(partition);
    }
    while let Some((from, to, partition)) = improvement(claims, &shares) {
        shares.get_mut(&from).expect("every member has a share").remove(&partition);
        shares.get_mut(&to).expect("every member has a share").insert(partition);
    }
    shares
}

type Shares = BTreeMap<MemberId, BTreeSet<TopicPartition>>;

fn keep(claims: &BTreeMap<MemberId, Claim>) -> Shares {
    claims.iter().map(|(member, claim)| (*member, &claim.had & &claim.wanted)).collect()
}

fn unowned(claims: &BTreeMap<MemberId, Claim>, shares: &Shares) -> BTreeSet<TopicPartition> {
    let owned: BTreeSet<_> = shares.values().flatten().collect();
    let wanted = claims.values().flat_map(|claim| &claim.wanted);
    wanted.filter(|partition| !owned.contains(partition)).cloned().collect()
}

/// Who wants the partition and has the fewest; the eldest of equals.
fn poorest(
    claims: &BTreeMap<MemberId, Claim>,
    shares: &Shares,
    partition: &TopicPartition,
) -> Option<MemberId> {
    let wanting = claims.iter().filter(|(_, claim)| claim.wanted.contains(partition));
    wanting.map(|(member, _)| *member).min_by_key(|member| (shares[member].len(), *member))
}

/// A move that makes two members more even: from the richest possible giver. Each move lowers
/// the sum of the squared shares, so there is a last one.
fn improvement(
    claims: &BTreeMap<MemberId, Claim>,
    shares: &Shares,
) -> Option<(MemberId, MemberId, TopicPartition)> {
    let mut givers: Vec<MemberId> = shares.keys().copied().collect();
    givers.sort_by_key(|member| std::cmp::Reverse((shares[member].len(), *member)));
    for giver in givers {
        for partition in shares[&giver].iter().rev() {
            let taker = poorest(claims, shares, partition)?;
            if shares[&taker].len() + 1 < shares[&giver].len() {
                return Some((giver, taker, partition.clone()));
            }
        }
    }
    None
}
