//! All of `cordon` but its entry: command line, configuration, supervision and wiring. A library,
//! so that a test can be the same program with another stage in its cells.

mod archive;
mod bench;
mod bodies;
mod cli;
mod config;
mod courier;
mod dead;
mod demo;
#[cfg(test)]
mod fixture;
mod ingest;
mod jail;
mod lister;
mod pace;
mod patience;
mod prices;
mod producer;
mod progress;
mod reader;
mod replay;
mod rules;
mod shadow;
mod supervisor;
mod terminal;
mod topology;
mod wiring;
mod zygote;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use cordon_kafka::topology::Shadow;
use tracing_subscriber::EnvFilter;

use crate::{
    archive::{Archive, Audited},
    cli::{AuditArgs, Cli, Command, FromArgs, ResultsArgs},
    config::{Config, ConfigFaults},
    supervisor::exit,
};

/// The program of another version: for tests of upgrades, in which two versions run beside each
/// other.
pub fn main_as(version: &'static str) -> ExitCode {
    // Nobody else sets it, and it is read later.
    let _ = wiring::VERSION.set(version);
    main()
}

/// The program: reads its arguments and environment, and runs to its end.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    init_logging();
    let code = run(&cli).unwrap_or_else(|error| complain(&error));
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Tells an error, and gives its exit code.
fn complain(error: &anyhow::Error) -> i32 {
    terminal::complain(&format!("{error:#}"));
    if error.is::<ConfigFaults>() { exit::CONFIG } else { exit::FAILED }
}

/// JSON lines on standard error; `CORDON_LOG` sets the level, warnings by default.
fn init_logging() {
    let filter = EnvFilter::try_from_env("CORDON_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).with_env_filter(filter).init();
}

fn run(cli: &Cli) -> Result<i32> {
    let config = || Config::load(cli.config.as_deref());
    match &cli.command {
        Command::Demo(args) => demo::run(args, cli.json),
        Command::Run { stage, rules, shadow } => {
            courier::run(stage, shadow.as_ref(), rules, &config()?, cli.config.as_deref())
        }
        Command::Courier { stage, shadow, zygote } => {
            courier::courier(stage, shadow.as_ref(), *zygote, &config()?)
        }
        Command::Zygote { kind, rules, jail } => {
            bodies::serve(kind, rules, *jail).map(|()| exit::STOPPED)
        }
        Command::Ingest { paths, id } => ingest::command::run(paths, id, &config()?, cli.json),
        Command::Topology(command) => topology::run(command, &config()?, cli.json),
        Command::Findings(args) => print_results("findings", args, cli),
        Command::Graph(args) => print_results("merged", args, cli),
        Command::Bench(command) => bench::run(command, || Ok(config()?), cli.json),
        Command::Audit(args) => audit(args, cli),
        Command::Dead(command) => dead::run(command, cli),
        Command::Progress(command) => progress::run(command, &config()?, cli),
        Command::Replay(command) => replay::run(command, &config()?, cli.json),
        Command::Shadow(command) => shadow::run(command, &config()?, cli.json),
        Command::Lister(args) => lister::run(args, &config()?, cli.json),
    }
}

/// The payloads of a topic, or of a shadow instead of it, as JSON lines.
fn print_results(topic: &str, args: &ResultsArgs, cli: &Cli) -> Result<i32> {
    use std::io::Write as _;
    let config = reading_config(&args.from, cli)?;
    let archive = Archive::open(args.from.from.as_deref(), &config)?;
    let runtime = runtime()?;
    let lines = match &args.shadow {
        None => demo::with_reader(|cells| archive.render(topic, cells, runtime.handle()))?,
        Some(name) => {
            let topology = wiring::topology(config.topology.as_deref())?;
            let shadow = shadow::find(&topology, &wiring::log(&config)?, name)?;
            let output = result_of(&shadow, topic)?;
            demo::with_reader(|cells| archive.render_lane(&output, cells, runtime.handle()))?
        }
    };
    std::io::stdout().write_all(&lines)?;
    Ok(exit::STOPPED)
}

/// Where a shadow's findings, or its elements of the graph, are.
fn result_of(shadow: &Shadow, topic: &str) -> Result<String, ConfigFaults> {
    let (name, stage) = (shadow.name(), shadow.stage());
    let (is_asked, is_made) = (topic == "findings", shadow::has_findings(stage));
    match (is_asked, is_made) {
        (true, false) => Err(ConfigFaults::one(format!(
            "the shadow {name} of {stage} has a graph: `cordon graph --shadow {name}`"
        ))),
        (false, true) => Err(ConfigFaults::one(format!(
            "the shadow {name} of {stage} has findings: `cordon findings --shadow {name}`"
        ))),
        _ => Ok(shadow.output()),
    }
}

#[expect(clippy::print_stdout, reason = "printing is its purpose")]
fn audit(args: &AuditArgs, cli: &Cli) -> Result<i32> {
    let ResultsArgs { from, shadow } = &args.results;
    let config = reading_config(from, cli)?;
    let archive = Archive::open(from.from.as_deref(), &config)?;
    let topology = wiring::topology(config.topology.as_deref())?;
    let runtime = runtime()?;
    let judge = |audited: &Audited<'_>| archive.audit(audited, runtime.handle(), !args.no_objects);
    let report = match shadow {
        None => judge(&Audited::pipeline(&topology))?,
        Some(name) => {
            let log = wiring::log(&config)?;
            let shadow = shadow::find(&topology, &log, name)?;
            judge(&Audited::shadow(&topology, &shadow, &shadow::Plan::read(&shadow, &log)?))?
        }
    };
    if cli.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    let is_complete = !args.complete || report.total.pending == 0;
    Ok(i32::from(!(report.total.is_clean() && is_complete && !report.moving)))
}

/// A demo's directory needs no configuration.
fn reading_config(from: &FromArgs, cli: &Cli) -> Result<Config> {
    if from.from.is_some() && cli.config.is_none() {
        return Ok(Config::defaults());
    }
    Ok(Config::load(cli.config.as_deref())?)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
