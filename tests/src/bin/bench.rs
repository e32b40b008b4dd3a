//! Measures cordon against its own stage code in a plain loop; see `cordon_tests::bench`.

use std::process::ExitCode;

use clap::Parser;
use cordon_tests::bench::{self, Options};

/// Measure `cordon run generate` on a real Kafka against the same stage code in a plain loop.
#[derive(Parser)]
struct Arguments {
    /// Pairs for each corpus; an odd number has a middle.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    pairs: u8,
    /// Slots of the stage.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    slots: u32,
    /// The only corpus to run on: otrf or generated.
    #[arg(long)]
    corpus: Option<String>,
}

#[expect(clippy::print_stderr, reason = "the only place this program can complain")]
fn main() -> ExitCode {
    let Arguments { pairs, slots, corpus } = Arguments::parse();
    match bench::run(&Options { pairs: usize::from(pairs), slots, corpus }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
