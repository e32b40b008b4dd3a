//! Orphans: objects that no pointer names, found by the lister.

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use cordon_records::{Digest, ObjectKey, Pointer, Receipt, Source, single_object};
use cordon_tests::{patience::wait_for, world::World};

/// Objects that an ingest stored and never named: its transaction aborted.
const ORPHANS: usize = 3;
/// For the stages to take what the lister named.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long the lister lives before it is killed: about as long as it takes.
const LIVES_MS: [u64; 3] = [80, 200, 400];

/// Walks all payloads of `logs` again and again, killed at first. Returns how many pointers the
/// lister wrote in all.
pub(crate) fn orphans_come_back(world: &World) -> Result<usize> {
    let orphans = plant(world)?;
    let command = || {
        let mut command: Command = world.cordon("lister");
        command.args(["lister", "logs", "--state", "walk.json", "--json"]);
        command
    };
    for life_ms in LIVES_MS {
        let mut lister = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        thread::sleep(Duration::from_millis(life_ms));
        lister.kill()?;
        lister.wait()?;
    }
    let output = command().output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cordon lister: {}: {words}", output.status);

    let listed = listed(world)?;
    let keys: BTreeSet<&String> = listed.iter().collect();
    let stored = stored(world)?;
    ensure!(stored.iter().all(|key| keys.contains(key)), "{keys:?} lacks some of {stored:?}");
    ensure!(orphans.iter().all(|key| keys.contains(key)), "{orphans:?}");
    wait_for("generate takes the orphans", PATIENCE, || {
        let consumed = consumed(world)?;
        Ok(orphans.iter().all(|key| consumed.contains(key)).then_some(()))
    })?;
    the_lister_can_do_nothing_else(world)?;
    Ok(listed.len())
}

/// Stores payloads a second time under keys that nothing names, as an ingest does that is killed
/// between its put and its commit.
fn plant(world: &World) -> Result<Vec<String>> {
    let store = world.store("ingest")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bucket = &world.topology().bucket;
    let mut orphans = Vec::new();
    for (n, key) in stored(world)?.into_iter().take(ORPHANS).enumerate() {
        let body = Bytes::from(fs::read(world.path("s3").join(bucket).join(key))?);
        let key = format!("logs/1700000000000-6f1ddc2a-58a4-4f0c-8d5d-3c1e0b8a{n:04x}");
        let digest = Digest::of(&body);
        runtime.block_on(store.put(bucket, &ObjectKey::parse(&key)?, body, digest))?;
        orphans.push(key);
    }
    ensure!(orphans.len() == ORPHANS, "{orphans:?}");
    Ok(orphans)
}

/// The keys of all payloads of `logs`, as they lie on the server's disk.
fn stored(world: &World) -> Result<Vec<String>> {
    let dir = world.path("s3").join(&world.topology().bucket).join("logs");
    let mut keys = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let key = format!("logs/{}", name.to_str().context("a key is text")?);
        if ObjectKey::parse(&key).is_ok() {
            keys.push(key);
        }
    }
    keys.sort();
    Ok(keys)
}

/// Keys that digestless pointers name, as often as they do.
fn listed(world: &World) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    for record in world.log("reader")?.reader("logs.replay")? {
        let pointer: Pointer = single_object::decode(&record?.value)?;
        if pointer.digest.is_none() {
            keys.push(pointer.key);
        }
    }
    Ok(keys)
}

/// Keys that generate's receipts tell of.
fn consumed(world: &World) -> Result<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    for record in world.log("reader")?.reader("receipts.generate")? {
        let receipt: Receipt = single_object::decode(&record?.value)?;
        keys.extend(receipt.inputs.into_iter().filter_map(|input| match input.source {
            Source::PointerSource { key, .. } => Some(key),
            _ => None,
        }));
    }
    Ok(keys)
}

/// It neither reads nor writes an object, and writes no other topic.
fn the_lister_can_do_nothing_else(world: &World) -> Result<()> {
    let asked = world.s3().requests();
    let lister: Vec<&String> =
        asked.objects.keys().filter(|what| what.starts_with("lister ")).collect();
    ensure!(lister.is_empty(), "the lister asked for objects: {lister:?}");
    let output = world.cordon("lister").args(["replay", "list"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success() && said.contains("Read on topic receipts.replay"), "{said}");
    // Another principal is no lister, whatever it may do.
    let output = world.cordon("ingest").args(["lister", "logs"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(2) && said.contains("no lister"), "{said}");
    Ok(())
}
