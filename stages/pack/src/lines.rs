//! Pack's output: log datapoints that own their bytes.

use cordon_flow::{Accumulate, Event};
use cordon_records::{
    Datum, NodeKey, Origin,
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

impl Datum for PackedLine {}

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
pub struct Lines {
    /// As they came, which is nearly always their order already.
    lines: Vec<PackedLine>,
    /// A line came behind one of a later origin, or of the same.
    is_out_of_order: bool,
    /// Lines that were there at the last call of `settle`.
    settled: usize,
}

impl Accumulate for Lines {
    type Item = PackedLine;

    fn schemas() -> &'static Family {
        &schema::LOG_DATAPOINT
    }

    fn add(&mut self, line: PackedLine) {
        self.is_out_of_order |= self.lines.last().is_some_and(|last| last.origin >= line.origin);
        self.lines.push(line);
    }

    fn changed(&self) -> impl Iterator<Item = &PackedLine> {
        self.lines[self.settled..].iter()
    }

    fn settle(&mut self) {
        self.settled = self.lines.len();
    }

    fn encoded_bytes_max(line: &PackedLine) -> usize {
        /// Digest, numbers and lengths.
        const REST_BYTES: usize = 32 + 6 * 10;
        let topic = match &line.origin {
            Origin::File(_) => "",
            Origin::Log(log) => &*log.topic,
        };
        REST_BYTES + topic.len() + line.line.len()
    }

    fn len(&self) -> usize {
        if self.is_out_of_order { self.sorted().len() } else { self.lines.len() }
    }

    /// Of two lines with one origin the later stays.
    fn sorted(&self) -> Vec<&PackedLine> {
        let mut lines: Vec<&PackedLine> = self.lines.iter().collect();
        if self.is_out_of_order {
            lines.sort_by(|a, b| a.origin.cmp(&b.origin));
            lines.dedup_by(|later, kept| {
                let is_same = later.origin == kept.origin;
                if is_same {
                    std::mem::swap(later, kept);
                }
                is_same
            });
        }
        lines
    }

    /// Any partition will do: a log line belongs to no device before it is read.
    fn home(_: &PackedLine) -> Option<NodeKey> {
        None
    }

    fn times(line: &PackedLine) -> Option<(i64, i64)> {
        line.time_ms().map(|time_ms| (time_ms, time_ms))
    }
}
