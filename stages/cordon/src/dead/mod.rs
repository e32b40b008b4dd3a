//! `cordon dead`: the datapoints that have no output, why, and what they are.
//!
//! Reads what the audit reads: a cluster as the principal reader, or the directory of a demo. What
//! letters quote was written by whoever wrote the datapoints, so that nothing is printed that could
//! command a terminal; payloads are decoded in cells alone.

mod args;
mod fate;
mod files;
mod filter;
mod hints;
mod letters;
mod located;
mod payload;
mod redrive;
mod show;
pub(crate) mod time;
mod view;

use anyhow::Result;
use cordon_courier::{Environment as _, World};

pub(crate) use self::args::DeadCommand;
use self::{
    args::{FilterArgs, ListArgs, RedriveArgs, ShowArgs},
    filter::Filter,
    payload::Fetcher,
};
use crate::{
    archive::Archive, cli::Cli, config::Config, demo, reading_config, runtime, supervisor::exit,
    terminal, wiring,
};

/// Runs one of the commands. Returns the exit code.
pub(crate) fn run(command: &DeadCommand, cli: &Cli) -> Result<i32> {
    match command {
        DeadCommand::List(args) => list(args, cli),
        DeadCommand::Show(args) => show_one(args, cli),
        DeadCommand::Redrive(args) => redrive_some(args, cli),
    }
}

fn list(args: &ListArgs, cli: &Cli) -> Result<i32> {
    let config = reading_config(&args.from, cli)?;
    let archive = Archive::open(args.from.from.as_deref(), &config)?;
    let topology = wiring::topology(config.topology.as_deref())?;
    let filter = Filter::new(&args.filter, World.now_ms());
    let letters = letters::read(&archive, &topology, &filter, &letters::writers(&topology))?;
    let shown = match (args.summary, cli.json) {
        (false, false) => view::text(&letters),
        (false, true) => view::json_lines(&letters)?,
        (true, false) => view::summary_text(&letters),
        (true, true) => view::summary_json(&letters)?,
    };
    terminal::print(shown.as_bytes())?;
    Ok(exit::STOPPED)
}

fn redrive_some(args: &RedriveArgs, cli: &Cli) -> Result<i32> {
    let config = Config::load(cli.config.as_deref())?;
    let told = redrive::redrive(args, &config, cli.json)?;
    terminal::print(told.as_bytes())?;
    Ok(exit::STOPPED)
}

fn show_one(args: &ShowArgs, cli: &Cli) -> Result<i32> {
    let config = reading_config(&args.from, cli)?;
    let archive = Archive::open(args.from.from.as_deref(), &config)?;
    let topology = wiring::topology(config.topology.as_deref())?;
    // An id begins with its stage, so that the letters of others need not be read.
    let stage = args.id.split('/').next().unwrap_or_default().to_owned();
    let of_stage = FilterArgs { stage: vec![stage], ..FilterArgs::default() };
    let filter = Filter::new(&of_stage, World.now_ms());
    let letters = letters::read(&archive, &topology, &filter, &letters::writers(&topology))?;
    let runtime = runtime()?;
    demo::with_reader(|cells| {
        let fetcher =
            Fetcher { archive: &archive, topology: &topology, cells, runtime: runtime.handle() };
        show::show(args, cli.json, &letters, &fetcher)
    })?;
    Ok(exit::STOPPED)
}
