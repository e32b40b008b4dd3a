//! Seeds of the simulation: many must come out well, and each must tell the same story twice.

use std::{
    cell::RefCell,
    fmt,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use cordon_simulation::{Coverage, play, play_aloud};

/// Enough for every kind of trouble to meet every other. `make simulate SEEDS=…` plays more.
const SEEDS: u64 = 5_000;

/// A listener whose text can be read afterwards.
#[derive(Clone, Default)]
struct Story(Rc<RefCell<String>>);

impl fmt::Write for Story {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.borrow_mut().push_str(text);
        Ok(())
    }
}

fn story(seed: u64) -> String {
    let story = Story::default();
    let _ = play_aloud(seed, Box::new(story.clone()));
    story.0.take()
}

#[test]
fn one_seed_tells_the_same_story_twice_byte_for_byte() {
    for seed in 0..20 {
        let (first, second) = (story(seed), story(seed));
        assert!(first.lines().count() > 50, "seed {seed} is a short story: {first}");
        assert!(first == second, "seed {seed} told another story the second time");
    }
    assert_ne!(story(0), story(1));
}

/// What many seeds came to.
#[derive(Default)]
struct Sum {
    failed: Vec<(u64, Vec<String>)>,
    coverage: Coverage,
}

impl Sum {
    fn play(mut self, seed: u64) -> Self {
        let outcome = play(seed);
        self.coverage.add(&outcome.coverage);
        if !outcome.faults.is_empty() {
            self.failed.push((seed, outcome.faults));
        }
        self
    }

    fn and(mut self, other: Self) -> Self {
        self.failed.extend(other.failed);
        self.coverage.add(&other.coverage);
        self
    }
}

#[test]
fn whatever_happens_every_datapoint_has_exactly_the_fate_that_was_planned() {
    let next = AtomicU64::new(0);
    let work = || {
        let seeds = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
        seeds.take_while(|seed| *seed < SEEDS).fold(Sum::default(), Sum::play)
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let sum = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).fold(Sum::default(), Sum::and)
    });
    assert!(sum.failed.is_empty(), "{:#?}", sum.failed);
    assert_eq!(sum.coverage.uncovered(), [], "no seed took these steps");
    assert_eq!(sum.coverage.unknown(), [], "no slot may take these steps");
}
