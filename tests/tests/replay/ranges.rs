//! `cordon replay`, killed and resumed, while couriers are killed.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cordon_records::{Pointer, Receipt, single_object};
use cordon_tests::{patience::wait_for, world::World};
use serde_json::Value;

use crate::stages::{self, Stages};

/// For a replay that was just started to commit something.
const PATIENCE: Duration = Duration::from_secs(60);
/// Seconds that a replay takes at the rate that the kills need: each transaction is worth one.
const SLOW_SECONDS: i64 = 12;

/// What a topic's pointers name in all.
pub(crate) struct Sum {
    pub(crate) pointers: i64,
    pub(crate) datapoints: i64,
}

/// Counts a topic by itself.
pub(crate) fn sum(world: &World, topic: &str) -> Result<Sum> {
    let mut sum = Sum { pointers: 0, datapoints: 0 };
    for record in world.log("reader")?.reader(topic)? {
        let pointer: Pointer = single_object::decode(&record?.value)?;
        sum.pointers += 1;
        sum.datapoints += pointer.datapoints.unwrap_or(0);
    }
    Ok(sum)
}

/// A dry run says what there is, and emits nothing.
pub(crate) fn what_a_dry_run_counts(world: &World) -> Result<()> {
    let told = json(world, &["replay", "run", "logs", "--dry-run", "--json"])?;
    let logs = sum(world, "logs")?;
    let counts = &told["counts"];
    ensure!(counts["pointers"] == logs.pointers, "{told:#}");
    ensure!(counts["datapoints"] == logs.datapoints, "{told:#}");
    let usd = |bound: &str| told["s3"][bound]["usd"].as_f64().context("a price");
    ensure!(usd("least")? > 0.0 && usd("least")? <= usd("most")?, "{told:#}");
    ensure!(sum(world, "logs.replay")?.pointers == 0, "a dry run emits");
    Ok(())
}

/// Replays all of `logs`, into everything and into match alone, and all of `subgraphs`. Returns how
/// many replays there were.
pub(crate) fn replay_with_kills(world: &World, stages: &mut Stages) -> Result<usize> {
    let before = sum(world, "logs")?;
    replay_killed(world, "everything", &["logs"], before.datapoints, |round| {
        stages.kill(["generate", "merge"][round % 2])
    })?;
    stages::settle(world)?;
    // Once more beside it, by time; and the other way into merge.
    replay_killed(
        world,
        "into-match",
        &["logs", "--into", "match", "--since", "7d"],
        before.datapoints,
        |_| stages.kill("match"),
    )?;
    let subgraphs = sum(world, "subgraphs")?;
    replay_killed(world, "merge-again", &["subgraphs"], subgraphs.datapoints, |_| {
        stages.kill("merge")
    })?;

    for (id, pointers) in [
        ("everything", before.pointers),
        ("into-match", before.pointers),
        ("merge-again", subgraphs.pointers),
    ] {
        each_pointer_was_emitted_once(world, id, pointers)?;
    }
    ensure!(sum(world, "replay.match")?.pointers == before.pointers);
    by_offsets_one_pointer(world)?;
    a_replay_that_exists_is_not_begun_again(world)?;
    Ok(json_lines(world, &["replay", "list", "--json"])?.len())
}

/// Kills the command twice in the middle, and a courier each time, then lets it end.
fn replay_killed(
    world: &World,
    id: &str,
    what: &[&str],
    datapoints: i64,
    mut kill_courier: impl FnMut(usize) -> Result<()>,
) -> Result<()> {
    let rate = (datapoints / SLOW_SECONDS).max(1).to_string();
    let run = [&["replay", "run"], what, &["--id", id, "--rate", &rate]].concat();
    let resume = ["replay", "resume", id, "--rate", &rate];
    for (round, arguments) in [&run[..], &resume].into_iter().enumerate() {
        let before = emitted(world, id)?;
        let mut command = start(world, arguments)?;
        wait_for(
            "the replay emits",
            PATIENCE,
            || Ok((emitted(world, id)? > before).then_some(())),
        )?;
        command.kill()?;
        let status = command.wait()?;
        ensure!(!status.success(), "{id} ended before it was killed");
        kill_courier(round)?;
        let status = json(world, &["replay", "status", id, "--json"])?;
        ensure!(status["done"] == false, "{id} was killed when all was done: {status:#}");
    }
    json(world, &["replay", "resume", id, "--json"])?;
    let status = json(world, &["replay", "status", id, "--json"])?;
    ensure!(status["done"] == true, "{status:#}");
    // To resume what is done is to do nothing.
    let again = json(world, &["replay", "resume", id, "--json"])?;
    ensure!(again["pointers"] == 0, "{again:#}");
    Ok(())
}

fn start(world: &World, arguments: &[&str]) -> Result<Child> {
    let mut command: Command = world.cordon("replayer");
    Ok(command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// Receipts of a replay.
fn receipts(world: &World, id: &str) -> Result<Vec<Receipt>> {
    let mut receipts = Vec::new();
    for record in world.log("reader")?.reader("receipts.replay")? {
        let receipt: Receipt = single_object::decode(&record?.value)?;
        if receipt.slot == format!("cordon.replay-{id}") {
            receipts.push(receipt);
        }
    }
    Ok(receipts)
}

fn emitted(world: &World, id: &str) -> Result<usize> {
    Ok(receipts(world, id)?.len())
}

fn each_pointer_was_emitted_once(world: &World, id: &str, pointers: i64) -> Result<()> {
    let receipts = receipts(world, id)?;
    let mut sources: Vec<_> =
        receipts.iter().flat_map(|receipt| &receipt.inputs).map(|input| &input.source).collect();
    let count = sources.len();
    sources.sort();
    sources.dedup();
    ensure!(count == sources.len(), "{id} emitted a pointer twice");
    ensure!(count as i64 == pointers, "{id} emitted {count} of {pointers} pointers");
    Ok(())
}

/// A range of one record holds one pointer.
fn by_offsets_one_pointer(world: &World) -> Result<()> {
    let log = world.log("reader")?;
    let record = log.reader("logs")?.next().context("a pointer")??;
    let range = format!("{}:{}..{}", record.at.partition, record.offset, record.offset + 1);
    let run = ["replay", "run", "logs", "--offsets", &range, "--id", "one", "--json"];
    let told = json(world, &run)?;
    ensure!(told["pointers"] == 1, "{told:#}");
    Ok(())
}

fn a_replay_that_exists_is_not_begun_again(world: &World) -> Result<()> {
    for (arguments, code, words) in [
        (&["replay", "run", "logs", "--id", "one"][..], 1, "resume one"),
        (&["replay", "resume", "none"], 1, "there is no replay none"),
        (&["replay", "run", "merged"], 2, "logs, subgraphs"),
        (&["replay", "run", "logs", "--into", "merge"], 2, "merge reads subgraphs"),
    ] {
        let output = world.cordon("replayer").args(arguments).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(code), "{arguments:?}: {}: {said}", output.status);
        ensure!(said.contains(words), "{arguments:?} says {said}");
    }
    Ok(())
}

/// What a command of the replayer prints.
pub(crate) fn json(world: &World, arguments: &[&str]) -> Result<Value> {
    Ok(serde_json::from_slice(&world.run("replayer", arguments)?)?)
}

fn json_lines(world: &World, arguments: &[&str]) -> Result<Vec<Value>> {
    let printed = world.run("replayer", arguments)?;
    let lines = str::from_utf8(&printed)?.lines();
    lines.map(|line| Ok(serde_json::from_str(line)?)).collect()
}
