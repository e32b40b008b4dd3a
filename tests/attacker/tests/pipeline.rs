//! The released program under its strictest jail, on a real Kafka by TLS and a real S3 API: librdkafka,
//! the runtime, the S3 client and everything below them do all their work, and nothing is lost. Secrets
//! stay with the courier.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cordon_cell::{JailMode, JailReport};
use cordon_kafka::local::{Options, Server};
use cordon_load::{Settings, Telemetry};
use cordon_tests::{audit::of_stage, patience::wait_for, stage::Stage, telemetry, world::World};
use serde_json::Value;

const STAGES: [&str; 3] = ["generate", "match", "merge"];
const LINES: usize = 5_000;
/// For all that was fed to come out.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn the_pipeline_runs_in_the_strict_jail() {
    let options = Options { server: Server::JarsByTls, ..Options::default() };
    let world = World::start_with(&options).unwrap();
    if let Err(error) = run(&world) {
        // While the world is there, so that it is kept.
        panic!("{error:#}");
    }
}

fn run(world: &World) -> Result<()> {
    // A kernel without all layers has no strict jail; its own test is below.
    let is_complete = JailReport::of(JailMode::Strict).is_complete();
    let jail = if is_complete { "strict" } else { "best" };
    let jailed = |command: &mut Command| {
        command.env("CORDON_COURIER_JAIL", jail);
    };
    let mut stages = STAGES
        .iter()
        .map(|stage| Stage::start(world, stage, stage, jailed))
        .collect::<Result<Vec<_>>>()?;
    for stage in &mut stages {
        stage.wait_until_it_owns()?;
        check_courier(stage)?;
    }
    let file = world.path("lines.jsonl");
    telemetry::write(&file, Telemetry::new(Settings::default()).take(LINES))?;
    world.ingest(&[file])?;
    let audit = wait_for("everything comes out", PATIENCE, || {
        for stage in &mut stages {
            stage.notes()?;
        }
        let output = world.cordon("reader").args(["audit", "--complete", "--json"]).output()?;
        Ok(output.status.success().then_some(output.stdout))
    })?;
    let audit: Value = serde_json::from_slice(&audit)?;
    let generate = of_stage(&audit, "generate")?;
    // Some of what is generated is broken on purpose, and dead at the door.
    let datapoints = generate["datapoints"].as_u64().unwrap_or_default();
    ensure!(datapoints > LINES as u64 * 9 / 10, "generate saw {datapoints} lines");
    for stage in &mut stages {
        check_memory(world, stage)?;
    }
    for stage in stages {
        let log = world.path(&format!("{}.log", stage.access_key));
        stage.stop()?;
        check_log(&log, is_complete)?;
    }
    Ok(())
}

/// The kernel's own word on the courier that runs now, on all its threads.
fn check_courier(stage: &mut Stage) -> Result<()> {
    let pid = *stage.couriers()?.last().context("a courier runs")?;
    let mut threads = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while it is looked at.
        let Ok(status) = fs::read_to_string(thread?.path().join("status")) else { continue };
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned()).unwrap_or_default()
        };
        ensure!(field("Seccomp:") == "2" && field("NoNewPrivs:") == "1", "outside: {status}");
        ensure!(field("CapEff:").trim_matches('0').is_empty(), "it has power: {status}");
        threads += 1;
    }
    ensure!(threads > 4, "a working courier has more than {threads} threads");
    Ok(())
}

/// Secrets are in the courier's memory, and neither in the supervisor's nor in the zygote's, which is
/// what every cell begins with.
fn check_memory(world: &World, stage: &mut Stage) -> Result<()> {
    let name = stage.stage.clone();
    let password = fs::read_to_string(world.password_file(&name))?;
    let secrets = [password.trim().to_owned(), format!("{}-secret", stage.access_key)];
    let copies = |pid| copies(pid, &secrets);
    let courier = *stage.couriers()?.last().context("a courier runs")?;
    let zygote = stage.children()?.into_iter().find(|pid| *pid != courier).context("a zygote")?;
    // The control: this is where they are found.
    ensure!(copies(courier)?.iter().all(|n| *n > 0), "the courier of {name} does without a secret");
    ensure!(copies(zygote)? == [0, 0], "the zygote of {name} holds a secret");
    ensure!(copies(stage.supervisor())? == [0, 0], "the supervisor of {name} holds a secret");
    Ok(())
}

/// How often each of two words occurs in a process's readable memory.
fn copies(pid: u32, wanted: &[String; 2]) -> Result<[usize; 2]> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut found = [0, 0];
    for line in fs::read_to_string(format!("/proc/{pid}/maps"))?.lines() {
        let (range, rights) = line.split_once(' ').context("a mapping")?;
        let (start, end) = range.split_once('-').context("a range")?;
        let (start, end) = (u64::from_str_radix(start, 16)?, u64::from_str_radix(end, 16)?);
        let mut bytes = vec![0; usize::try_from(end - start)?];
        // The kernel's own pages ([vvar]) are nobody's to read, and threads come and go.
        if rights.starts_with('r') && memory.read_exact_at(&mut bytes, start).is_ok() {
            for (found, word) in found.iter_mut().zip(wanted) {
                *found += bytes.windows(word.len()).filter(|at| *at == word.as_bytes()).count();
            }
        }
    }
    Ok(found)
}

/// It says that it is jailed, and by which layers it is not.
fn check_log(log: &Path, is_complete: bool) -> Result<()> {
    let log = fs::read_to_string(log)?;
    let words = if is_complete { "the courier is jailed\"" } else { "not by every layer" };
    ensure!(log.contains(words), "the log does not say {words}: {log}");
    for refused in ["Operation not permitted", "Permission denied"] {
        ensure!(!log.contains(refused), "the jail was in the way: {log}");
    }
    Ok(())
}
