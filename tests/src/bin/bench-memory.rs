//! Measures whether memory is flat; see `cordon_tests::bench::memory`.

use std::process::ExitCode;

use clap::Parser;
use cordon_tests::bench::memory::{self, Options};

/// Measure whether generate's and merge's memory is flat over many datapoints on a real Kafka.
#[derive(Parser)]
struct Arguments {
    /// Datapoints that each stage processes behind its warm-up.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(i64).range(1..))]
    datapoints: i64,
    /// Slots of each stage.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    slots: u32,
    /// Datapoints of generate that are left out at the beginning.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(i64).range(0..))]
    warm_up: i64,
    /// Datapoints of merge that are left out at the beginning.
    #[arg(long, default_value_t = 35_000_000, value_parser = clap::value_parser!(i64).range(0..))]
    merge_warm_up: i64,
}

#[expect(clippy::print_stderr, reason = "the only place this program can complain")]
fn main() -> ExitCode {
    let Arguments { datapoints, slots, warm_up, merge_warm_up } = Arguments::parse();
    match memory::run(&Options { datapoints, slots, warm_up, merge_warm_up }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-memory: {error:#}");
            ExitCode::FAILURE
        }
    }
}
