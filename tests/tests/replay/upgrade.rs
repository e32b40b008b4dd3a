//! A rolling change from one version to the next, under load: couriers of both versions are in one
//! group, killed and replaced in turn.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cordon_records::{Pointer, Receipt, single_object};
use cordon_tests::{
    flawed,
    patience::wait_for,
    stage::Stage,
    world::{World, key_of},
};
use serde_json::Value;

use crate::{
    letters,
    ranges::{self, json},
    stages::{self, SESSION_TIMEOUT_MS, Stages},
};

/// Seconds that the load lasts.
const LOAD_SECONDS: i64 = 25;
/// For a courier to commit something.
const PATIENCE: Duration = Duration::from_secs(120);

/// Replays everything while couriers of generate change. Returns the versions that did it.
pub(crate) fn roll(world: &World, stages: &mut Stages) -> Result<BTreeSet<String>> {
    let logs = ranges::sum(world, "logs")?;
    let rate = (logs.datapoints / LOAD_SECONDS).max(1).to_string();
    let before = receipts(world)?.len();
    // Into both topics of the lane: however a group divides its twelve partitions by two, each
    // member has some of those with work.
    let mut loads = Vec::new();
    for (id, into) in [("upgrade", &[][..]), ("upgrade-generate", &["--into", "generate"])] {
        let mut load = world.cordon("replayer");
        load.args(["replay", "run", "logs", "--id", id, "--rate", &rate]).args(into);
        loads.push((id, load.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?));
    }
    // Both work, side by side.
    wait_for_version(world, before, flawed::RELEASED_VERSION)?;
    let mut second = next(world, 2)?;
    second.wait_until_it_owns()?;
    wait_for_version(world, before, flawed::NEXT_VERSION)?;
    // Both die; the old one is replaced by the new version, under its own slot.
    stages.kill("generate")?;
    second.kill_courier()?;
    stages.stop_one("generate")?;
    stages.put_generate(next(world, 3)?);
    second.wait_until_it_owns()?;
    second.kill_courier()?;
    for (id, load) in &mut loads {
        let status = load.wait()?;
        ensure!(status.success(), "the load {id} ended with {status}");
        let told = json(world, &["replay", "status", id, "--json"])?;
        let is_all = told["emitted"]["pointers"] == logs.pointers;
        ensure!(told["done"] == true && is_all, "{told:#}");
    }
    stages::settle(world)?;
    // Back to one courier of the released version, for what comes.
    stages.replace_generate(world)?;
    second.stop()?;
    versions_travel(world, before)
}

/// A courier of the next version; the first has the slot of the one that it replaces.
fn next(world: &World, courier: usize) -> Result<Stage> {
    let key = key_of("generate", courier);
    let program = Path::new(env!("CARGO_BIN_EXE_cordon-next"));
    let slot_base = if courier == 2 { "1" } else { "0" };
    Stage::start_as(world, world.program_by(program, "generate", &key), "generate", &key, |c| {
        c.env("CORDON_SLOT_BASE", slot_base)
            .env("CORDON_KAFKA_SESSION_TIMEOUT_MS", SESSION_TIMEOUT_MS);
    })
}

fn wait_for_version(world: &World, before: usize, version: &str) -> Result<()> {
    wait_for(&format!("version {version} commits"), PATIENCE, || {
        let receipts = receipts(world)?;
        let is_there = receipts[before..].iter().any(|receipt| receipt.stage_version == version);
        Ok(is_there.then_some(()))
    })
}

fn receipts(world: &World) -> Result<Vec<Receipt>> {
    let records = world.log("reader")?.reader("receipts.generate")?;
    records.map(|record| Ok(single_object::decode(&record?.value)?)).collect()
}

/// Receipts, the pointers that they name and letters say which version made them.
fn versions_travel(world: &World, before: usize) -> Result<BTreeSet<String>> {
    let receipts = receipts(world)?;
    let receipts = &receipts[before..];
    let versions: BTreeSet<String> =
        receipts.iter().map(|receipt| receipt.stage_version.clone()).collect();
    let mut of_pointers = BTreeMap::new();
    for record in world.log("reader")?.reader("subgraphs.replay")? {
        let pointer: Pointer = single_object::decode(&record?.value)?;
        of_pointers.insert((pointer.key, pointer.range_start_bytes), pointer.stage_version);
    }
    for receipt in receipts {
        for output in &receipt.outputs {
            let version = of_pointers.get(&(output.key.clone(), output.range_start_bytes));
            ensure!(version == Some(&receipt.stage_version), "{output:?}: {version:?}");
        }
    }
    // The lines that any version refuses.
    let filter = ["--stage", "generate", "--reason", "rejected", "--topic", "replay.generate"];
    for letter in letters::list(world, &filter)? {
        let version = letter["stage_version"].as_str().context("a letter has a version")?;
        ensure!(!version.is_empty(), "{letter}");
    }
    Ok(versions)
}

/// What a roll must have seen.
pub(crate) fn ensure_both(versions: &BTreeSet<String>) -> Result<Value> {
    for version in [flawed::RELEASED_VERSION, flawed::NEXT_VERSION] {
        ensure!(versions.contains(version), "{versions:?} lacks {version}");
    }
    Ok(versions.iter().cloned().collect())
}
