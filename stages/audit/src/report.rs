//! What an audit found.

use serde::Serialize;

/// The verdict.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AuditReport {
    /// By stage, in pipeline order.
    pub stages: Vec<(String, StageAudit)>,
    /// All stages together.
    pub total: StageAudit,
    /// Receipts kept coming while everything was read: what looks lost or phantom may only be newer
    /// than what was read before it.
    pub moving: bool,
    /// The first faults, in words.
    pub faults: Faults,
}

/// Counts of one stage, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StageAudit {
    /// Datapoints with a fate.
    pub datapoints: i64,
    /// Datapoints that went into an output.
    pub output: i64,
    /// Datapoints without a mapping.
    pub not_mapped: i64,
    /// Datapoints with a letter.
    pub dead: i64,
    /// Output datapoints before equal ones coalesced.
    pub elements_in: i64,
    /// After.
    pub elements_out: i64,
    /// Receipts.
    pub batches: i64,
    /// Output pointers that receipts name.
    pub pointers_out: i64,
    /// Datapoints whose turn has not come.
    pub pending: i64,
    /// Datapoints of a file that was ingested more than once.
    pub reingested: i64,
    /// Datapoints without a fate although later ones have one, and outputs that are not there.
    pub lost: i64,
    /// Datapoints that two transactions consumed, and pointers that stand twice.
    pub duplicated: i64,
    /// Datapoints with two outcomes in one receipt.
    pub both: i64,
    /// Fates of datapoints that do not exist, pointers nobody accounts for, letters for the living.
    pub phantom: i64,
    /// Ranges missing between two that are there.
    pub gaps: i64,
    /// Ranges that lie over each other.
    pub overlaps: i64,
    /// Output pointers whose object is missing or different.
    pub dangling: i64,
}

impl StageAudit {
    /// Whether every datapoint has exactly one fate, or its turn is still to come.
    pub fn is_clean(&self) -> bool {
        let Self { lost, duplicated, both, phantom, gaps, overlaps, dangling, .. } = self;
        [lost, duplicated, both, phantom, gaps, overlaps, dangling].iter().all(|count| **count == 0)
    }

    fn add(&mut self, other: &Self) {
        self.datapoints += other.datapoints;
        self.output += other.output;
        self.not_mapped += other.not_mapped;
        self.dead += other.dead;
        self.elements_in += other.elements_in;
        self.elements_out += other.elements_out;
        self.batches += other.batches;
        self.pointers_out += other.pointers_out;
        self.pending += other.pending;
        self.reingested += other.reingested;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.both += other.both;
        self.phantom += other.phantom;
        self.gaps += other.gaps;
        self.overlaps += other.overlaps;
        self.dangling += other.dangling;
    }
}

impl AuditReport {
    /// Adds a stage's counts.
    pub fn add(&mut self, stage: &str, audit: StageAudit) {
        self.total.add(&audit);
        self.stages.push((stage.to_owned(), audit));
    }

    /// The counts of one stage.
    pub fn stage(&self, name: &str) -> StageAudit {
        let found = self.stages.iter().find(|(stage, _)| stage == name);
        found.map_or_else(StageAudit::default, |(_, audit)| *audit)
    }
}

/// Faults in words: the first few, because one cause often makes thousands.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Faults(Vec<String>);

impl Faults {
    /// How many are kept.
    const MAX: usize = 20;

    /// Adds one, if there is room.
    pub fn push(&mut self, fault: impl FnOnce() -> String) {
        if self.0.len() < Self::MAX {
            self.0.push(fault());
        }
    }

    /// The faults.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}
