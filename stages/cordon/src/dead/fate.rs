//! What became of letters: still dead, driven again, or no longer dead. Receipts know. Pure.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum;
use cordon_records::{Letter, Receipt, Runs};
use serde::Serialize;

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// Its datapoints are dead.
    Open,
    /// They were driven again, and their turn has not come.
    Driven,
    /// They were processed: none of them is dead any more.
    Resolved,
    /// They were processed, and some died again: newer letters name this one.
    Again,
}

impl Fate {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Driven => "driven",
            Self::Resolved => "resolved",
            Self::Again => "again",
        }
    }
}

/// What receipts say of letters, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    /// Emitted again.
    driven: BTreeSet<String>,
    consumed: BTreeMap<String, Consumed>,
}

/// What a stage made of the pointers that drove a letter again.
#[derive(Debug, Default)]
struct Consumed {
    /// Indexes that were to be processed, for this letter or another of its payload.
    chosen: Runs,
    alive: Runs,
    dead: Runs,
}

impl Fates {
    /// Takes in a receipt of the replayer.
    pub(crate) fn add_driven(&mut self, receipt: &Receipt) {
        let letters = receipt.inputs.iter().flat_map(|input| &input.redrives);
        self.driven.extend(letters.cloned());
    }

    /// Takes in a receipt of a stage.
    pub(crate) fn add_consumed(&mut self, receipt: &Receipt) {
        for input in &receipt.inputs {
            let alive = Runs::union([&input.output, &input.not_mapped]);
            for letter in &input.redrives {
                let known = self.consumed.entry(letter.clone()).or_default();
                known.alive = Runs::union([&known.alive, &alive]);
                known.dead = Runs::union([&known.dead, &input.dead]);
                if let Some(selection) = &input.selection {
                    known.chosen = Runs::union([&known.chosen, selection]);
                }
            }
        }
    }

    /// What became of a letter.
    pub(crate) fn of(&self, letter: &Letter) -> Fate {
        let (from, to) = (letter.from, letter.to);
        if let Some(Consumed { chosen, alive, dead }) = self.consumed.get(&letter.id) {
            let wanted = chosen.clip(from, to).count();
            let done = Runs::union([alive, dead]).clip(from, to).count();
            if wanted > 0 && done >= wanted {
                let died = dead.clip(from, to).count() > 0;
                return if died { Fate::Again } else { Fate::Resolved };
            }
        }
        if self.driven.contains(&letter.id) { Fate::Driven } else { Fate::Open }
    }
}

#[cfg(test)]
mod tests {
    use cordon_records::{BatchId, Input, Lane, Source};

    use super::*;
    use crate::fixture::letter;

    fn receipt(redrives: &[&str], output: Runs, dead: Runs, selection: Runs) -> Receipt {
        let source = Source::PointerSource {
            topic: "replay.generate".to_owned(),
            partition: 0,
            offset: 3,
            key: "logs/x".to_owned(),
            digest: None,
            datapoints: Some(100),
        };
        let redrives = redrives.iter().map(|&id| id.to_owned()).collect();
        Receipt {
            batch: BatchId::default(),
            stage: "generate".to_owned(),
            stage_version: "1".to_owned(),
            slot: String::new(),
            lane: Lane::Replay,
            time_ms: 0,
            inputs: vec![Input {
                source,
                from: 0,
                to: 100,
                output,
                dead,
                not_mapped: Runs::EMPTY,
                selection: Some(selection),
                redrives,
            }],
            outputs: Vec::new(),
            elements_in: 0,
            elements_out: 0,
        }
    }

    #[test]
    fn a_letter_is_open_driven_resolved_or_again() {
        let (one, rest) = ("generate/logs/0/5/3", "generate/logs/0/5/60");
        let one_letter = letter(one, "rejected", 0);
        let mut rest_letter = letter(rest, "corrupt", 0);
        rest_letter.to = 100;
        let mut fates = Fates::default();
        assert_eq!(fates.of(&one_letter), Fate::Open);

        let selection: Runs = [3].into_iter().chain(60..100).collect();
        let all = selection.clone();
        fates.add_driven(&receipt(&[one, rest], all, Runs::EMPTY, selection.clone()));
        assert_eq!((fates.of(&one_letter), fates.of(&rest_letter)), (Fate::Driven, Fate::Driven));

        // A batch may end in the middle of a payload.
        let first: Runs = [3].into_iter().chain(60..80).collect();
        fates.add_consumed(&receipt(&[one, rest], first, Runs::EMPTY, selection.clone()));
        assert_eq!((fates.of(&one_letter), fates.of(&rest_letter)), (Fate::Resolved, Fate::Driven));

        let (output, dead) = (Runs::range(80, 99), Runs::range(99, 100));
        fates.add_consumed(&receipt(&[one, rest], output, dead, selection));
        assert_eq!((fates.of(&one_letter), fates.of(&rest_letter)), (Fate::Resolved, Fate::Again));
        assert_eq!(fates.of(&letter("generate/logs/0/6/3", "rejected", 0)), Fate::Open);
    }

    #[test]
    fn what_was_outside_a_selection_is_not_waited_for() {
        let mut rest = letter("generate/logs/0/5/60", "corrupt", 0);
        rest.to = 100;
        let chosen: Runs = [61, 70].into_iter().collect();
        let mut fates = Fates::default();
        fates.add_consumed(&receipt(&[&rest.id], chosen.clone(), Runs::EMPTY, chosen));
        assert_eq!(fates.of(&rest), Fate::Resolved);
    }
}
