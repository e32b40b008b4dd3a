//! The receipt: the record each transaction writes about itself.

use serde::{Deserialize, Serialize};

use crate::{BatchId, Digest, Runs};

/// What one transaction consumed, with which outcome, into which outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The batch.
    pub batch: BatchId,
    /// The stage.
    pub stage: String,
    /// Its version.
    pub stage_version: String,
    /// The `transactional.id` it was written under.
    pub slot: String,
    /// Live or replay; a batch never mixes them.
    pub lane: Lane,
    /// When, milliseconds since the epoch.
    pub time_ms: i64,
    /// What was consumed.
    pub inputs: Vec<Input>,
    /// What was produced.
    pub outputs: Vec<Output>,
    /// Output datapoints before equal ones coalesced.
    pub elements_in: i64,
    /// Output datapoints after: what the outputs hold.
    pub elements_out: i64,
}

/// Which lane of its input a batch was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// The topic itself.
    Live,
    /// Its `.replay` twin.
    Replay,
}

/// The part of one input that a batch covered. The three outcomes tile the covered indexes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What the indexes count in.
    pub source: Source,
    /// First index covered.
    pub from: i64,
    /// One past the last index covered.
    pub to: i64,
    /// Indexes that went into an output.
    pub output: Runs,
    /// Indexes that have a letter.
    pub dead: Runs,
    /// Indexes that this stage has no mapping for.
    pub not_mapped: Runs,
    /// The pointer's selection, if it had one: indexes outside are nobody's.
    pub selection: Option<Runs>,
    /// Ids of the dead letters that the pointer drives again. Of their datapoints those in `output`
    /// or `not_mapped` are no longer dead; the others have a letter that names the old one.
    #[serde(default)]
    pub redrives: Vec<String>,
}

impl Input {
    /// How many datapoints have a fate by it.
    pub fn datapoints(&self) -> i64 {
        self.output.count() + self.dead.count() + self.not_mapped.count()
    }
}

/// Where an input came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    /// A payload named by a Kafka record.
    #[serde(alias = "cordon.v1.PointerSource")]
    PointerSource {
        /// Topic of the pointer record.
        topic: String,
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
        /// The payload's key; empty when the pointer was refused.
        key: String,
        /// The digest the pointer names.
        digest: Option<Digest>,
        /// n as the pointer says, or as the cell found for a pointer that does not say.
        datapoints: Option<i64>,
    },
    /// Plain Kafka records; an index is an offset.
    #[serde(alias = "cordon.v1.RawSource")]
    RawSource {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// A file given to ingest; an index is a record number.
    #[serde(alias = "cordon.v1.FileSource")]
    FileSource {
        /// SHA-256 of the whole file.
        sha256: Digest,
        /// Its name, for people.
        name: String,
    },
}

/// One pointer that the transaction produced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Output {
    /// The topic the pointer went to.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// The object's bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// First byte of the range.
    pub range_start_bytes: i64,
    /// Length of the range.
    pub range_bytes: i64,
    /// SHA-256 of exactly that range.
    pub digest: Digest,
    /// Datapoints in the range.
    pub datapoints: i64,
}
