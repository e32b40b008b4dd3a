//! The one pass over a line: the fast one (`walk.rs`), or, where that gives up, the general one.
//!
//! The general pass is made of serde visitors over sonic-rs: a key decides what happens to its
//! value, and a value that nobody needs is skipped, which validates it without building anything.

use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Event, FieldSet, LINE_BYTES_MAX, Malformed, Span,
    field::{Action, Field, Place},
    walk,
};

/// Deepest nesting of objects and lists. Real lines have four levels; the parser skips nested
/// values by recursion, and a line of brackets must not take its stack.
const DEPTH_MAX: usize = 128;

pub(super) fn line(line: &[u8]) -> Result<Event<'_>, Malformed> {
    if line.len() > LINE_BYTES_MAX {
        return Err(Malformed(format!("longer than {LINE_BYTES_MAX} bytes")));
    }
    let line = text(line)?;
    if let Some(event) = walk::object(line, Place::Top) {
        return Ok(event);
    }
    if is_nested_too_deep(line.as_bytes()) {
        return Err(Malformed(format!("nested deeper than {DEPTH_MAX} levels")));
    }
    general(line, Place::Top).map_err(|error| {
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

/// Reads a text that is one JSON object and nothing else, whatever is in it.
pub(super) fn general(json: &str, place: Place) -> Result<Event<'_>, sonic_rs::Error> {
    let mut event = Event::of(json);
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
    /// Nothing of the line was read yet.
    pub(super) fn of(line: &'a str) -> Self {
        Self {
            line,
            text: String::new(),
            spans: [Span::default(); Field::COUNT],
            present: FieldSet::default(),
            in_text: FieldSet::default(),
            from_data: FieldSet::default(),
            is_data_unreadable: false,
        }
    }

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

    /// Takes a value, unless the event's own data has one of this field.
    pub(super) fn put(
        &mut self,
        field: Field,
        is_data: bool,
        start: usize,
        len: usize,
        in_text: bool,
    ) {
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
    pub(super) fn put_data_text(&mut self, json: &str) {
        match walk::object(json, Place::Data) {
            Some(data) => self.take_over(&data),
            // Brackets in a text count as no nesting of the line.
            None if is_nested_too_deep(json.as_bytes()) => self.is_data_unreadable = true,
            None => match general(json, Place::Data) {
                Ok(data) => self.take_over(&data),
                Err(_) => self.is_data_unreadable = true,
            },
        }
    }

    fn take_over(&mut self, data: &Event<'_>) {
        for field in Field::ALL {
            if let Some(value) = data.get(*field) {
                self.put_text(*field, true, value);
            }
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

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Value { event, field, is_data } = self;
        let is_text = |key: &str| field.is_text_under(key);
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
