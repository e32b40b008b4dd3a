//! Replays as their receipts tell of them.

use std::collections::BTreeMap;

use cordon_kafka::topology::Topology;
use cordon_records::{Receipt, Source};
use serde::Serialize;

use crate::{
    dead::time::show_ms,
    terminal::{escape, escape_json},
};

/// What receipts say of one replay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Told {
    pub(crate) id: String,
    /// Whose pointers were emitted, and where to.
    pub(crate) from: Vec<String>,
    pub(crate) to: Vec<String>,
    pub(crate) pointers: u64,
    pub(crate) datapoints: i64,
    /// Dead letters that were driven again.
    pub(crate) letters: usize,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
}

/// All replays, the latest last.
pub(crate) fn told(receipts: impl IntoIterator<Item = Receipt>) -> Vec<Told> {
    let mut replays: BTreeMap<String, Told> = BTreeMap::new();
    let prefix = Topology::transactional_prefix(Topology::REPLAYER);
    for receipt in receipts {
        let id = receipt.slot.strip_prefix(&prefix).unwrap_or(&receipt.slot).to_owned();
        let told = replays.entry(id.clone()).or_insert_with(|| Told {
            id,
            first_ms: receipt.time_ms,
            ..Told::default()
        });
        told.add(&receipt);
    }
    let mut replays: Vec<Told> = replays.into_values().collect();
    replays.sort_by(|a, b| (a.last_ms, &a.id).cmp(&(b.last_ms, &b.id)));
    replays
}

impl Told {
    fn add(&mut self, receipt: &Receipt) {
        for input in &receipt.inputs {
            if let Source::PointerSource { topic, .. } = &input.source {
                note(&mut self.from, topic);
            }
            self.datapoints += input.output.count();
            self.letters += input.redrives.len();
        }
        for output in &receipt.outputs {
            note(&mut self.to, &output.topic);
        }
        self.pointers += receipt.outputs.len() as u64;
        self.first_ms = self.first_ms.min(receipt.time_ms);
        self.last_ms = self.last_ms.max(receipt.time_ms);
    }

    /// One line for a person.
    pub(crate) fn line(&self) -> String {
        let Self { id, pointers, datapoints, letters, first_ms, last_ms, .. } = self;
        let (from, to) = (self.from.join(", "), self.to.join(", "));
        let letters = if *letters > 0 { format!(" for {letters} letters") } else { String::new() };
        let text = format!(
            "{id}  {from} to {to}: {pointers} pointers, {datapoints} datapoints{letters}, {} to {}",
            show_ms(*first_ms),
            show_ms(*last_ms)
        );
        escape(&text) + "\n"
    }

    /// One line for a script.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        Ok(escape_json(&serde_json::to_string(self)?) + "\n")
    }
}

fn note(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}
