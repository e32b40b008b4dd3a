//! Many findings, of which equal ones coalesce.

use std::collections::{BTreeMap, btree_map::Entry};

use cordon_flow::Accumulate;
use cordon_records::{
    Finding, FindingId, NodeKey, Origin,
    schema::{self, Family},
};

/// Findings by their id.
///
/// Adding is a join: commutative, associative and idempotent, so that it does not matter in which
/// order findings come, and how often. Honest findings of one id are equal. Of others (a frame of a
/// dead cell may say anything, a rule may have been reworded between two versions) the smallest
/// stays, by all of its fields.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    by_id: BTreeMap<FindingId, Finding>,
    /// Added to since the last call of `settle`.
    changed: Vec<FindingId>,
}

impl PartialEq for Findings {
    fn eq(&self, other: &Self) -> bool {
        self.by_id == other.by_id
    }
}

impl Eq for Findings {}

impl Accumulate for Findings {
    type Item = Finding;

    fn schemas() -> &'static Family {
        &schema::FINDING
    }

    fn add(&mut self, finding: Finding) {
        self.changed.push(finding.id);
        match self.by_id.entry(finding.id) {
            Entry::Vacant(place) => {
                place.insert(finding);
            }
            Entry::Occupied(mut kept) if finding < *kept.get() => {
                kept.insert(finding);
            }
            Entry::Occupied(_) => {}
        }
    }

    fn changed(&self) -> impl Iterator<Item = &Finding> {
        self.changed.iter().filter_map(|id| self.by_id.get(id))
    }

    fn settle(&mut self) {
        self.changed.clear();
    }

    fn encoded_bytes_max(finding: &Finding) -> usize {
        /// Of a number, a length among them.
        const NUMBER_BYTES_MAX: usize = 10;
        /// Id and digest, and the numbers.
        const REST_BYTES: usize = 16 + 32 + 16 * NUMBER_BYTES_MAX;
        let Finding { rule_id, title, level, tags, origin, device, nodes, summary, .. } = finding;
        let topic = match origin {
            Origin::File(_) => "",
            Origin::Log(log) => &*log.topic,
        };
        let texts = [rule_id, title, level, device, summary].map(|text| text.len());
        let tags = tags.iter().map(|tag| tag.len() + NUMBER_BYTES_MAX);
        let nodes = nodes.len() * size_of::<NodeKey>();
        REST_BYTES + topic.len() + texts.iter().sum::<usize>() + tags.sum::<usize>() + nodes
    }

    fn len(&self) -> usize {
        self.by_id.len()
    }

    fn sorted(&self) -> Vec<&Finding> {
        self.by_id.values().collect()
    }

    /// Any partition will do: a finding is read by people, by its id.
    fn home(_: &Finding) -> Option<NodeKey> {
        None
    }

    fn times(finding: &Finding) -> Option<(i64, i64)> {
        finding.time_ms.map(|time_ms| (time_ms, time_ms))
    }
}

#[cfg(test)]
mod tests {
    use cordon_records::{Digest, FileOrigin, LogOrigin, Origin};
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Few ids and few words, so that findings meet: equal, and different in any one field.
    fn any_finding() -> impl Strategy<Value = Finding> {
        let word = || prop_oneof![Just("a"), Just("b")].prop_map(str::to_owned);
        let origin = prop_oneof![
            (0..2i64)
                .prop_map(|record| Origin::File(FileOrigin { sha256: Digest([7; 32]), record })),
            (0..2i64).prop_map(|offset| Origin::Log(LogOrigin {
                topic: "raw".into(),
                partition: 0,
                offset
            })),
        ];
        let nodes = vec((0..2u8).prop_map(|byte| NodeKey([byte; 16])), 0..3);
        let texts = (word(), word(), word(), vec(word(), 0..2), word(), word());
        (0..3u8, texts, origin, proptest::option::of(0..2i64), nodes).prop_map(
            |(id, (rule_id, title, level, tags, device, summary), origin, time_ms, nodes)| {
                let id = FindingId([id; 16]);
                Finding { id, rule_id, title, level, tags, origin, time_ms, device, nodes, summary }
            },
        )
    }

    fn of(findings: impl IntoIterator<Item = Finding>) -> Findings {
        let mut all = Findings::default();
        findings.into_iter().for_each(|finding| all.add(finding));
        all
    }

    fn union(a: &Findings, b: &Findings) -> Findings {
        of(a.sorted().into_iter().chain(b.sorted()).cloned())
    }

    fn any_findings() -> impl Strategy<Value = Findings> {
        vec(any_finding(), 0..8).prop_map(of)
    }

    proptest! {
        #[test]
        fn union_is_commutative_associative_and_idempotent(
            a in any_findings(), b in any_findings(), c in any_findings(),
        ) {
            prop_assert_eq!(union(&a, &b), union(&b, &a));
            prop_assert_eq!(union(&union(&a, &b), &c), union(&a, &union(&b, &c)));
            prop_assert_eq!(union(&a, &a), a);
        }

        #[test]
        fn order_and_repetition_do_not_matter(
            (findings, shuffled) in vec(any_finding(), 0..16)
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        ) {
            let once = of(findings.clone());
            prop_assert_eq!(&of(shuffled.clone()), &once);
            prop_assert_eq!(&of(findings.iter().cloned().chain(shuffled)), &once);
            for kept in once.sorted() {
                prop_assert!(findings.contains(kept), "a finding is kept whole");
            }
        }
    }
}
