//! `cordon dead redrive`: exactly the letters whose cause was mended resolve.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cordon_records::{Pointer, single_object};
use cordon_tests::{flawed, patience::wait_for, world::World};
use serde_json::Value;

use crate::{
    ranges::json,
    stages::{self, Stages},
};

/// A line that ingest takes, and of which generate can make nothing: an event without its time.
pub(crate) const REFUSED: &str =
    "{\"EventID\":1,\"SourceName\":\"Microsoft-Windows-Sysmon\",\"Hostname\":\"h\"}\n";
/// How many of them.
pub(crate) const REFUSED_LINES: usize = 3;
/// Payloads that are damaged for a while.
const DAMAGED: usize = 4;
/// How long a redrive lives before it is killed: about as long as it takes.
const LIVES_MS: [u64; 4] = [150, 400, 700, 1_000];
/// For stages to meet what was planted.
const PATIENCE: Duration = Duration::from_secs(300);

/// What was planted, and what became of it.
#[derive(Debug)]
pub(crate) struct Letters {
    /// Letters about payloads that were mended.
    pub(crate) expected: usize,
    /// Letters that are resolved.
    pub(crate) resolved: usize,
    /// Letters about lines that no mending helps.
    pub(crate) dead_again: usize,
}

/// Damages payloads, lets stages meet them, mends them, and drives the letters again.
pub(crate) fn drive_again(world: &World, stages: &mut Stages) -> Result<Letters> {
    let victims = victims(world)?;
    for victim in &victims {
        flip_last_byte(&victim.object)?;
    }
    // A courier that fetched them before has them still.
    stages.kill("generate")?;
    stages.kill("match")?;
    for victim in &victims {
        let Victim { partition, offset, .. } = victim;
        let (range, id) =
            (format!("{partition}:{offset}..{}", offset + 1), format!("v{partition}-{offset}"));
        json(world, &["replay", "run", "logs", "--offsets", &range, "--id", &id, "--json"])?;
    }
    // Generate and match both read them.
    let expected = 2 * victims.len();
    wait_for("the damaged payloads have letters", PATIENCE, || {
        Ok((list(world, &["--reason", "digest"])?.len() >= expected).then_some(()))
    })?;
    stages::settle(world)?;
    let planted = list(world, &["--reason", "digest"])?;
    ensure!(planted.len() == expected, "{planted:#?}");
    ensure!(planted.iter().all(|letter| letter["fate"] == "open"), "{planted:#?}");
    for victim in &victims {
        flip_last_byte(&victim.object)?;
    }

    redrive_killed(world, &["--reason", "digest"], expected)?;
    stages::settle(world)?;
    let resolved = ids(&list(world, &["--reason", "digest", "--fate", "resolved"])?);
    ensure!(resolved == ids(&planted), "{resolved:?}, planted {:?}", ids(&planted));
    let dead_again = refused_lines_die_again(world)?;
    // All that can be driven was.
    let rest = redrive(world, &["--reason", "digest"])?;
    ensure!(rest["letters"] == 0 && rest["driven_before"] == expected, "{rest}");
    Ok(Letters { expected, resolved: resolved.len(), dead_again })
}

/// Lines that nothing mends: the new letters name the old ones, and nothing else resolves.
fn refused_lines_die_again(world: &World) -> Result<usize> {
    let version = flawed::RELEASED_VERSION;
    let of_version = ["--stage", "generate", "--stage-version", version, "--reason", "rejected"];
    let of_logs = [&of_version[..], &["--topic", "logs"]].concat();
    let named_before = named(world)?;
    let refused = list(world, &[&of_logs[..], &["--fate", "open"]].concat())?;
    ensure!(refused.len() >= REFUSED_LINES, "{refused:#?}");
    let told = redrive(world, &of_logs)?;
    ensure!(told["letters"] == refused.len(), "{told}");
    stages::settle(world)?;
    let again = list(world, &[&of_logs[..], &["--fate", "again"]].concat())?;
    ensure!(ids(&again) == ids(&refused), "{again:#?}");
    let named: BTreeSet<String> = named(world)?.difference(&named_before).cloned().collect();
    ensure!(named == ids(&refused), "the new letters name {named:?}");
    Ok(again.len())
}

/// Letters that newer letters of generate name.
fn named(world: &World) -> Result<BTreeSet<String>> {
    let newer = list(world, &["--stage", "generate", "--topic", "replay.generate"])?;
    let redrives = newer.iter().filter_map(|letter| letter["redrives"].as_array());
    Ok(redrives.flatten().filter_map(|id| id.as_str().map(str::to_owned)).collect())
}

/// Runs a redrive, killed again and again, then to its end; every letter is driven once.
fn redrive_killed(world: &World, filter: &[&str], letters: usize) -> Result<()> {
    let dry = redrive(world, &[filter, &["--dry-run"]].concat())?;
    ensure!(dry["letters"] == letters, "{dry}");
    let before = driven(world)?.len();
    for life_ms in LIVES_MS {
        let mut command = world.cordon("replayer");
        command.args(["dead", "redrive"]).args(filter);
        let mut command = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        thread::sleep(Duration::from_millis(life_ms));
        command.kill()?;
        command.wait()?;
    }
    redrive(world, filter)?;
    let driven = driven(world)?;
    let distinct: BTreeSet<&String> = driven.iter().collect();
    let count = driven.len() - before;
    ensure!(count == letters && distinct.len() == driven.len(), "driven again: {driven:?}");
    Ok(())
}

/// Letters that pointers of replay lanes drive again, as often as they do.
fn driven(world: &World) -> Result<Vec<String>> {
    let mut driven = Vec::new();
    for topic in ["replay.generate", "replay.match"] {
        for record in world.log("reader")?.reader(topic)? {
            let pointer: Pointer = single_object::decode(&record?.value)?;
            driven.extend(pointer.redrives);
        }
    }
    Ok(driven)
}

fn redrive(world: &World, filter: &[&str]) -> Result<Value> {
    json(world, &[&["dead", "redrive", "--json"], filter].concat())
}

pub(crate) fn list(world: &World, filter: &[&str]) -> Result<Vec<Value>> {
    let printed = world.run("reader", &[&["dead", "list", "--json"], filter].concat())?;
    let lines = str::from_utf8(&printed)?.lines();
    lines.map(|line| Ok(serde_json::from_str(line)?)).collect()
}

pub(crate) fn ids(letters: &[Value]) -> BTreeSet<String> {
    letters.iter().filter_map(|letter| letter["id"].as_str().map(str::to_owned)).collect()
}

/// A pointer to the end of an object.
struct Victim {
    partition: i32,
    offset: i64,
    object: PathBuf,
}

/// Pointers of `logs`, each to the last bytes of another object.
fn victims(world: &World) -> Result<Vec<Victim>> {
    let mut victims: Vec<Victim> = Vec::new();
    for record in world.log("reader")?.reader("logs")? {
        let record = record?;
        let pointer: Pointer = single_object::decode(&record.value)?;
        let object = world.path("s3").join(&pointer.bucket).join(&pointer.key);
        let size_bytes = fs::metadata(&object)?.len();
        let end = pointer.range_start_bytes + pointer.range_bytes;
        let is_new = victims.iter().all(|victim| victim.object != object);
        // Not the one with the lines that die whatever is mended.
        let is_sound = pointer.datapoints > Some(REFUSED_LINES as i64);
        let is_last = end.unsigned_abs() == size_bytes;
        if is_last && is_new && is_sound && victims.len() < DAMAGED {
            let (partition, offset) = (record.at.partition, record.offset);
            victims.push(Victim { partition, offset, object });
        }
    }
    ensure!(victims.len() == DAMAGED, "too few payloads");
    Ok(victims)
}

/// Damages a file; a second time mends it.
fn flip_last_byte(path: &Path) -> Result<()> {
    let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
    let (mut byte, last) = ([0], file.metadata()?.len().checked_sub(1).context("a byte")?);
    file.read_exact_at(&mut byte, last)?;
    byte[0] ^= 1;
    Ok(file.write_all_at(&byte, last)?)
}
