//! Plays many seeds, and says what they came to.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use clap::Parser;
use cordon_simulation::{Coverage, Outcome, STEPS, play, play_aloud};

/// Plays seeds of the simulation.
#[derive(Parser)]
struct Arguments {
    /// How many.
    #[arg(long, default_value_t = 5_000)]
    seeds: u64,
    /// The first.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Threads; each plays seeds of its own.
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// Play one seed and print everything that happens.
    #[arg(long)]
    trace: Option<u64>,
    /// Stop at the first seed that fails.
    #[arg(long)]
    until_failure: bool,
    /// Print every step that was seen.
    #[arg(long)]
    coverage: bool,
}

/// What many runs came to.
#[derive(Default)]
struct Sum {
    failed: Vec<(u64, Vec<String>)>,
    stuck: u64,
    lost: i64,
    duplicated: i64,
    crashes: u64,
    rebalances: u64,
    unknown_outcomes: i64,
    batches: i64,
    cells_died: i64,
    letters: i64,
    coverage: Coverage,
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

    fn merge(&mut self, other: Self) {
        self.failed.extend(other.failed);
        self.stuck += other.stuck;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.crashes += other.crashes;
        self.rebalances += other.rebalances;
        self.unknown_outcomes += other.unknown_outcomes;
        self.batches += other.batches;
        self.cells_died += other.cells_died;
        self.letters += other.letters;
        self.coverage.add(&other.coverage);
    }
}

/// Prints at once, so that a panic's story is told too.
struct Printer;

impl fmt::Write for Printer {
    #[expect(clippy::print_stdout, reason = "this is what the program is for")]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        print!("{text}");
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "this is what the program is for")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.trace {
        let outcome = play_aloud(seed, Box::new(Printer));
        outcome.faults.iter().for_each(|fault| println!("fault: {fault}"));
        return ExitCode::from(u8::from(!outcome.faults.is_empty()));
    }
    let mut sum = play_all(&arguments);
    if arguments.coverage {
        for (step, cause, count) in sum.coverage.steps() {
            println!("{count:>9}  {step:?} by {cause}");
        }
    }
    let (uncovered, unknown) = (sum.coverage.uncovered(), sum.coverage.unknown());
    sum.failed.sort();
    for (seed, faults) in sum.failed.iter().take(10) {
        println!("seed {seed}:");
        faults.iter().take(5).for_each(|fault| println!("  {fault}"));
    }
    uncovered.iter().for_each(|step| println!("never seen: {step:?}"));
    unknown.iter().for_each(|step| println!("no step of a slot: {step:?}"));
    let figures = serde_json::json!({
        "seeds": arguments.seeds,
        "failed": sum.failed.len(),
        "lost": sum.lost,
        "duplicated": sum.duplicated,
        "stuck": sum.stuck,
        "crashes": sum.crashes,
        "rebalances": sum.rebalances,
        "unknown_outcomes": sum.unknown_outcomes,
        "batches": sum.batches,
        "cells_died": sum.cells_died,
        "letters": sum.letters,
        "transitions": STEPS.len(),
        "transitions_uncovered": uncovered.len(),
    });
    println!("figures: {figures}");
    let is_well = sum.failed.is_empty() && unknown.is_empty();
    ExitCode::from(u8::from(!is_well))
}

fn play_all(arguments: &Arguments) -> Sum {
    let next = AtomicU64::new(arguments.first);
    let has_failed = AtomicBool::new(false);
    let end = arguments.first + arguments.seeds;
    let worker = || {
        let mut sum = Sum::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let is_over = arguments.until_failure && has_failed.load(Ordering::Relaxed);
            if seed >= end || is_over {
                return sum;
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| play(seed))).unwrap_or_else(|_| {
                Outcome { faults: vec!["it panicked".to_owned()], ..Outcome::default() }
            });
            has_failed.fetch_or(!outcome.faults.is_empty(), Ordering::Relaxed);
            sum.add(seed, outcome);
        }
    };
    let mut total = Sum::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.threads).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            total.merge(worker.join().expect("a worker catches the panics of its seeds"));
        }
    });
    total
}
