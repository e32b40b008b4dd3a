//! Plays many seeds, and says what they came to.

use std::{fmt, process::ExitCode};

use clap::Parser;
use cordon_simulation::{STEPS, play_all, play_aloud};

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
    threads: usize,
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
    let seeds = arguments.first..arguments.first + arguments.seeds;
    let sum = play_all(seeds, arguments.threads, arguments.until_failure);
    if arguments.coverage {
        for (step, cause, count) in sum.coverage.steps() {
            println!("{count:>9}  {step:?} by {cause}");
        }
    }
    let (uncovered, unknown) = (sum.coverage.uncovered(), sum.coverage.unknown());
    for (seed, faults) in sum.failed.iter().take(10) {
        println!("seed {seed}:");
        faults.iter().take(5).for_each(|fault| println!("  {fault}"));
    }
    uncovered.iter().for_each(|step| println!("never seen: {step:?}"));
    unknown.iter().for_each(|step| println!("no step of a slot: {step:?}"));
    let counts = sum.counts;
    let figures = serde_json::json!({
        "seeds": arguments.seeds,
        "failed": sum.failed.len(),
        "lost": counts.lost,
        "duplicated": counts.duplicated,
        "stuck": sum.stuck,
        "crashes": counts.crashes,
        "rebalances": counts.rebalances,
        "unknown_outcomes": counts.unknown_outcomes,
        "batches": counts.batches,
        "cells_died": counts.cells_died,
        "letters": counts.letters,
        "transitions": STEPS.len(),
        "transitions_uncovered": uncovered.len(),
    });
    println!("figures: {figures}");
    let is_well = sum.failed.is_empty() && unknown.is_empty();
    ExitCode::from(u8::from(!is_well))
}
