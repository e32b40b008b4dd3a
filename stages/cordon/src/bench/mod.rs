//! `cordon bench`: telemetry to measure a deployment with.

mod load;
mod run;
mod sink;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::config::Config;

/// What to do with a deployment under test.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Generate telemetry: the same for the same seed, with planted attacks, late and damaged
    /// lines, and a ledger of all of it.
    Load(LoadArgs),
    /// Measure the whole deployment, which should have nothing else to do: generated telemetry goes
    /// to `raw`, first as fast as it is taken, then at a steady rate, and receipts, metrics and
    /// findings tell what became of it. Takes the principal operator.
    Run(RunArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Lines of the first pass, as fast as they are taken; 0 for none. Prices are right when it is
    /// hundreds of megabytes, which fill the stages' batches.
    #[arg(long, value_name = "N", default_value_t = 400_000)]
    pub(crate) lines: u64,
    /// Lines a second of the second pass; half of what the first one reached unless given.
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rate: Option<u64>,
    /// Seconds of the second pass; 0 for none.
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
    /// Where all randomness of the telemetry comes from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Hosts that the lines tell of. Each is attacked.
    #[arg(long, value_name = "N", default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) hosts: u32,
    /// The principal that sends the lines; the configured one if there is no password for it.
    #[arg(long, value_name = "NAME", default_value = "shipper")]
    pub(crate) shipper: String,
    /// Its password, in a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) shipper_password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Lines to generate.
    #[arg(long, value_name = "N", default_value_t = 100_000,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) lines: u64,
    /// Lines a second; without it as fast as they are taken.
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rate: Option<u64>,
    /// Where all randomness comes from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Hosts that the lines tell of.
    #[arg(long, value_name = "N", default_value_t = 40,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) hosts: u32,
    /// One host of so many is attacked, once; 0 for no attack.
    #[arg(long, value_name = "HOSTS", default_value_t = 10)]
    pub(crate) attack_every: u32,
    /// Damaged lines of a million.
    #[arg(long, value_name = "LINES", default_value_t = 500,
        value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub(crate) malformed: u32,
    /// Late lines of a million.
    #[arg(long, value_name = "LINES", default_value_t = 2_000,
        value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub(crate) late: u32,
    /// Where the ledger goes, as JSON: what was generated, to check an audit against.
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Distinguishes loads that run at the same time: the last part of `transactional.id`.
    #[arg(long, default_value = "bench")]
    pub(crate) id: String,
}

/// Where lines go: exactly one.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Target {
    /// Into files of a directory, which is made.
    #[arg(long, value_name = "DIR")]
    pub(crate) files: Option<PathBuf>,
    /// To the topic `raw`, one record a line, as the principal *shipper* would.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Into payloads, named by pointers in the topic `logs`, by ingest and as its principal.
    #[arg(long)]
    pub(crate) pointers: bool,
}

/// Returns the exit code.
pub(crate) fn run(
    command: &BenchCommand,
    config: impl FnOnce() -> Result<Config>,
    is_json: bool,
) -> Result<i32> {
    match command {
        BenchCommand::Load(args) => load::run(args, config, is_json),
        BenchCommand::Run(args) => run::run(args, &config()?, is_json),
    }
}
