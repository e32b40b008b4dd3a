//! What goes in: files by `cordon ingest`, one of them killed in the middle, and plain records by
//! a shipper that knows nothing of cordon.

use std::{
    collections::BTreeSet,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cordon_records::{Receipt, Source, single_object};
use cordon_tests::{
    checker::{Checker, kafka_arguments},
    patience::wait_for,
    world::World,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::fleet::requests;

/// How long an ingest that shall die in the middle runs between two looks.
const SLICE: Duration = Duration::from_millis(5);
/// For `cordon ingest` to store a file, and for it to commit one.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ingests files. Returns how many records became datapoints.
pub(crate) fn ingest(world: &World, files: &[PathBuf]) -> Result<i64> {
    let output = ingest_command(world, files).output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cordon ingest: {}: {words}", output.status);
    let summary: Value = serde_json::from_slice(&output.stdout)?;
    summary["datapoints"].as_i64().context("no count in the summary")
}

/// Starts to ingest files, and kills that with SIGKILL when some are committed and some are not.
/// Returns how many were committed.
pub(crate) fn ingest_killed(world: &World, files: &[PathBuf]) -> Result<usize> {
    let mut ingest =
        ingest_command(world, files).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    wait_for("ingest stores a file", PATIENCE, || {
        let stored = requests(world, "ingest", "PutObject").values().sum::<u64>();
        Ok((stored > 0).then_some(()))
    })?;
    // It goes on in slices, too short to commit all, and stands still while it is looked at.
    let pid = Pid::from_child(&ingest);
    wait_for("ingest commits a file", PATIENCE, || {
        kill_process(pid, Signal::STOP)?;
        if ingested_files(world)? > 0 {
            return Ok(Some(()));
        }
        kill_process(pid, Signal::CONT)?;
        thread::sleep(SLICE);
        Ok(None)
    })?;
    ingest.kill()?;
    let status = ingest.wait()?;
    ensure!(status.signal() == Some(9), "ingest was not killed in the middle: {status}");
    let committed = ingested_files(world)?;
    ensure!(committed < files.len(), "ingest was killed when all was committed");
    Ok(committed)
}

fn ingest_command(world: &World, files: &[PathBuf]) -> Command {
    let mut command = world.cordon("ingest");
    command.args(["ingest", "--json"]).args(files);
    command
}

/// How many files any committed receipt speaks of.
fn ingested_files(world: &World) -> Result<usize> {
    let mut files = BTreeSet::new();
    for record in world.log("reader")?.reader("receipts.ingest")? {
        let receipt: Receipt = single_object::decode(&record?.value)?;
        files.extend(receipt.inputs.into_iter().filter_map(|input| match input.source {
            Source::FileSource { sha256, .. } => Some(sha256),
            _ => None,
        }));
    }
    Ok(files.len())
}

/// Writes the lines of a file to `raw` as the principal *shipper*, by a client that is not
/// cordon's. Returns how many.
pub(crate) fn ship(world: &World, checker: &Checker, file: &Path) -> Result<i64> {
    let mut ship = checker.command("ship.py");
    let output = ship.args(kafka_arguments(world, "shipper")).arg(file).output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ship.py: {}: {words}", output.status);
    let summary: Value = serde_json::from_slice(&output.stdout)?;
    summary["shipped"].as_i64().context("no count in the summary")
}
