//! One log line, read once: the fields that identity and the graph need, and nothing else.
//!
//! The whole line is validated, skipped values too: a line that is not one JSON object in UTF-8 is
//! [`Malformed`], wherever the fault stands. Values are borrowed from the line; those that JSON
//! escapes are unescaped into one buffer an event.

#[cfg(test)]
mod agreement;
mod field;
mod parse;
mod quotes;
#[cfg(test)]
mod tests;
mod walk;

pub use field::Field;

use crate::time::parse_utc_ms;

/// Longest line. Positions in it are 32-bit; what carries lines bounds them far below.
const LINE_BYTES_MAX: usize = 1 << 31;

/// A line that is not one JSON object in UTF-8; the text says what is wrong with it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) String);

/// The fields of one log line.
///
/// A field of the event's own data (`EventData`, `event_data`) wins over one of the same name
/// outside; of two in the same place the later wins. `null`, lists and numbers with a fraction
/// count as absent; other numbers and `true` and `false` count as their text.
#[derive(Debug)]
pub struct Event<'a> {
    line: &'a str,
    /// Values that had to be unescaped or printed, one behind the other.
    text: String,
    /// Where each value stands, in the line or in `text`.
    spans: [Span; Field::COUNT],
    /// Fields that have a value.
    present: FieldSet,
    /// Fields whose value stands in `text`.
    in_text: FieldSet,
    /// Fields whose value came from the event's own data.
    from_data: FieldSet,
    /// `EventData` was a string, yet holds no JSON object: the event's fields are unreadable.
    is_data_unreadable: bool,
}

/// Bytes of a value. An event is made for each line, so it is kept small.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    len: u32,
}

/// One bit a field.
#[derive(Clone, Copy, Debug, Default)]
struct FieldSet(u64);

const _: () = assert!(Field::COUNT <= u64::BITS as usize, "a set has a bit for each field");

impl FieldSet {
    fn contains(self, field: Field) -> bool {
        self.0 >> field as u32 & 1 == 1
    }

    fn set(&mut self, field: Field, is_in: bool) {
        let bit = 1 << field as u32;
        self.0 = if is_in { self.0 | bit } else { self.0 & !bit };
    }
}

impl<'a> Event<'a> {
    /// Reads one line.
    pub fn parse(line: &'a [u8]) -> Result<Self, Malformed> {
        parse::line(line)
    }

    /// The value of a field as text; `None` when it is absent.
    pub fn get(&self, field: Field) -> Option<&str> {
        if !self.present.contains(field) {
            return None;
        }
        let Span { start, len } = self.spans[field as usize];
        let source = if self.in_text.contains(field) { &self.text } else { self.line };
        Some(&source[start as usize..][..len as usize])
    }

    /// Whether Sysmon wrote it: by its channel, or by its provider where events were forwarded.
    pub fn is_sysmon(&self) -> bool {
        let is = |field, name: &str| {
            self.get(field).is_some_and(|value| value.eq_ignore_ascii_case(name))
        };
        is(Field::Channel, "Microsoft-Windows-Sysmon/Operational")
            || is(Field::Provider, "Microsoft-Windows-Sysmon")
    }

    /// The id of a Sysmon event; `None` for events of others, and where the id is no number.
    pub fn sysmon_id(&self) -> Option<u16> {
        self.is_sysmon().then(|| self.get(Field::EventId)?.parse().ok()).flatten()
    }

    /// When it happened, by its own UtcTime: milliseconds since the epoch. The times outside the
    /// event's data are not trusted: some shippers write local time with a `Z`.
    pub fn time_ms(&self) -> Option<i64> {
        parse_utc_ms(self.get(Field::UtcTime)?)
    }

    /// Whether the event's own fields came as text that is no JSON object.
    pub fn is_data_unreadable(&self) -> bool {
        self.is_data_unreadable
    }
}
