//! `make flamegraph`: where a stage's CPU goes, its cells included.
//!
//! The stage is kept busy on a real Kafka and a real S3 API, as in the other benches, while `perf`
//! samples supervisor, courier and zygote, and whatever they fork. Stacks are unwound by what the
//! release build has for that anyway, so that it is the very program that is shipped.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    GENERATE, INPUT, OUTPUT,
    cluster::{Cluster, Skip},
    corpus::Corpus,
    pointers::{Named, Pointers},
    stage::{Receipts, Stage},
};

/// Samples a second, and no multiple of what the program does each so many milliseconds.
const HERTZ: &str = "199";
/// Bytes of the stack in each sample: enough for all but the deepest.
const STACK_BYTES: &str = "16384";
const SECONDS: &str = "10";
/// Enough for these seconds.
const LAPS: usize = 8;
const MERGE: &str = "merge";

/// What to record.
#[derive(Clone, Debug)]
pub struct Options {
    /// The stage: generate, match or merge.
    pub stage: String,
    /// Where the recording goes.
    pub recording: PathBuf,
}

/// Records a profile, for `perf report` or `tests/make/flamegraph`.
///
/// # Errors
///
/// A server, the stage or `perf` did not start.
pub fn run(options: &Options) -> Result<()> {
    let cluster = Cluster::start()?;
    let corpus = Corpus::generated(&cluster.path("."))?;
    let path = corpus.path.to_str().context("a path is not UTF-8")?;
    cluster.run("ingest", &["ingest", path])?;
    let mut lap = Named::default();
    lap.read(&cluster, INPUT, &mut Skip::default())?;
    let datapoints = lap.datapoints * (LAPS as i64 + 1);
    Pointers::new(&cluster, "profile", INPUT, lap.records)?.write(LAPS)?;
    if options.stage == MERGE {
        // Its input is what generate makes of all of it.
        let mut receipts = Receipts::open(&cluster, GENERATE)?;
        let stage = Stage::start(&cluster, GENERATE, 1, |_| {})?;
        receipts.until(datapoints)?;
        stage.stop()?;
        let mut subgraphs = Named::default();
        subgraphs.read(&cluster, OUTPUT, &mut Skip::default())?;
        ensure!(!subgraphs.records.is_empty(), "generate wrote nothing for merge");
    }
    let stage = Stage::start(&cluster, &options.stage, 1, |_| {})?;
    let pids = [stage.supervisor(), stage.courier(), stage.zygote()].map(|pid| pid.to_string());
    let mut perf = Command::new("perf");
    perf.args(["record", "--quiet", "-F", HERTZ, "--call-graph"]);
    perf.arg(format!("dwarf,{STACK_BYTES}")).arg("-o").arg(&options.recording);
    perf.args(["-p", &pids.join(","), "--", "sleep", SECONDS]).stdin(Stdio::null());
    let status = perf.status().context("perf: the Debian package linux-perf has it")?;
    ensure!(status.success(), "perf ended with {status}");
    stage.stop()
}
