//! An event as Sigma rules see it: its fields by the names of Sigma's taxonomy.
//!
//! `cordon_flow::Event` keeps the fields that the graph needs; a rule may ask for any field, and
//! for every string there is. So a line that rules exist for is read once more, into this, as far
//! as they ask.
//!
//! Names: a field of the event's own data has the name it has there. Around it, every shipper
//! has names of its own, of which the common ones get Sigma's (`EventID`, `Channel`, `Computer`,
//! `Provider_Name`) beside theirs; nested objects of a shipper are joined by dots, attributes of
//! EVTX by an underscore. A field of the data wins over one of the same name around it.

mod parse;

use std::borrow::Cow;

use rsigma_eval::{Event, EventValue};

use crate::rules::{Fields, Routed};

/// Names that Sysmon's event of a new process has for what Security's calls otherwise.
pub(crate) const ALIASES: &[(&str, &str)] =
    &[("Image", "NewProcessName"), ("ParentImage", "ParentProcessName")];

/// The fields to read.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'r> {
    /// Every one.
    All,
    /// What these rules ask for.
    AskedBy(&'r [&'r Routed]),
}

impl<'r> Wanted<'r> {
    pub(crate) fn by(rules: &'r [&'r Routed]) -> Self {
        let asks_for_all = rules.iter().any(|routed| matches!(routed.fields, Fields::All));
        if asks_for_all { Self::All } else { Self::AskedBy(rules) }
    }

    fn contains(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::AskedBy(rules) => rules.iter().any(|routed| routed.fields.contains(name)),
        }
    }

    fn contains_inside(self, object: &str) -> bool {
        match self {
            Self::All => true,
            Self::AskedBy(rules) => {
                rules.iter().any(|routed| routed.fields.contains_inside(object))
            }
        }
    }
}

/// Fields of one line. Borrows what JSON does not escape.
#[derive(Debug, Default)]
pub(crate) struct View<'a> {
    data: Vec<Entry<'a>>,
    envelope: Vec<Entry<'a>>,
    /// Whether event data that came as a text is to be read.
    is_data_readable: bool,
}

#[derive(Debug)]
struct Entry<'a> {
    name: Cow<'a, str>,
    value: EventValue<'a>,
}

impl<'a> View<'a> {
    /// Reads a line that `cordon_flow::Event` found to be one JSON object. Event data in a text
    /// is read only if `is_data_readable`, as it found, too; else the text is a field.
    pub(crate) fn parse(
        line: &'a [u8],
        is_data_readable: bool,
        wanted: Wanted<'_>,
    ) -> Result<Self, String> {
        parse::line(line, is_data_readable, wanted)
    }

    /// A field as text.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.find(name)? {
            EventValue::Str(text) => Some(Cow::Borrowed(text)),
            EventValue::Int(number) => Some(Cow::Owned(number.to_string())),
            EventValue::Bool(truth) => Some(Cow::Owned(truth.to_string())),
            _ => None,
        }
    }

    /// Names a field of the data a second time, unless the new name is taken.
    pub(crate) fn alias(&mut self, name: &'static str, of: &str) {
        if self.find(name).is_none()
            && let Some(value) = self.find(of)
        {
            let value = own(value);
            self.data.push(Entry { name: Cow::Borrowed(name), value });
        }
    }

    /// The last field of that name counts, as in most JSON parsers.
    fn find(&self, name: &str) -> Option<&EventValue<'a>> {
        let find = |entries: &'_ [Entry<'a>]| entries.iter().rposition(|entry| entry.name == name);
        find(&self.data)
            .map(|place| &self.data[place].value)
            .or_else(|| find(&self.envelope).map(|place| &self.envelope[place].value))
    }

    fn entries(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.data.iter().chain(&self.envelope)
    }
}

impl Event for View<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        self.find(path).map(borrow)
    }

    fn any_string_value(&self, is_it: &dyn Fn(&str) -> bool) -> bool {
        self.entries().any(|entry| any_string(&entry.value, is_it))
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let mut strings = Vec::new();
        self.entries().for_each(|entry| strings_of(&entry.value, &mut strings));
        strings
    }

    fn to_json(&self) -> serde_json::Value {
        // The data goes last, so that it wins here too.
        let entries = self.envelope.iter().chain(&self.data);
        let fields = entries.map(|entry| (entry.name.to_string(), entry.value.to_json()));
        serde_json::Value::Object(fields.collect())
    }

    fn top_level_keys(&self) -> Option<Vec<Cow<'_, str>>> {
        let mut keys = Vec::with_capacity(self.data.len() + self.envelope.len());
        self.visit_top_level_keys(&mut |key| keys.push(Cow::Owned(key.to_owned())));
        Some(keys)
    }

    /// The whole name, and of a dotted one also its root: the rule index looks for roots.
    fn visit_top_level_keys(&self, visit: &mut dyn FnMut(&str)) -> bool {
        for Entry { name, .. } in self.entries() {
            visit(name);
            if let Some((root, _)) = name.split_once('.') {
                visit(root);
            }
        }
        true
    }
}

fn borrow<'v>(value: &'v EventValue<'_>) -> EventValue<'v> {
    match value {
        EventValue::Str(text) => EventValue::Str(Cow::Borrowed(text)),
        EventValue::Int(number) => EventValue::Int(*number),
        EventValue::Float(number) => EventValue::Float(*number),
        EventValue::Bool(truth) => EventValue::Bool(*truth),
        EventValue::Array(items) => EventValue::Array(items.iter().map(borrow).collect()),
        // The parser makes no maps: it flattens them.
        EventValue::Null | EventValue::Map(_) => EventValue::Null,
    }
}

fn own(value: &EventValue<'_>) -> EventValue<'static> {
    match value {
        EventValue::Str(text) => EventValue::Str(Cow::Owned(text.to_string())),
        EventValue::Int(number) => EventValue::Int(*number),
        EventValue::Float(number) => EventValue::Float(*number),
        EventValue::Bool(truth) => EventValue::Bool(*truth),
        EventValue::Array(items) => EventValue::Array(items.iter().map(own).collect()),
        EventValue::Null | EventValue::Map(_) => EventValue::Null,
    }
}

fn any_string(value: &EventValue<'_>, is_it: &dyn Fn(&str) -> bool) -> bool {
    match value {
        EventValue::Str(text) => is_it(text),
        EventValue::Array(items) => items.iter().any(|item| any_string(item, is_it)),
        _ => false,
    }
}

fn strings_of<'v>(value: &'v EventValue<'_>, strings: &mut Vec<Cow<'v, str>>) {
    match value {
        EventValue::Str(text) => strings.push(Cow::Borrowed(text)),
        EventValue::Array(items) => items.iter().for_each(|item| strings_of(item, strings)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
