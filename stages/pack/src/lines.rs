//! Pack's output: log datapoints that own their bytes.

use std::collections::BTreeMap;

use cordon_flow::{Accumulate, Event};
use cordon_records::{
    NodeKey, Origin,
    schema::{self, Family},
};
use serde::{Deserialize, Deserializer, Serialize};

/// A [`LogDatapoint`](cordon_records::LogDatapoint) that outlives the record it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedLine {
    /// Topic, partition and offset.
    #[serde(deserialize_with = "owned_origin")]
    pub origin: Origin<'static>,
    /// The line.
    #[serde(with = "serde_bytes")]
    pub line: Vec<u8>,
    /// Not part of the datapoint: a line that comes back from a dead cell's frame is read again.
    #[serde(skip)]
    time: EventTime,
}

/// When the line's event happened, as far as anyone looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum EventTime {
    #[default]
    Unread,
    Read(Option<i64>),
}

fn owned_origin<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Origin<'static>, D::Error> {
    Origin::deserialize(deserializer).map(Origin::into_owned)
}

impl PackedLine {
    pub(crate) fn new(origin: Origin<'static>, line: Vec<u8>, time_ms: Option<i64>) -> Self {
        Self { origin, line, time: EventTime::Read(time_ms) }
    }

    /// Event time, milliseconds since the epoch; `None` where the event does not say.
    fn time_ms(&self) -> Option<i64> {
        match self.time {
            EventTime::Read(time_ms) => time_ms,
            EventTime::Unread => Event::parse(&self.line).ok()?.time_ms(),
        }
    }
}

/// Log datapoints in the order of their origins.
#[derive(Clone, Debug, Default)]
pub struct Lines(BTreeMap<Origin<'static>, PackedLine>);

impl Accumulate for Lines {
    type Item = PackedLine;

    fn schemas() -> &'static Family {
        &schema::LOG_DATAPOINT
    }

    fn add(&mut self, line: PackedLine) {
        self.0.insert(line.origin.clone(), line);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn into_sorted(self) -> Vec<PackedLine> {
        self.0.into_values().collect()
    }

    /// Any partition will do: a log line belongs to no device before it is read.
    fn home(_: &PackedLine) -> Option<NodeKey> {
        None
    }

    fn times(line: &PackedLine) -> Option<(i64, i64)> {
        line.time_ms().map(|time_ms| (time_ms, time_ms))
    }
}
