//! Run-length lists against plain sets.

use std::collections::BTreeSet;

use cordon_records::{Run, Runs};
use proptest::prelude::*;

fn set() -> impl Strategy<Value = BTreeSet<i64>> {
    prop::collection::btree_set(0..60_i64, 0..40)
}

fn runs(set: &BTreeSet<i64>) -> Runs {
    set.iter().copied().collect()
}

/// A list as it may come from outside.
pub(crate) fn raw(runs: &[(i64, i64)]) -> Runs {
    let runs: Vec<Run> = runs.iter().map(|&(start, len)| Run { start, len }).collect();
    serde_json::from_value(serde_json::to_value(runs).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn it_is_the_set(set in set()) {
        let runs = runs(&set);
        prop_assert_eq!(runs.iter().collect::<BTreeSet<_>>(), set.clone());
        prop_assert_eq!(runs.count(), set.len() as i64);
        prop_assert_eq!(runs.is_empty(), set.is_empty());
        for index in -1..61 {
            prop_assert_eq!(runs.contains(index), set.contains(&index));
            prop_assert_eq!(runs.first_from(index), set.range(index..).next().copied());
        }
    }

    #[test]
    fn its_form_is_canonical(set in set()) {
        let runs = runs(&set);
        prop_assert!(runs.is_valid_within(0, 60));
        let gaps = runs.as_slice().windows(2).all(|pair| pair[0].end() < pair[1].start);
        prop_assert!(gaps, "adjacent runs are joined");
    }

    #[test]
    fn clipping_is_intersecting(set in set(), from in 0..60_i64, len in 0..60_i64) {
        let clipped = runs(&set).clip(from, from + len);
        let expected: BTreeSet<i64> = set.range(from..from + len).copied().collect();
        prop_assert_eq!(clipped, runs(&expected));
    }

    #[test]
    fn union_is_union(sets in prop::collection::vec(set(), 0..4)) {
        let lists: Vec<Runs> = sets.iter().map(runs).collect();
        let all: BTreeSet<i64> = sets.into_iter().flatten().collect();
        prop_assert_eq!(Runs::union(&lists), runs(&all));
    }

    #[test]
    fn validity_is_what_it_says(
        list in prop::collection::vec((-3..12_i64, -2..5_i64), 0..5),
        from in -2..4_i64,
        to in 0..14_i64,
    ) {
        let mut next = from;
        let mut is_valid = true;
        for &(start, len) in &list {
            is_valid &= start >= next && len > 0 && start + len <= to;
            next = start + len;
        }
        prop_assert_eq!(raw(&list).is_valid_within(from, to), is_valid);
    }

    #[test]
    fn hostile_lists_are_refused_without_overflow(list: Vec<(i64, i64)>) {
        let runs = raw(&list);
        let _ = runs.count();
        prop_assert!(list.is_empty() || !runs.is_valid_within(0, 1000) || runs.count() <= 1000);
    }
}

#[test]
fn adjacent_runs_of_others_are_accepted() {
    assert!(raw(&[(0, 2), (2, 3)]).is_valid_within(0, 5));
    assert!(!raw(&[(0, 3), (2, 3)]).is_valid_within(0, 5));
    assert!(!raw(&[(0, i64::MAX), (i64::MAX, 1)]).is_valid_within(0, 5));
    assert!(!raw(&[(i64::MAX, i64::MAX)]).is_valid_within(0, 5));
}
