//! `cordon dead redrive`: chosen letters, processed again.
//!
//! A letter's datapoint lies in a payload whose pointer is still in the topic. That pointer is
//! emitted again into the lane of the letter's stage alone, with the indexes to process and the
//! letters' ids; the stage says in the transaction that processes them what became of each. What is
//! emitted stands in receipts of the replayer, in the same transaction; so whoever runs this again
//! after a kill emits the rest, and no letter twice. There is one `transactional.id` for all
//! redrives: two at a time would choose the same letters.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use bytes::Bytes;
use cordon_courier::{Environment as _, World, event::TransactionOutcome, transaction};
use cordon_kafka::{
    log::TopicPartition,
    real::{RealLog, RealProducer},
    topology::Topology,
};
use cordon_records::{BatchId, Letter, Pointer, Runs, single_object};
use serde::Serialize;

use super::{args::RedriveArgs, fate::Fate, filter::Filter, letters};
use crate::{
    archive::Archive,
    config::{Config, ConfigFaults},
    patience::Patience,
    producer,
    replay::{Destination, Emission, POINTERS_MAX},
    terminal, wiring,
};

/// What all redrives are called among replays.
const NAME: &str = "redrive";
/// Letters that one pointer drives again: their ids are in it, in two receipts, and a pointer is to
/// stay small.
const POINTER_LETTERS_MAX: usize = 256;
/// Letters of one transaction: its receipt names all of them.
const TRANSACTION_LETTERS_MAX: usize = 2_000;

/// What was done, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Driven {
    letters: usize,
    datapoints: i64,
    pointers: usize,
    /// Letters that speak of no datapoint, or whose record is no pointer.
    nothing_to_drive: usize,
    /// Letters whose pointer is not in the topic any more.
    pointer_gone: usize,
    /// Letters that were driven before: resolved, dead again as others, or on their way.
    driven_before: usize,
}

/// Drives letters again. Returns what to print.
pub(crate) fn redrive(args: &RedriveArgs, config: &Config, is_json: bool) -> Result<String> {
    let topology = wiring::topology(config.topology.as_deref())?;
    let stages = stages(args, &topology)?;
    let log = wiring::log(config)?;
    let redrive = Redrive { args, topology: &topology, stages, log: &log };
    let driven = redrive.run()?;
    if is_json {
        return Ok(serde_json::to_string(&driven)? + "\n");
    }
    let Driven { letters, datapoints, pointers, nothing_to_drive, pointer_gone, driven_before } =
        driven;
    let verb = if args.dry_run { "would drive" } else { "drove" };
    let mut text = format!(
        "{verb} {letters} letters for {datapoints} datapoints again, by {pointers} pointers\n"
    );
    for (count, words) in [
        (driven_before, "were driven again before; `dead list --fate` tells what became of them"),
        (nothing_to_drive, "speak of no datapoint, or of a record that is no pointer"),
        (pointer_gone, "have no pointer in the topic any more; the lister finds their payloads"),
    ] {
        if count > 0 {
            text += &format!("{count} letters {words}\n");
        }
    }
    Ok(text)
}

/// The stages whose letters can be driven again.
fn stages(args: &RedriveArgs, topology: &Topology) -> Result<Vec<String>, ConfigFaults> {
    let has_lane = |stage: &str| topology.stages.get(stage).is_some_and(|s| !s.replay.is_empty());
    let wanted = &args.filter.stage;
    if let Some(stage) = wanted.iter().find(|stage| !has_lane(stage)) {
        return Err(ConfigFaults::one(format!(
            "{} reads no pointers, so that nothing of it can be driven again: its records must be \
             sent again, its files ingested again",
            terminal::escape(stage)
        )));
    }
    let all = topology.stages.keys().filter(|stage| has_lane(stage));
    Ok(all.filter(|stage| wanted.is_empty() || wanted.contains(stage)).cloned().collect())
}

struct Redrive<'a> {
    args: &'a RedriveArgs,
    topology: &'a Topology,
    stages: Vec<String>,
    log: &'a RealLog,
}

/// A pointer that drives letters again, and where it was found.
struct Drive {
    stage: String,
    at: TopicPartition,
    offset: i64,
    pointer: Pointer,
}

impl Redrive<'_> {
    fn run(&self) -> Result<Driven> {
        if self.args.dry_run {
            return Ok(self.choose()?.1);
        }
        let name = format!("{}{NAME}", Topology::transactional_prefix(Topology::REPLAYER));
        let mut done = Driven::default();
        let mut patience = Patience::new();
        loop {
            // First: what another one left open is settled, and receipts say what was emitted.
            let mut producer = producer::open(self.log, &name).map_err(anyhow::Error::msg)?;
            let (drives, chosen) = self.choose()?;
            let before = done;
            if self.emit(&mut producer, &name, &drives, &mut done)? {
                let Driven { nothing_to_drive, pointer_gone, driven_before, .. } = chosen;
                return Ok(Driven { nothing_to_drive, pointer_gone, driven_before, ..done });
            }
            if done != before {
                patience = Patience::new();
            } else if !patience.wait() {
                bail!("no transaction commits; run it again: no letter is driven twice");
            }
        }
    }

    /// Finds the letters, and the pointers that drive them.
    fn choose(&self) -> Result<(Vec<Drive>, Driven)> {
        let archive = Archive::of_log(self.log.clone());
        let filter = Filter::new(&self.args.filter, World.now_ms());
        let read = letters::read(&archive, self.topology, &filter, &self.stages)?;
        let mut driven = Driven::default();
        let mut by_record: BTreeMap<(String, TopicPartition, i64), Vec<Letter>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for known in read.known {
            let letter = known.letter;
            if known.fate != Fate::Open {
                driven.driven_before += 1;
            } else if letter.from >= letter.to || letter.key.is_empty() {
                driven.nothing_to_drive += 1;
            } else if seen.insert(letter.id.clone()) {
                let at = TopicPartition::new(letter.topic.as_str(), letter.partition);
                let record = (letter.stage.clone(), at, letter.offset);
                by_record.entry(record).or_default().push(letter);
            }
        }
        let mut drives = Vec::new();
        for ((stage, at, offset), letters) in by_record {
            match pointer_of(&archive, &at, offset, &letters[0])? {
                None => driven.pointer_gone += letters.len(),
                Some(pointer) => {
                    for letters in letters.chunks(POINTER_LETTERS_MAX) {
                        let pointer = driving(&pointer, letters);
                        driven.add(&pointer);
                        drives.push(Drive {
                            stage: stage.clone(),
                            at: at.clone(),
                            offset,
                            pointer,
                        });
                    }
                }
            }
        }
        Ok((drives, driven))
    }

    /// Emits pointers; `false` when nobody knows how many.
    fn emit(
        &self,
        producer: &mut RealProducer,
        name: &str,
        drives: &[Drive],
        done: &mut Driven,
    ) -> Result<bool> {
        let destinations = self.destinations(name)?;
        let mut drives = drives.iter().peekable();
        while drives.peek().is_some() {
            let (mut emission, mut sum, mut to) = (Emission::default(), Driven::default(), None);
            while let Some(drive) = drives.next_if(|drive| {
                let letters = sum.letters + drive.pointer.redrives.len();
                emission.pointers() == 0
                    || (emission.pointers() < POINTERS_MAX && letters <= TRANSACTION_LETTERS_MAX)
            }) {
                let destination = &destinations[&drive.stage];
                let value = Bytes::from(single_object::encode(&drive.pointer)?);
                let place = (&drive.at, drive.offset);
                emission.emit(&drive.pointer, value, Vec::new(), place, destination);
                sum.add(&drive.pointer);
                to = Some(destination);
            }
            let Some(to) = to else { break };
            let batch = BatchId(World.uuid().into_bytes());
            let transaction = emission.transaction(to, batch, World.now_ms());
            match transaction::run(producer, None, transaction) {
                TransactionOutcome::Committed => done.sum(&sum),
                TransactionOutcome::Aborted(why) | TransactionOutcome::Unknown(why) => {
                    tracing::warn!(why, "the letters are looked at again");
                    return Ok(false);
                }
                TransactionOutcome::Denied(why) => bail!("denied: {why}"),
                TransactionOutcome::Fenced(why) => {
                    bail!("another redrive took over; its letters are the same: {why}")
                }
            }
        }
        Ok(true)
    }

    fn destinations(&self, name: &str) -> Result<BTreeMap<String, Destination>> {
        let open = |stage: &String| {
            let topic = Topology::replay_of(stage);
            Ok((stage.clone(), Destination::open(self.log, &topic, name.to_owned())?))
        };
        self.stages.iter().map(open).collect()
    }
}

impl Driven {
    fn add(&mut self, pointer: &Pointer) {
        self.letters += pointer.redrives.len();
        self.datapoints += pointer.selection.as_ref().map_or(0, Runs::count);
        self.pointers += 1;
    }

    fn sum(&mut self, other: &Self) {
        self.letters += other.letters;
        self.datapoints += other.datapoints;
        self.pointers += other.pointers;
    }
}

/// The pointer that a letter is about, if it is where it was.
fn pointer_of(
    archive: &Archive,
    at: &TopicPartition,
    offset: i64,
    letter: &Letter,
) -> Result<Option<Pointer>> {
    let value = archive.record(at, offset)?;
    let pointer = value.and_then(|value| single_object::decode::<Pointer>(&value).ok());
    // The topic may have been made anew since, with other records at the same offsets.
    Ok(pointer.filter(|pointer| pointer.key == letter.key && pointer.bucket == letter.bucket))
}

/// A pointer to the same bytes that selects the datapoints of these letters.
fn driving(pointer: &Pointer, letters: &[Letter]) -> Pointer {
    let ranges: Vec<Runs> = letters.iter().map(|l| Runs::range(l.from, l.to)).collect();
    let dead = Runs::union(&ranges);
    let n = pointer.datapoints.unwrap_or(i64::MAX);
    let selection = match &pointer.selection {
        // A letter for the rest of a payload speaks for indexes outside a selection, too.
        Some(chosen) => dead.iter().filter(|index| chosen.contains(*index)).collect(),
        None => dead.clip(0, n),
    };
    let redrives = letters.iter().map(|letter| letter.id.clone()).collect();
    Pointer { selection: Some(selection), redrives, ..pointer.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{letter, pointer};

    #[test]
    fn a_driving_pointer_selects_what_its_letters_speak_of() {
        let one = letter("generate/logs/0/5/3", "rejected", 0);
        let mut rest = letter("generate/logs/0/5/60", "corrupt", 0);
        rest.to = 70;
        let letters = [one, rest];
        let whole = Pointer { datapoints: Some(64), ..pointer() };
        let driven = driving(&whole, &letters);
        let expected: Runs = [3].into_iter().chain(60..64).collect();
        assert_eq!(driven.selection, Some(expected));
        assert_eq!(driven.redrives, ["generate/logs/0/5/3", "generate/logs/0/5/60"]);

        let chosen = Pointer { selection: Some([1, 3, 61].into_iter().collect()), ..whole };
        let driven = driving(&chosen, &letters);
        assert_eq!(driven.selection, Some([3, 61].into_iter().collect()));
    }

    #[test]
    fn stages_without_a_lane_are_told_apart() {
        let topology = Topology::embedded();
        let of = |stage: &[&str]| {
            let mut args = RedriveArgs::default();
            args.filter.stage = stage.iter().map(|&s| s.to_owned()).collect();
            stages(&args, &topology).map_err(|faults| faults.to_string())
        };
        assert_eq!(of(&[]).unwrap(), ["generate", "match", "merge"]);
        assert_eq!(of(&["match"]).unwrap(), ["match"]);
        assert!(of(&["match", "pack"]).unwrap_err().starts_with("pack reads no pointers"));
    }
}
