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

use crate::{Coverage, Outcome, play};

/// What many runs came to.
#[derive(Debug, Default)]
pub struct Sum {
    /// Seeds that left something wrong behind, each with what, ascending.
    pub failed: Vec<(u64, Vec<String>)>,
    /// Runs that never came to an end.
    pub stuck: u64,
    /// As [`Outcome::lost`].
    pub lost: i64,
    /// As [`Outcome::duplicated`].
    pub duplicated: i64,
    /// As [`Outcome::crashes`].
    pub crashes: u64,
    /// As [`Outcome::rebalances`].
    pub rebalances: u64,
    /// As [`Outcome::unknown_outcomes`].
    pub unknown_outcomes: i64,
    /// As [`Outcome::batches`].
    pub batches: i64,
    /// As [`Outcome::cells_died`].
    pub cells_died: i64,
    /// As [`Outcome::letters`].
    pub letters: i64,
    /// Steps of all slots.
    pub coverage: Coverage,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.stuck += u64::from(outcome.is_stuck);
        self.lost += outcome.lost;
        self.duplicated += outcome.duplicated;
        self.crashes += outcome.crashes;
        self.rebalances += outcome.rebalances;
        self.unknown_outcomes += outcome.unknown_outcomes;
        self.batches += outcome.batches;
        self.cells_died += outcome.cells_died;
        self.letters += outcome.letters;
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
