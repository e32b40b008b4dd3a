//! What courier and cell say to each other. Never stored: both ends are the same binary.
//!
//! A [`Report`] and a [`Frame`] come from a process that parsed hostile bytes, so whoever reads
//! one checks every number in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Runs;

/// What a courier asks of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The payload ranges to work on, in the order of their outcome.
    pub parts: Vec<Part>,
    /// Partitions of the output topic.
    pub partitions: i32,
    /// Datapoints per frame.
    pub chunk_datapoints: i32,
    /// Datapoints that killed their cell: skipped, each with its letter.
    pub sentenced: Vec<Sentenced>,
    /// Where frames of earlier cells of this batch start in the input memfd.
    pub frames_offset_bytes: i64,
    /// Length of those frames.
    pub frames_bytes: i64,
    /// Open no chunk after so many milliseconds; 0 is no limit.
    pub budget_ms: i64,
    /// What to do.
    pub mode: Mode,
    /// For the body.
    pub options: BTreeMap<String, String>,
}

impl Job {
    /// A first cell over these parts, which goes to the end: nobody died before it, and its time is
    /// not limited.
    pub fn of(parts: Vec<Part>, partitions: i32, chunk_datapoints: i32) -> Self {
        Self {
            parts,
            partitions,
            chunk_datapoints,
            sentenced: Vec::new(),
            frames_offset_bytes: 0,
            frames_bytes: 0,
            budget_ms: 0,
            mode: Mode::Process,
            options: BTreeMap::new(),
        }
    }
}

/// How far a job goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Chunks to frames, then merge and seal.
    Process,
    /// Chunks to frames only: a suspect alone.
    Frames,
    /// Copy one datapoint's excerpt.
    Extract,
}

/// One payload range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where it starts in the input memfd.
    pub offset_bytes: i64,
    /// Its length.
    pub len_bytes: i64,
    /// Fingerprint of its writer schema.
    pub schema: i64,
    /// First index to process.
    pub from: i64,
    /// One past the last index to process.
    pub to: i64,
    /// n as the pointer says.
    pub datapoints: Option<i64>,
    /// Refuse to decode more.
    pub decoded_bytes_max: i64,
    /// Indexes to process; others are passed over.
    pub selection: Option<Runs>,
}

/// A datapoint that killed its cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentenced {
    /// Its part.
    pub part: i32,
    /// Its index there.
    pub index: i64,
    /// One of the reasons' words.
    pub reason: String,
    /// How the cell died.
    pub detail: String,
    /// What an extract cell copied.
    #[serde(with = "serde_bytes")]
    pub excerpt: Vec<u8>,
}

/// What a cell says of its batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// One for each part of the job.
    pub parts: Vec<PartReport>,
    /// Containers in the output memfd, in order.
    pub sections: Vec<Section>,
    /// Output datapoints before equal ones coalesced.
    pub elements_in: i64,
    /// After.
    pub elements_out: i64,
}

/// The fates of one part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartReport {
    /// First index with a fate.
    pub from: i64,
    /// One past the last index with a fate.
    pub to: i64,
    /// Indexes that went into an output.
    pub output: Runs,
    /// Indexes without a mapping.
    pub not_mapped: Runs,
    /// The dead.
    pub letters: Vec<CellLetter>,
    /// How many datapoints the payload really holds, once its end was seen.
    pub datapoints: Option<i64>,
}

/// A dead datapoint, or the rest of a payload, as the cell tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellLetter {
    /// Its index.
    pub from: i64,
    /// One past the last index; equal to `from` for a surplus.
    pub to: i64,
    /// One of the reasons' words.
    pub reason: String,
    /// In a few words more.
    pub detail: String,
    /// The beginning of the datapoint.
    #[serde(with = "serde_bytes")]
    pub excerpt: Vec<u8>,
}

/// One self-contained container in the output memfd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Target partition; -1 for any.
    pub partition: i32,
    /// Where it starts.
    pub offset_bytes: i64,
    /// Its length.
    pub len_bytes: i64,
    /// Datapoints in it.
    pub datapoints: i64,
    /// Its size before compression.
    pub decoded_bytes: i64,
    /// Earliest event time inside.
    pub time_min_ms: Option<i64>,
    /// Latest event time inside.
    pub time_max_ms: Option<i64>,
    /// It holds raw bytes that pack refused: stored under `dead/`, named by no pointer.
    pub refused: bool,
}

/// The result of one chunk; what a dead cell leaves behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The part it belongs to.
    pub part: i32,
    /// First index of the chunk.
    pub from: i64,
    /// One past the last.
    pub to: i64,
    /// Indexes that went into an output.
    pub output: Runs,
    /// Indexes without a mapping.
    pub not_mapped: Runs,
    /// The dead.
    pub letters: Vec<CellLetter>,
    /// Output datapoints before coalescing.
    pub elements_in: i64,
    /// How many datums `encoded` holds.
    pub items: i64,
    /// Output datapoints, encoded one after another.
    #[serde(with = "serde_bytes")]
    pub encoded: Vec<u8>,
}
