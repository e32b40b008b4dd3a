//! The one pass over a line.
//!
//! Serde visitors over sonic-rs: a key decides what happens to its value, and a value that nobody
//! needs is skipped, which validates it without building anything.

use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Event, FieldSet, LINE_BYTES_MAX, Malformed, Span,
    field::{Action, Field, Place},
};

/// Deepest nesting of objects and lists. Real lines have four levels; the parser skips nested
/// values by recursion, and a line of brackets must not take its stack.
const DEPTH_MAX: usize = 128;

pub(super) fn line(line: &[u8]) -> Result<Event<'_>, Malformed> {
    if line.len() > LINE_BYTES_MAX {
        return Err(Malformed(format!("longer than {LINE_BYTES_MAX} bytes")));
    }
    let line = text(line)?;
    if is_nested_too_deep(line.as_bytes()) {
        return Err(Malformed(format!("nested deeper than {DEPTH_MAX} levels")));
    }
    object(line, Place::Top).map_err(|error| {
        let text = error.to_string();
        Malformed(text.lines().next().unwrap_or_default().to_owned())
    })
}

/// Checks by SIMD, and again by the slower way where it has to be said what is wrong.
fn text(line: &[u8]) -> Result<&str, Malformed> {
    simdutf8::basic::from_utf8(line)
        .or_else(|_| str::from_utf8(line))
        .map_err(|error| Malformed(format!("no UTF-8 from byte {} on", error.valid_up_to())))
}

/// Reads a text that is one JSON object and nothing else.
fn object(json: &str, place: Place) -> Result<Event<'_>, sonic_rs::Error> {
    let mut event = Event {
        line: json,
        text: String::new(),
        spans: [Span::default(); Field::COUNT],
        present: FieldSet::default(),
        in_text: FieldSet::default(),
        from_data: FieldSet::default(),
        is_data_unreadable: false,
    };
    let mut deserializer = sonic_rs::Deserializer::from_str(json);
    deserializer.deserialize_map(Object { event: &mut event, place })?;
    deserializer.end()?;
    Ok(event)
}

/// Counts brackets first: only a line with many of them needs the exact answer.
fn is_nested_too_deep(line: &[u8]) -> bool {
    // `[` and `{` differ in one bit. Sums of at most 255 fit into a byte, which vectorises.
    let openers: usize = line
        .chunks(255)
        .map(|chunk| {
            usize::from(chunk.iter().map(|byte| u8::from(byte | 0x20 == b'{')).sum::<u8>())
        })
        .sum();
    openers > DEPTH_MAX && depth(line) > DEPTH_MAX
}

fn depth(line: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in line {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

impl<'a> Event<'a> {
    /// Takes a value that stands in the line as it is.
    fn put_borrowed(&mut self, field: Field, is_data: bool, value: &'a str) {
        let start = value.as_ptr().addr() - self.line.as_ptr().addr();
        self.put(field, is_data, start, value.len(), false);
    }

    /// Takes a value that has to be kept apart from the line.
    fn put_text(&mut self, field: Field, is_data: bool, value: &str) {
        let start = self.text.len();
        self.text.push_str(value);
        self.put(field, is_data, start, value.len(), true);
    }

    fn put_display(&mut self, field: Field, is_data: bool, value: impl fmt::Display) {
        let start = self.text.len();
        write!(self.text, "{value}").expect("a string takes any text");
        self.put(field, is_data, start, self.text.len() - start, true);
    }

    fn put(&mut self, field: Field, is_data: bool, start: usize, len: usize, in_text: bool) {
        if !is_data && self.from_data.contains(field) {
            return;
        }
        let small = |n| u32::try_from(n).expect("no value is longer than a line");
        self.spans[field as usize] = Span { start: small(start), len: small(len) };
        self.present.set(field, true);
        self.in_text.set(field, in_text);
        self.from_data.set(field, is_data);
    }

    /// Takes over the fields of event data that came as a JSON text of its own.
    fn put_data_text(&mut self, json: &str) {
        // Brackets in a text count as no nesting of the line.
        if is_nested_too_deep(json.as_bytes()) {
            self.is_data_unreadable = true;
            return;
        }
        match object(json, Place::Data) {
            Ok(data) => {
                for field in Field::ALL {
                    if let Some(value) = data.get(*field) {
                        self.put_text(*field, true, value);
                    }
                }
            }
            Err(_) => self.is_data_unreadable = true,
        }
    }
}

/// Sorts a key while it is still borrowed.
struct Key<F>(F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for Key<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, T, F: FnOnce(&str) -> T> Visitor<'de> for Key<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<T, E> {
        Ok((self.0)(key))
    }
}

/// Visits an object of the line and stores the fields in it.
struct Object<'e, 'a> {
    event: &'e mut Event<'a>,
    place: Place,
}

impl<'de> DeserializeSeed<'de> for Object<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Object { event, place } = self;
        let is_data = place == Place::Data;
        while let Some(action) = map.next_key_seed(Key(|key: &str| Action::of(place, key)))? {
            match action {
                Action::Store(field) => map.next_value_seed(Value { event, field, is_data })?,
                Action::Descend(place) => map.next_value_seed(Object { event, place })?,
                Action::Skip => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, json: &str) -> Result<(), E> {
        if self.place == Place::Data {
            self.event.put_data_text(json);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        pass_over(list)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
}

/// Visits the value of a field and stores its text.
struct Value<'e, 'a> {
    event: &'e mut Event<'a>,
    field: Field,
    is_data: bool,
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<(), E> {
        self.event.put_borrowed(self.field, self.is_data, value);
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.event.put_text(self.field, self.is_data, value);
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.event.put_display(self.field, self.is_data, value);
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.event.put_display(self.field, self.is_data, value);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.event.put_display(self.field, self.is_data, value);
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    /// EVTX gives an element with attributes as an object: its text is under `#text`, and the
    /// provider's name is the attribute `Name`.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Value { event, field, is_data } = self;
        let is_text = |key: &str| match key {
            "#text" => true,
            "#attributes" | "Name" => field == Field::Provider,
            _ => false,
        };
        while let Some(is_text) = map.next_key_seed(Key(is_text))? {
            if is_text {
                map.next_value_seed(Value { event, field, is_data })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        pass_over(list)
    }
}

fn pass_over<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}
