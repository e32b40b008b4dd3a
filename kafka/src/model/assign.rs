//! Who gets which partition: balanced, and moving as little as possible.

use std::collections::{BTreeMap, BTreeSet};

use super::MemberId;
use crate::log::TopicPartition;

/// What a member wants and has.
#[derive(Debug)]
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Up to five members, each subscribing to some of three topics of up to eight partitions,
    /// after each member in turn has come, so that what they had comes from assignments.
    fn any_claims() -> impl Strategy<Value = BTreeMap<MemberId, Claim>> {
        let counts = prop::collection::vec(0..8, 3);
        let subscriptions = prop::collection::vec(prop::collection::vec(any::<bool>(), 3), 1..6);
        (counts, subscriptions).prop_map(|(counts, subscriptions)| {
            let mut claims = BTreeMap::new();
            for (n, subscribed) in (0..).zip(subscriptions) {
                let topics = ["a", "b", "c"].into_iter().zip(&counts).zip(subscribed);
                let topics = topics.filter(|(_, subscribed)| *subscribed);
                let of = |(name, count): (&'static str, &i32)| {
                    (0..*count).map(move |partition| TopicPartition::new(name, partition))
                };
                let wanted = topics.flat_map(|(topic, _)| of(topic)).collect();
                claims.insert(MemberId::nth(n), Claim { wanted, had: BTreeSet::new() });
                take_over(&mut claims);
            }
            claims
        })
    }

    /// What was assigned is what the members have from now on.
    fn take_over(claims: &mut BTreeMap<MemberId, Claim>) {
        for (member, share) in assign(claims) {
            claims.get_mut(&member).unwrap().had = share;
        }
    }

    proptest! {
        #[test]
        fn each_wanted_partition_has_one_owner(claims in any_claims()) {
            let shares = assign(&claims);
            let owned: Vec<_> = shares.values().flatten().collect();
            let once: BTreeSet<_> = owned.iter().copied().collect();
            prop_assert_eq!(owned.len(), once.len());
            let wanted: BTreeSet<_> = claims.values().flat_map(|claim| &claim.wanted).collect();
            prop_assert_eq!(once, wanted);
            for (member, share) in &shares {
                prop_assert!(share.is_subset(&claims[member].wanted));
            }
        }

        #[test]
        fn no_move_would_make_it_more_even(claims in any_claims()) {
            let shares = assign(&claims);
            prop_assert!(improvement(&claims, &shares).is_none());
        }

        #[test]
        fn without_change_nothing_moves(mut claims in any_claims()) {
            let shares = assign(&claims);
            take_over(&mut claims);
            prop_assert_eq!(assign(&claims), shares);
        }

        #[test]
        fn who_leaves_moves_only_what_it_had(
            mut claims in any_claims(),
            who: prop::sample::Index,
        ) {
            // With equal subscriptions a departure leaves the others even enough to keep all.
            let all: BTreeSet<_> = claims.values().flat_map(|claim| claim.wanted.clone()).collect();
            claims.values_mut().for_each(|claim| claim.wanted = all.clone());
            take_over(&mut claims);
            let members: Vec<_> = claims.keys().copied().collect();
            claims.remove(who.get(&members));
            for (member, share) in assign(&claims) {
                prop_assert!(claims[&member].had.is_subset(&share));
            }
        }
    }
}
