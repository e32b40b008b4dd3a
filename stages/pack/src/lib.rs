//! The stage `pack`: plain Kafka records, as shippers wrote them, become log datapoints.
//!
//! One record is one datapoint, and its offset is its index. A record's value is one JSON object
//! in UTF-8, perhaps with the line break that some shippers leave at its end. Anything else is
//! dead: an empty value, several lines in one record, a list. The check is the one that every
//! later stage begins with ([`cordon_flow::Event::parse`]), so that whatever pack lets through,
//! they can read.
//!
//! Nothing immutable holds the bytes of a raw record, unlike those of a payload: the topic forgets
//! them. So the driver sets the bytes of dead records aside (`RawIntake` in `cordon-body`), and
//! the courier stores them under `dead/`.
//!
//! A record that is too large for a payload is not refused here but by the driver, which does the
//! same for every stage's output.

mod lines;

use std::borrow::Cow;

use cordon_flow::{Event, Fate, Stage};
use cordon_records::{
    LogOrigin, Origin,
    raw::RawRecord,
    schema::{self, Family},
};

pub use lines::{Lines, PackedLine};

/// The stage. It has no rules and no state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pack;

impl Stage for Pack {
    type Input<'a> = RawRecord<'a>;
    type Output = Lines;
    type Memory = ();

    /// Raw records are no container and have no schema; a payload that claims to be pack's input
    /// could only be what pack itself writes.
    fn input_schemas(&self) -> &'static Family {
        &schema::LOG_DATAPOINT
    }

    fn process(&self, record: &RawRecord<'_>, (): &mut (), emit: &mut Vec<PackedLine>) -> Fate {
        let line = without_line_break(record.value);
        if line.is_empty() {
            return Fate::Dead("the record is empty".into());
        }
        match Event::parse(line) {
            Ok(event) => {
                let origin = Origin::Log(LogOrigin {
                    topic: Cow::Owned(record.topic.to_owned()),
                    partition: record.partition,
                    offset: record.offset,
                });
                emit.push(PackedLine::new(origin, line.to_vec(), event.time_ms()));
                Fate::Output
            }
            Err(malformed) => Fate::Dead(malformed.to_string()),
        }
    }

    fn excerpt<'a>(&self, record: &'a RawRecord<'_>) -> Cow<'a, [u8]> {
        Cow::Borrowed(record.value)
    }
}

/// At most one line break ends a record; more than that is whitespace, which JSON allows.
fn without_line_break(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    value.strip_suffix(b"\r").unwrap_or(value)
}
