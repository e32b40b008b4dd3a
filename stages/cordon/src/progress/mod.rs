//! `cordon progress`: how far each stage has come, and how a person repairs what a stage does not
//! trust.
//!
//! A stage stops at committed progress that does not fit the log, and never guesses. What it had
//! done stands in its receipts, which were committed with the offsets; from them the exact place to
//! go on is known, and a person commits it here.

mod args;
mod between;
mod consumed;
mod judge;
mod place;
mod repair;
mod reset;
mod set;
mod show;
mod survey;

use anyhow::Result;

pub(crate) use self::args::ProgressCommand;
use self::{
    args::{ResetArgs, SetArgs},
    show::StageView,
    survey::Survey,
};
use crate::{cli::Cli, config::Config, supervisor::exit, terminal, wiring};

/// Runs one of the commands. Returns the exit code.
pub(crate) fn run(command: &ProgressCommand, config: &Config, cli: &Cli) -> Result<i32> {
    match command {
        ProgressCommand::Show { stage } => show(stage.as_deref(), config, cli.json),
        ProgressCommand::Set(args) => set(args, config),
        ProgressCommand::Reset(args) => reset(args, config),
    }
}

/// All stages, or one. 1 when something needs repair.
fn show(stage: Option<&str>, config: &Config, is_json: bool) -> Result<i32> {
    let topology = wiring::topology(config.topology.as_deref())?;
    let stages: Vec<&str> = match stage {
        Some(stage) => vec![stage],
        None => topology.stages.keys().map(String::as_str).collect(),
    };
    let mut needs_repair = false;
    for stage in stages {
        let view = StageView::of(&Survey::open(stage, &topology, config)?)?;
        needs_repair |= view.needs_repair();
        let shown = if is_json { view.json_lines()? } else { view.text() };
        terminal::print(shown.as_bytes())?;
    }
    Ok(if needs_repair { exit::FAILED } else { exit::STOPPED })
}

fn set(args: &SetArgs, config: &Config) -> Result<i32> {
    let topology = wiring::topology(config.topology.as_deref())?;
    let survey = Survey::open(&args.stage, &topology, config)?;
    terminal::print(set::set(&survey, args)?.as_bytes())?;
    Ok(exit::STOPPED)
}

fn reset(args: &ResetArgs, config: &Config) -> Result<i32> {
    let topology = wiring::topology(config.topology.as_deref())?;
    let survey = Survey::open(&args.stage, &topology, config)?;
    terminal::print(reset::reset(&survey, args)?.as_bytes())?;
    Ok(exit::STOPPED)
}
