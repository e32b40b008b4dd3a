//! Run-length lists of indexes.

use serde::{Deserialize, Serialize};

/// `len` indexes from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Run {
    /// The first index.
    pub start: i64,
    /// How many; at least 1 in a valid list.
    pub len: i64,
}

impl Run {
    /// One past the last index; saturates, since both numbers may come from a hostile record.
    pub fn end(self) -> i64 {
        self.start.saturating_add(self.len)
    }
}

/// A set of indexes as ascending, disjoint, non-adjacent runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Runs(Vec<Run>);

impl Runs {
    /// No index.
    pub const EMPTY: Runs = Runs(Vec::new());

    /// The indexes `from..to`; empty when `to <= from`.
    pub fn range(from: i64, to: i64) -> Self {
        let mut runs = Self::default();
        runs.push_range(from, to);
        runs
    }

    /// The runs, ascending.
    pub fn as_slice(&self) -> &[Run] {
        &self.0
    }

    /// Whether there is no index.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many indexes.
    pub fn count(&self) -> i64 {
        self.0.iter().fold(0, |sum, run| sum.saturating_add(run.len))
    }

    /// Appends one index, which must be greater than all before it.
    pub fn push(&mut self, index: i64) {
        self.push_range(index, index.saturating_add(1));
    }

    /// Appends `from..to`, which must lie behind all indexes before it.
    pub fn push_range(&mut self, from: i64, to: i64) {
        if to <= from {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.end() == from => last.len += to - from,
            last => {
                debug_assert!(last.is_none_or(|last| last.end() < from), "indexes go up");
                self.0.push(Run { start: from, len: to - from });
            }
        }
    }

    /// Whether `index` is in the set.
    pub fn contains(&self, index: i64) -> bool {
        let after = self.0.partition_point(|run| run.start <= index);
        after > 0 && index < self.0[after - 1].end()
    }

    /// The smallest index of the set that is not below `index`.
    pub fn first_from(&self, index: i64) -> Option<i64> {
        let next = self.0.partition_point(|run| run.end() <= index);
        self.0.get(next).map(|run| run.start.max(index))
    }

    /// Every index, ascending.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().flat_map(|run| run.start..run.end())
    }

    /// The indexes of this set that lie in `from..to`.
    pub fn clip(&self, from: i64, to: i64) -> Self {
        let mut clipped = Self::default();
        for run in &self.0 {
            clipped.push_range(run.start.max(from), run.end().min(to));
        }
        clipped
    }

    /// The union of any sets, as one ascending list.
    pub fn union<'a>(sets: impl IntoIterator<Item = &'a Runs>) -> Self {
        let mut all: Vec<Run> = sets.into_iter().flat_map(|set| set.0.iter().copied()).collect();
        all.sort_unstable();
        let mut union = Self::default();
        for run in all {
            let from = union.0.last().map_or(run.start, |last| run.start.max(last.end()));
            union.push_range(from, run.end());
        }
        union
    }

    /// Checks a list that came from outside: ascending, disjoint, non-empty runs inside
    /// `from..to`. Adjacent runs are accepted: another writer may not have joined them.
    pub fn is_valid_within(&self, from: i64, to: i64) -> bool {
        let mut next = from;
        self.0.iter().all(|run| {
            let fits = run.start >= next && run.len > 0 && run.end() <= to;
            next = run.end();
            fits
        })
    }
}

impl FromIterator<i64> for Runs {
    /// Collects ascending indexes.
    fn from_iter<I: IntoIterator<Item = i64>>(indexes: I) -> Self {
        let mut runs = Self::default();
        indexes.into_iter().for_each(|index| runs.push(index));
        runs
    }
}
