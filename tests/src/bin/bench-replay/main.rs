//! What a replay that runs flat out costs live traffic, and how much of the machine it gets.
//!
//! Rounds of three windows each: live traffic alone, a replay alone, and both. Live traffic is a
//! twentieth of what the stages were measured to take. Its latency is from a pointer's record in
//! `logs` until the receipt of merge that consumed what generate made of it can be read.

mod live;
mod observer;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use cordon_load::{Settings, Telemetry};
use cordon_records::Lane;
use cordon_tests::{
    audit::{FAULTS, audit, ensure_none, of_stage, settle_stages},
    figures::{middle, rounded},
    stage::Stage,
    telemetry,
    world::World,
};
use serde_json::{Value, json};

use crate::{
    live::Live,
    observer::{Observer, Window},
};

/// Stages that a live pointer passes.
const HOPS: [&str; 2] = ["generate", "merge"];
/// Lines of history.
const HISTORY_LINES: usize = 400_000;
/// Files that live traffic is made of, and the lines of each.
const LIVE_FILES: usize = 400;
const LIVE_LINES: usize = 200;
/// Live traffic, of what the stages take.
const LIVE_SHARE: f64 = 0.05;
/// What a batch of the replay lane may hold live traffic up for, at each hop.
const REPLAY_BATCH_MAX: Duration = Duration::from_millis(250);
/// For everything to come out.
const PATIENCE: Duration = Duration::from_secs(900);

/// Measure live traffic beside a replay, in windows that take turns.
#[derive(Parser)]
struct Arguments {
    /// Rounds; an odd number has a middle.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of each window.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..))]
    seconds: u64,
}

#[expect(clippy::print_stderr, reason = "the only place this program can complain")]
fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-replay: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "printing is its purpose")]
fn run(arguments: &Arguments) -> Result<()> {
    ensure!(!cfg!(debug_assertions), "a debug build is no measure: run `make bench-replay`");
    let window = Duration::from_secs(arguments.seconds);
    let world = World::start()?;
    ingest(&world)?;
    let observer = Observer::start(&world, &HOPS)?;
    let stages = HOPS
        .iter()
        .map(|name| Stage::start(&world, name, name, |_| ()))
        .collect::<Result<Vec<_>>>()?;
    settle_stages(&world, &HOPS, PATIENCE)?;
    let datapoints_per_s_max = observer.rate(HOPS[0], Lane::Live)?;
    let rate = LIVE_SHARE * datapoints_per_s_max;
    println!("the stages take {datapoints_per_s_max:.0} datapoints/s; live traffic is {rate:.0}");

    let mut live = Live::new(&world, rate)?;
    let mut rounds = Vec::new();
    for number in 0..arguments.rounds {
        let quiet = live.during(window)?;
        settle_stages(&world, &HOPS, PATIENCE)?;
        let mut backlog = Backlog::new(&world, number);
        // More than both windows can take, and what is worked off while it is filled.
        backlog.fill(5.0 * window.as_secs_f64() * datapoints_per_s_max)?;
        let alone = Window::pass(window);
        let beside = live.during(window)?;
        ensure!(backlog.is_left()?, "the replay ended before its window: no measure");
        settle_stages(&world, &HOPS, PATIENCE)?;
        let round = Round::of(&observer, &quiet, &alone, &beside)?;
        println!("{round:?}");
        rounds.push(round);
    }
    stages.into_iter().try_for_each(Stage::stop)?;
    let report = audit(&world, &["--no-objects"])?;
    // Not of ingest: each of its small payloads is named many times here, as no ingest would.
    for stage in HOPS {
        ensure_none(of_stage(&report, stage)?, &FAULTS).context(stage)?;
    }
    println!("figures: {}", figures(&rounds, datapoints_per_s_max));
    Ok(())
}

/// Fills `logs`, while no stage takes anything.
fn ingest(world: &World) -> Result<()> {
    let mut lines = Telemetry::new(Settings::default());
    let history = world.path("history.jsonl");
    telemetry::write(&history, lines.by_ref().take(HISTORY_LINES))?;
    world.ingest(&[history])?;
    let files = world.path("live");
    std::fs::create_dir(&files)?;
    for number in 0..LIVE_FILES {
        let path = files.join(format!("{number}.jsonl"));
        telemetry::write(&path, lines.by_ref().take(LIVE_LINES))?;
    }
    world.ingest(&[files]).map(drop)
}

/// Replays of all of `logs`, one behind the other.
struct Backlog<'a> {
    world: &'a World,
    round: u32,
    datapoints: f64,
}

impl<'a> Backlog<'a> {
    fn new(world: &'a World, round: u32) -> Self {
        Self { world, round, datapoints: 0.0 }
    }

    /// Emits until so many datapoints wait.
    fn fill(&mut self, datapoints: f64) -> Result<()> {
        for number in 0.. {
            if self.datapoints >= datapoints {
                break;
            }
            let id = format!("round-{}-{number}", self.round);
            let run = ["replay", "run", "logs", "--into", HOPS[0], "--id", &id, "--json"];
            let told: Value = serde_json::from_slice(&self.world.run("replayer", &run)?)?;
            self.datapoints +=
                told["datapoints"].as_f64().context("a replay tells what it emits")?;
        }
        Ok(())
    }

    /// Whether the stages still had work of it at the end of the last window.
    fn is_left(&self) -> Result<bool> {
        let report = audit(self.world, &["--no-objects"])?;
        Ok(of_stage(&report, HOPS[0])?["pending"] != 0)
    }
}

/// What one round gave.
#[derive(Debug)]
struct Round {
    quiet_p99: Duration,
    beside_p50: Duration,
    beside_p99: Duration,
    transaction: Duration,
    live_pointers: usize,
    /// Of the replay lane, datapoints a second.
    alone: f64,
    beside: f64,
}

impl Round {
    fn of(observer: &Observer, quiet: &Window, alone: &Window, beside: &Window) -> Result<Self> {
        let before = observer.latencies(quiet)?;
        let with = observer.latencies(beside)?;
        Ok(Self {
            quiet_p99: percentile(&before, 99)?,
            beside_p50: percentile(&with, 50)?,
            beside_p99: percentile(&with, 99)?,
            transaction: percentile(&observer.transactions(quiet)?, 50)?,
            live_pointers: with.len(),
            alone: observer.replayed(HOPS[0], alone)?,
            beside: observer.replayed(HOPS[0], beside)?,
        })
    }

    /// What live traffic may take at most.
    fn bound(&self) -> Duration {
        self.quiet_p99 + (REPLAY_BATCH_MAX + self.transaction) * HOPS.len() as u32
    }

    /// What the replay got of what live traffic leaves.
    fn share(&self) -> f64 {
        self.beside / (self.alone * (1.0 - LIVE_SHARE))
    }
}

/// Medians over the rounds.
fn figures(rounds: &[Round], datapoints_per_s_max: f64) -> Value {
    let median = |of: &dyn Fn(&Round) -> f64| middle(rounds.iter().map(of)).map(rounded);
    let ms = |of: fn(&Round) -> Duration| median(&|round| of(round).as_secs_f64() * 1e3);
    json!({
        "rounds": rounds.len(),
        "hops": HOPS.len(),
        "datapoints_per_s_max": datapoints_per_s_max.round(),
        "live_pointers": rounds.iter().map(|round| round.live_pointers).sum::<usize>(),
        "transaction_ms": ms(|round| round.transaction),
        "quiet_p99_ms": ms(|round| round.quiet_p99),
        "live_p50_ms": ms(|round| round.beside_p50),
        "live_p99_ms": ms(|round| round.beside_p99),
        "live_p99_bound_ms": ms(Round::bound),
        "replay_datapoints_per_s_alone": median(&|round| round.alone),
        "replay_datapoints_per_s_beside": median(&|round| round.beside),
        "replay_share": median(&Round::share),
        "within": rounds.iter().filter(|round| round.beside_p99 <= round.bound()).count(),
    })
}

/// Of durations in any order.
fn percentile(durations: &[Duration], percent: usize) -> Result<Duration> {
    ensure!(!durations.is_empty(), "nothing was measured");
    let mut sorted = durations.to_vec();
    sorted.sort();
    Ok(sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)])
}
