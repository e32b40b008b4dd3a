//! Measures cordon against its peers; see `cordon_tests::bench::peers`.

use std::process::ExitCode;

use clap::Parser;
use cordon_tests::bench::peers::{self, Options};

/// Measure `cordon run generate` on a real Kafka against Kafka Streams and Parallel Consumer doing
/// the same work.
#[derive(Parser)]
struct Arguments {
    /// Rounds for each corpus; an odd number has a middle.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// How often a corpus is worked off while the time is taken.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u8).range(1..))]
    laps: u8,
    /// The same before that: for a warm JVM.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..))]
    warm_laps: u8,
    /// Slots of the stage.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    slots: u32,
    /// The only corpus to run on: otrf or generated.
    #[arg(long)]
    corpus: Option<String>,
    /// The only contenders to run: cordon, streams-eos, parallel-consumer, per-record.
    #[arg(long, value_delimiter = ',')]
    contenders: Vec<String>,
}

#[expect(clippy::print_stderr, reason = "the only place this program can complain")]
fn main() -> ExitCode {
    let Arguments { rounds, laps, warm_laps, slots, corpus, contenders } = Arguments::parse();
    let options = Options {
        rounds: usize::from(rounds),
        laps: usize::from(laps),
        warm_laps: usize::from(warm_laps),
        slots,
        corpus,
        contenders,
    };
    match peers::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-peers: {error:#}");
            ExitCode::FAILURE
        }
    }
}
