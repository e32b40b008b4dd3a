//! What must hold, and the figures that say how it held.

use anyhow::{Context as _, Result, ensure};
use cordon_tests::{audit::of_stage, diary::Note};
use serde_json::Value;

use crate::{
    evidence::Evidence,
    fleet::{Fetches, Kill},
};

/// Kills that must have found a batch in flight, over all stages.
const KILLS_IN_FLIGHT_MIN: usize = 5;
/// A slot has two batches in hand at most: one is processed while the other is committed.
const REDONE_PER_SLOT_MAX: usize = 2;

/// What must hold and does not. Collected, so that the figures of a failed run are printed, too.
#[derive(Default)]
pub(crate) struct Verdict(Vec<String>);

impl Verdict {
    /// Notes a fault, unless it holds.
    pub(crate) fn holds(&mut self, it_holds: bool, words: impl FnOnce() -> String) {
        if !it_holds {
            self.0.push(words());
        }
    }

    /// The end: an error that says all that does not hold.
    pub(crate) fn end(self) -> Result<()> {
        ensure!(self.0.is_empty(), "{}", self.0.join("\n"));
        Ok(())
    }
}

/// Counts the kills that found a batch in flight.
pub(crate) fn kills_in_flight<'k>(
    kills: impl Iterator<Item = &'k Kill>,
    stages: impl Iterator<Item = &'k str>,
    evidence: &Evidence,
    verdict: &mut Verdict,
) -> usize {
    let is_committed = |batch: &_| evidence.committed.contains(batch);
    let in_flight: Vec<&str> =
        kills.filter(|kill| kill.was_in_flight(is_committed)).map(|k| k.stage.as_str()).collect();
    for stage in stages {
        verdict.holds(in_flight.contains(&stage), || {
            format!("{stage} was never killed with a batch in flight")
        });
    }
    verdict.holds(in_flight.len() >= KILLS_IN_FLIGHT_MIN, || {
        format!("killed with a batch in flight: {in_flight:?}")
    });
    in_flight.len()
}

/// What had to be done again, and what may be.
pub(crate) struct Redone {
    /// Batches announced.
    pub(crate) begun: usize,
    /// Announced and never committed.
    pub(crate) batches: usize,
    /// Slots that gave up or lost partitions, each time.
    pub(crate) slots_lost_partition: usize,
    /// Slots that were killed.
    pub(crate) slots_killed: usize,
}

impl Redone {
    /// Counts; all couriers have one slot.
    pub(crate) fn count(notes: &[Note], slots_killed: usize, evidence: &Evidence) -> Self {
        let mut redone = Self { begun: 0, batches: 0, slots_lost_partition: 0, slots_killed };
        for note in notes {
            match note {
                Note::Begins(batch) => {
                    redone.begun += 1;
                    redone.batches += usize::from(!evidence.committed.contains(batch));
                }
                Note::Gone(1..) => redone.slots_lost_partition += 1,
                _ => {}
            }
        }
        redone
    }

    /// What may be redone.
    pub(crate) fn bound(&self) -> usize {
        REDONE_PER_SLOT_MAX * (self.slots_killed + self.slots_lost_partition)
    }
}

/// No slot may fetch a payload twice. Returns how many fetches there were.
pub(crate) fn fetched_once(
    fetched: &[(String, Fetches)],
    evidence: &Evidence,
    verdict: &mut Verdict,
) -> u64 {
    for (stage, fetches) in fetched {
        for (object, count) in fetches {
            // An object holds a payload for each pointer that names a range of it.
            let payloads = evidence.pointers.get(object).copied().unwrap_or_default();
            verdict.holds(*count <= payloads, || {
                format!("a slot of {stage} fetched {object} {count} times: it holds {payloads}")
            });
        }
    }
    fetched.iter().flat_map(|(_, fetches)| fetches.values()).sum()
}

/// Compares every count of the two audits, stage by stage. Returns what differs.
pub(crate) fn differences(cordon: &Value, checker: &Value) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    let stages = cordon["stages"].as_array().context("cordon's audit has stages")?;
    let checked = checker["stages"].as_object().context("the checker's audit has stages")?;
    ensure!(stages.len() == checked.len(), "the audits are of different stages");
    for stage in stages {
        let name = stage[0].as_str().context("a stage has a name")?;
        let counts = stage[1].as_object().context("a stage has counts")?;
        let theirs = checked.get(name).and_then(Value::as_object);
        let theirs = theirs.with_context(|| format!("the checker knows no stage {name}"))?;
        let names: Vec<_> = counts.keys().chain(theirs.keys()).collect();
        for count in names {
            let (ours, theirs) = (counts.get(count), theirs.get(count));
            if ours != theirs {
                differences.push(format!("{name}: {count}: {ours:?} and {theirs:?}"));
            }
        }
    }
    differences.sort();
    differences.dedup();
    Ok(differences)
}

/// Datapoints of a stage that went into an output, are not mapped, or are dead.
pub(crate) fn count(audit: &Value, stage: &str, name: &str) -> Result<i64> {
    of_stage(audit, stage)?[name].as_i64().with_context(|| format!("{stage}: no {name}"))
}
