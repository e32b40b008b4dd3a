//! `cordon bench run`: a deployment measured from outside, by what it says of itself in Kafka.
//!
//! The lines go to `raw`, as from any shipper. How long each takes is known because one process
//! sends them and reads what becomes of them, on one clock, in the order of commits.

mod clock;
mod findings;
mod latency;
mod observer;
mod pass;
mod report;
mod schedule;
mod sender;
mod table;
mod usage;

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::{log::Log as _, real::RealLog, secret::Password};
use cordon_load::Settings;

use self::{
    clock::Clock,
    observer::Observer,
    pass::Bench,
    report::{Pass, Report},
};
use super::{RunArgs, sink::raw_topic};
use crate::{
    archive::Archive,
    config::{Config, ConfigFaults},
    prices::S3_LIST,
    supervisor::exit,
    terminal, wiring,
};

/// Returns the exit code.
pub(super) fn run(args: &RunArgs, config: &Config, is_json: bool) -> Result<i32> {
    let topology = wiring::topology(config.topology.as_deref())?;
    let raw = raw_topic(&topology).context("no stage of the topology reads plain records")?;
    let log = wiring::log(config)?;
    let shipper = shipper(args, config)?;
    // Told before anything is measured.
    shipper.partitions(&[raw])?;
    let clock = Clock::start();
    let observer = Observer::start(&log, &topology, clock)?;
    let archive = Archive::open(None, config)?;
    let settings = settings(args);
    let mut bench =
        Bench { topology: &topology, log, shipper, archive, observer, clock, raw, settings };
    let flat_out = (args.lines > 0).then(|| bench.pass(args.lines, None)).transpose()?;
    let steady = match (args.seconds, rate(args, flat_out.as_ref())) {
        (0, _) => None,
        (seconds, Some(rate)) => Some(bench.pass(rate * seconds, Some(rate))?),
        (_, None) => {
            let words = "without a first pass nobody knows what is half of its rate: give --rate";
            return Err(ConfigFaults::one(words).into());
        }
    };
    let report = Report { flat_out, steady, list_prices: S3_LIST };
    let text = if is_json { serde_json::to_string(&report)? + "\n" } else { table::text(&report) };
    terminal::print(text.as_bytes())?;
    Ok(exit::STOPPED)
}

/// Lines a second of the second pass: half of what the whole deployment took in the first.
fn rate(args: &RunArgs, flat_out: Option<&Pass>) -> Option<u64> {
    let half = |pass: &Pass| (pass.lines as f64 / pass.seconds / 2.0).max(1.0) as u64;
    args.rate.or_else(|| flat_out.map(half))
}

/// The cluster as whoever sends sees it.
fn shipper(args: &RunArgs, config: &Config) -> Result<RealLog> {
    let connection = wiring::connection(config)?;
    let Some(file) = &args.shipper_password_file else { return Ok(RealLog::new(connection)) };
    let password = Password::read(file)
        .map_err(|error| ConfigFaults::one(format!("--shipper-password-file: {error}")))?;
    ensure!(!args.shipper.is_empty(), "--shipper names a principal");
    Ok(RealLog::new(connection.as_principal(&args.shipper, password)))
}

fn settings(args: &RunArgs) -> Settings {
    Settings { seed: args.seed, hosts: args.hosts, attack_every_hosts: 1, ..Settings::default() }
}
