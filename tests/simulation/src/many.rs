//! Many seeds, and what they came to together.

use std::{
    ops::Range,
    panic::catch_unwind,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use crate::{Counts, Coverage, Outcome, play};

/// What many runs came to.
#[derive(Debug, Default)]
pub struct Sum {
    /// Seeds that left something wrong behind, each with what, ascending.
    pub failed: Vec<(u64, Vec<String>)>,
    /// Runs that never came to an end.
    pub stuck: u64,
    /// All runs together.
    pub counts: Counts,
    /// Steps of all slots.
    pub coverage: Coverage,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        let Self {
            lost,
            duplicated,
            crashes,
            rebalances,
            unknown_outcomes,
            batches,
            cells_died,
            letters,
        } = other;
        self.lost += lost;
        self.duplicated += duplicated;
        self.crashes += crashes;
        self.rebalances += rebalances;
        self.unknown_outcomes += unknown_outcomes;
        self.batches += batches;
        self.cells_died += cells_died;
        self.letters += letters;
    }
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.stuck += u64::from(outcome.is_stuck);
        self.counts.add(&outcome.counts);
        self.coverage.add(&outcome.coverage);
        if !outcome.faults.is_empty() {
            self.failed.push((seed, outcome.faults));
        }
    }
}

/// Plays seeds on so many threads; with `until_failure` only until one fails.
pub fn play_all(seeds: Range<u64>, threads: usize, until_failure: bool) -> Sum {
    let next = AtomicU64::new(seeds.start);
    let is_over = AtomicBool::new(false);
    let (sender, outcomes) = mpsc::channel();
    let work = |sender: mpsc::Sender<(u64, Outcome)>| {
        while !is_over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || sender.send((seed, play_or_panic(seed))).is_err() {
                return;
            }
        }
    };
    let mut sum = Sum::default();
    thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(|| work(sender));
        }
        drop(sender);
        for (seed, outcome) in outcomes {
            sum.add(seed, outcome);
            is_over.store(until_failure && !sum.failed.is_empty(), Ordering::Relaxed);
        }
    });
    sum.failed.sort();
    sum
}

/// A panic is a fault of its seed; its words went to standard error.
fn play_or_panic(seed: u64) -> Outcome {
    catch_unwind(|| play(seed)).unwrap_or_else(|_| Outcome {
        faults: vec!["it panicked".to_owned()],
        ..Outcome::default()
    })
}
