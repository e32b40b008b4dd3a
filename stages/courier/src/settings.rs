//! What a slot is told once, at its start.

use std::{sync::Arc, time::Duration};

use cordon_records::{Fingerprint, Lane, PointerLimits};

/// Everything that makes a courier the courier of one stage.
#[derive(Clone, Debug)]
pub struct StageSettings {
    /// The stage's name.
    pub stage: String,
    /// Its version, written into pointers, receipts and letters.
    pub version: String,
    /// What its input records are.
    pub input: InputKind,
    /// Input topics of the live lane.
    pub live_topics: Vec<String>,
    /// Input topics of the replay lane.
    pub replay_topics: Vec<String>,
    /// Where pointers to its output go. Its name is also the prefix of the objects' keys, whatever
    /// their lane: what is replayed again is named by pointers of the live topic's readers.
    pub output_topic: Arc<str>,
    /// Where pointers to the replay lane's output go: priority holds downstream. Without such a
    /// lane nothing goes there.
    pub output_replay_topic: Arc<str>,
    /// How many partitions each of the two has.
    pub output_partitions: i32,
    /// The schema that its cells write with.
    pub output_schema: Fingerprint,
    /// Where its dead letters go.
    pub dead_topic: Arc<str>,
    /// Where its receipts go.
    pub receipts_topic: Arc<str>,
    /// Where its metrics go; outside any transaction.
    pub metrics_topic: Arc<str>,
    /// Its consumer group.
    pub group: String,
    /// The bucket that inputs and outputs lie in.
    pub bucket: String,
    /// Limits.
    pub limits: Limits,
}

/// What the records of the input topics are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Pointer events: the datapoints lie in S3.
    Pointers,
    /// The datapoints themselves, one a record (pack).
    Raw,
}

/// Named limits of a slot.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Datapoints in a full batch. Enough work to make one transaction cheap.
    pub batch_datapoints_max: i64,
    /// Decoded bytes in a full batch; bounds what a cell decodes.
    pub batch_decoded_bytes_max: i64,
    /// Packed bytes in a batch; bounds the memfd that goes to the cell.
    pub batch_input_bytes_max: i64,
    /// Payloads in a batch: each is a GET.
    pub batch_parts_max: usize,
    /// Work in a live batch, after which the cell opens no further chunk.
    pub live_budget: Duration,
    /// Work in a replay batch: short, so that live never waits long.
    pub replay_budget: Duration,
    /// How long a batch may wait for company while it is less than half full. Raw records are
    /// small, and equal elements of two payloads coalesce only if one batch takes both.
    pub linger: Duration,
    /// Datapoints per frame at most, until a cell of the batch dies. Frames are for that case
    /// alone, and each costs the encoding of what it changed.
    pub chunk_datapoints_calm: i32,
    /// The same in cells after that: what each further killer makes another cell do again.
    pub chunk_datapoints: i32,
    /// Records read ahead per slot and lane; beyond it, the lane's partitions are paused. Lanes are
    /// counted apart, or a long replay would keep live records from being read.
    pub queue_records_max: usize,
    /// Bytes read ahead per slot and lane; raw records carry their data.
    pub queue_bytes_max: usize,
    /// Longest payload range that is fetched.
    pub payload_bytes_max: i64,
    /// Largest payload, decoded.
    pub payload_decoded_bytes_max: i64,
    /// Most datapoints a payload may claim.
    pub payload_datapoints_max: i64,
    /// How long to wait for a missing first offset before stopping.
    pub first_offset_wait: Duration,
    /// Missing objects in a row after which the slot halts instead of writing letters.
    pub missing_in_row_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_datapoints_max: 32_768,
            batch_decoded_bytes_max: 64 << 20,
            batch_input_bytes_max: 64 << 20,
            batch_parts_max: 128,
            live_budget: Duration::from_secs(2),
            replay_budget: Duration::from_millis(250),
            linger: Duration::ZERO,
            chunk_datapoints_calm: 8_192,
            chunk_datapoints: 64,
            queue_records_max: 4_096,
            queue_bytes_max: 32 << 20,
            payload_bytes_max: 64 << 20,
            payload_decoded_bytes_max: 128 << 20,
            payload_datapoints_max: 1 << 20,
            first_offset_wait: Duration::from_secs(60),
            missing_in_row_max: 16,
        }
    }
}

impl StageSettings {
    /// The lane of an input topic.
    pub fn lane(&self, topic: &str) -> Lane {
        if self.replay_topics.iter().any(|replay| replay == topic) {
            Lane::Replay
        } else {
            Lane::Live
        }
    }

    /// Where pointers to a lane's output go.
    pub fn output_topic_of(&self, lane: Lane) -> &Arc<str> {
        match lane {
            Lane::Live => &self.output_topic,
            Lane::Replay => &self.output_replay_topic,
        }
    }

    /// What this stage accepts in a pointer. A replay pointer names an object of the live topic.
    pub fn pointer_limits(&self) -> PointerLimits<'_> {
        PointerLimits {
            bucket: &self.bucket,
            topics: &self.live_topics,
            range_bytes_max: self.limits.payload_bytes_max,
            decoded_bytes_max: self.limits.payload_decoded_bytes_max,
            datapoints_max: self.limits.payload_datapoints_max,
        }
    }

    /// All input topics.
    pub fn topics(&self) -> Vec<&str> {
        self.live_topics.iter().chain(&self.replay_topics).map(String::as_str).collect()
    }
}
