//! Measures what more slots give; see `cordon_tests::bench::scaling`.

use std::process::ExitCode;

use clap::Parser;
use cordon_tests::bench::scaling::{self, Options};

/// Measure `cordon run generate` with 1, 2, 4 and 8 slots on a real Kafka, against a model.
#[derive(Parser)]
struct Arguments {
    /// How often the corpus is worked off while the time is taken.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..))]
    laps: u8,
}

#[expect(clippy::print_stderr, reason = "the only place this program can complain")]
fn main() -> ExitCode {
    let Arguments { laps } = Arguments::parse();
    match scaling::run(&Options { laps: usize::from(laps) }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-scaling: {error:#}");
            ExitCode::FAILURE
        }
    }
}
