//! `make bench-memory`: memory is flat, however many datapoints went through.
//!
//! `cordon run generate` is kept busy on a real Kafka and a real S3 API with pointers to the same
//! payloads again and again; then `cordon run merge` with those that generate wrote. Courier and
//! zygote are not recycled meanwhile, or each would begin anew. Their anonymous memory is looked at
//! all the time, and what cells take; when the warm-up is over, none may grow with the work.
//!
//! The payloads are more than a slot caches, so that its cache is full after the first lap, and
//! gives up as much as it takes. The allocator settles later: in runs of forty million a courier's
//! size rose by 5 to 10 MiB up to some 9 million datapoints of generate, and some 36 million of merge,
//! whose payloads are smaller, and then no more. So much is the warm-up.

mod figures;
mod processes;
mod trend;
mod watch;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use self::{figures::Figures, watch::Watched};
use super::{
    GENERATE, INPUT, OUTPUT,
    cluster::{Cluster, Skip},
    corpus::Corpus,
    now,
    pointers::{Named, Pointers},
    stage::{Receipts, Stage},
};

/// A slot caches 32 MiB of payloads.
const PAYLOAD_BYTES_MIN: i64 = 40 << 20;
/// The longest that can be configured: a day.
const RECYCLE_SECONDS: &str = "86400";
const MERGE: &str = "merge";

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Datapoints that each stage processes behind its warm-up.
    pub datapoints: i64,
    /// Slots of each stage.
    pub slots: u32,
    /// Datapoints that generate processes before.
    pub warm_up: i64,
    /// The same of merge.
    pub merge_warm_up: i64,
}

/// The line of figures: generate's own, and merge's in it.
#[derive(Debug, Serialize)]
struct Both {
    #[serde(flatten)]
    generate: Figures,
    merge: Figures,
}

/// Runs the bench, and prints one line of figures.
///
/// # Errors
///
/// A server or a stage did not start, a courier was replaced, or memory is not flat.
#[expect(clippy::print_stdout, reason = "printing is its purpose")]
pub fn run(options: &Options) -> Result<()> {
    ensure!(!cfg!(debug_assertions), "a debug build is no measure: run `make bench-memory`");
    let started = now();
    let cluster = Cluster::start()?;
    let run = |name, topic, lap, warm_up| {
        let wanted = warm_up + options.datapoints;
        told(name, &work(&cluster, name, (topic, lap), wanted, options.slots)?, warm_up)
    };
    let logs = store_payloads(&cluster, options.slots)?;
    let generate = run(GENERATE, INPUT, logs, options.warm_up)?;
    let mut subgraphs = Named::default();
    subgraphs.read(&cluster, OUTPUT, &mut Skip::default())?;
    let merge = run(MERGE, OUTPUT, subgraphs, options.merge_warm_up)?;
    let are_flat = generate.flat && merge.flat;
    println!("bench-memory: {:.0} s", started.elapsed().as_secs_f64());
    println!("figures: {}", serde_json::to_string(&Both { generate, merge })?);
    ensure!(are_flat, "memory grows with the datapoints processed");
    Ok(())
}

/// Ingests generated telemetry until its payloads are more than the slots cache.
#[expect(clippy::print_stdout, reason = "printing is its purpose")]
fn store_payloads(cluster: &Cluster, slots: u32) -> Result<Named> {
    let corpus = Corpus::generated(&cluster.path("."))?;
    let path = corpus.path.to_str().context("a path is not UTF-8")?;
    let (mut lap, mut read) = (Named::default(), Skip::default());
    while lap.payload_bytes < PAYLOAD_BYTES_MIN * i64::from(slots) {
        cluster.run("ingest", &["ingest", path])?;
        lap.read(cluster, INPUT, &mut read)?;
    }
    let Named { records, payload_bytes, datapoints } = &lap;
    println!("{} payloads, {} MiB, {datapoints} datapoints", records.len(), payload_bytes >> 20);
    Ok(lap)
}

/// Lets a stage process so many datapoints, a lap of what its input's pointers name behind another.
fn work(
    cluster: &Cluster,
    name: &str,
    (topic, lap): (&str, Named),
    wanted: i64,
    slots: u32,
) -> Result<Watched> {
    let Named { records, datapoints: lap, .. } = lap;
    let mut pointers = Pointers::new(cluster, &format!("bench-memory-{name}"), topic, records)?;
    let mut receipts = Receipts::open(cluster, name)?;
    let stage = Stage::start(cluster, name, slots, |command| {
        command.env("CORDON_COURIER_RECYCLE_SECONDS", RECYCLE_SECONDS);
    })?;
    let mut fed = lap;
    let watched = watch::watch(&stage, &mut receipts, wanted, |done| {
        // Always about as much ahead: what a courier reads ahead is memory, too.
        if fed - done < lap {
            pointers.write(1)?;
            fed += lap;
        }
        Ok(())
    })?;
    stage.stop()?;
    Ok(watched)
}

/// A table of about a dozen samples, and what all of them say.
#[expect(clippy::print_stdout, reason = "printing is its purpose")]
fn told(name: &str, watched: &Watched, warm_up: i64) -> Result<Figures> {
    const LINES: usize = 12;
    println!("{name:>10} datapoints  supervisor  courier  zygote  cell (KiB)");
    for sample in watched.samples.iter().step_by(watched.samples.len().div_ceil(LINES).max(1)) {
        let kib = sample.bytes.map(|bytes| bytes >> 10);
        println!(
            "{:21}  {:10}  {:7}  {:6}  {:10}",
            sample.datapoints, kib.supervisor, kib.courier, kib.zygote, kib.cell
        );
    }
    let figures = Figures::of(watched, warm_up)?;
    println!("{name}: {}", serde_json::to_string(&figures)?);
    Ok(figures)
}
