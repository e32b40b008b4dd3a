//! Plays every scenario, and ends with one line of figures.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use cordon_fate::{
    model::Programs,
    place::Place,
    play::{endurance, hostile, killers, outages, steps, zombies},
    report::Report,
};

/// Play what may happen to datapoints, couriers, machines and brokers.
#[derive(Parser)]
struct Arguments {
    /// Only these groups; all of them without any.
    groups: Vec<String>,
}

#[expect(clippy::print_stderr, reason = "the only place this program can complain")]
fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(Arguments { groups }: &Arguments) -> Result<()> {
    let is_chosen = |group: &str| groups.is_empty() || groups.iter().any(|name| name == group);
    let programs = Programs::beside_this()?;
    let mut report = Report::default();
    if is_chosen("model") {
        killers::on_the_model(&mut report, &programs)?;
    }
    let mut place = Place::start(programs.killer.clone())?;
    if is_chosen("cells") {
        killers::on_kafka(&mut report, &mut place)?;
    }
    if is_chosen("cost") {
        killers::cost(&mut report, &mut place)?;
    }
    if is_chosen("machines") {
        killers::machines(&mut report, &mut place);
    }
    if is_chosen("steps") {
        steps::kills(&mut report, &mut place)?;
    }
    if is_chosen("zombies") {
        zombies::play(&mut report, &mut place);
    }
    if is_chosen("endurance") {
        endurance::play(&mut report, &mut place);
    }
    // Before records are shipped that are in no file.
    if is_chosen("graph") {
        killers::graph(&mut report, &mut place, &programs)?;
    }
    if is_chosen("outages") {
        outages::play(&mut report, &mut place)?;
    }
    if is_chosen("hostile") {
        hostile::play(&mut report, &mut place)?;
    }
    report.end().context("see above")
}
