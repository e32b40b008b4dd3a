//! Records a stage at work by `perf`; see `cordon_tests::bench::profile`.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use cordon_tests::bench::profile::{self, Options};

/// Record where the CPU of a stage at work goes.
#[derive(Parser)]
struct Arguments {
    /// The stage.
    #[arg(value_parser = ["generate", "match", "merge"])]
    stage: String,
    /// Where the recording goes.
    recording: PathBuf,
}

#[expect(clippy::print_stderr, reason = "the only place this program can complain")]
fn main() -> ExitCode {
    let Arguments { stage, recording } = Arguments::parse();
    match profile::run(&Options { stage, recording }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("profile: {error:#}");
            ExitCode::FAILURE
        }
    }
}
