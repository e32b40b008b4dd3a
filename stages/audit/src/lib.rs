//! The audit: from receipts and letters alone, has every datapoint exactly one fate?
//!
//! Receipts say what each transaction consumed and produced; the audit checks that they tile
//! every payload without gap or overlap, that each output pointer is in exactly one receipt and
//! each receipt's outputs exist, and that letters and dead indexes are the same. That proves the
//! accounting. That the *content* is right is proven elsewhere, by recomputing it.
//!
//! Pure: it is given records that were read committed, and never reads anything itself.

mod consumption;
mod outputs;
mod replays;
mod report;

use std::collections::BTreeMap;

use cordon_records::{Letter, Pointer, Receipt, single_object};

use outputs::Found;
pub use outputs::{PointerPlace, place_of};
pub use report::{AuditReport, Faults, StageAudit};

/// What the audit must know of a stage.
#[derive(Clone, Debug)]
pub struct StageWiring {
    /// Its name.
    pub stage: String,
    /// Live and replay topics; none for ingest.
    pub inputs: Vec<String>,
    /// What it makes of them.
    pub kind: StageKind,
    /// Where its pointers go, in any lane.
    pub outputs: Vec<String>,
}

/// What a stage makes of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// It owes each datapoint that their pointers name a fate; ingest each record of its files.
    Pointers,
    /// It owes each of their records a fate.
    Records,
    /// It emits their pointers again, and owes nobody a fate.
    Replayer,
}

/// Everything that was read, sorted out.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Pointer topics: every committed record, decoded where it is a pointer.
    pub pointers: BTreeMap<String, Vec<PointerRecord>>,
    /// Raw topics: the offsets that hold a record.
    pub raw: BTreeMap<(String, i32), Vec<i64>>,
    /// Receipts by stage.
    pub receipts: BTreeMap<String, Vec<Receipt>>,
    /// Dead letters by stage.
    pub letters: BTreeMap<String, Vec<Letter>>,
    /// Records of receipt and letter topics that are neither.
    pub undecodable: i64,
}

/// A record of a pointer topic.
#[derive(Clone, Debug)]
pub struct PointerRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// `None` when it is not a pointer at all.
    pub pointer: Option<Pointer>,
}

impl Evidence {
    /// Takes in a record of a pointer topic.
    pub fn pointer(&mut self, topic: &str, partition: i32, offset: i64, value: &[u8]) {
        let pointer = single_object::decode(value).ok();
        let records = self.pointers.entry(topic.to_owned()).or_default();
        records.push(PointerRecord { partition, offset, pointer });
    }

    /// Takes in a record of a raw topic.
    pub fn raw(&mut self, topic: &str, partition: i32, offset: i64) {
        self.raw.entry((topic.to_owned(), partition)).or_default().push(offset);
    }

    /// Takes in a record of a receipts topic.
    pub fn receipt(&mut self, value: &[u8]) {
        match single_object::decode::<Receipt>(value) {
            Ok(receipt) => self.receipts.entry(receipt.stage.clone()).or_default().push(receipt),
            Err(_) => self.undecodable += 1,
        }
    }

    /// Takes in a record of a dead letters topic.
    pub fn letter(&mut self, value: &[u8]) {
        match single_object::decode::<Letter>(value) {
            Ok(letter) => self.letters.entry(letter.stage.clone()).or_default().push(letter),
            Err(_) => self.undecodable += 1,
        }
    }

    /// The verdict over all stages.
    pub fn judge(&self, stages: &[StageWiring]) -> AuditReport {
        let mut report = AuditReport::default();
        report.total.phantom += self.undecodable;
        let mut audits = Vec::with_capacity(stages.len());
        let mut found = Found::of(self, stages);
        for stage in stages {
            let mut audit = StageAudit::default();
            if stage.kind == StageKind::Replayer {
                replays::check(self, stage, &mut audit, &mut report.faults);
            } else {
                consumption::check(self, stage, &mut audit, &mut report.faults);
            }
            outputs::check(self, stage, &mut found, &mut audit, &mut report.faults);
            audits.push(audit);
        }
        for (stage, mut audit) in stages.iter().zip(audits) {
            found.check_rest(&stage.stage, &mut audit, &mut report.faults);
            report.add(&stage.stage, audit);
        }
        report
    }

    /// The receipts of one stage.
    pub fn receipts_of(&self, stage: &str) -> &[Receipt] {
        self.receipts.get(stage).map_or(&[], Vec::as_slice)
    }

    /// The letters of one stage.
    pub fn letters_of(&self, stage: &str) -> &[Letter] {
        self.letters.get(stage).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
