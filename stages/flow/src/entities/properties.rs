//! The properties of one element while an event is read.

use cordon_records::{Property, Text, Values};

use crate::graph::{Law, clip};

/// Properties in the order they were found.
#[derive(Default)]
pub(super) struct Properties(Vec<Property>);

impl Properties {
    /// Adds a value.
    #[must_use]
    pub(super) fn text(mut self, name: &'static str, value: impl AsRef<str> + Into<Text>) -> Self {
        self.0.push(property(name, [short(value)].into_iter().collect()));
        self
    }

    /// Adds a value where there is one.
    #[must_use]
    pub(super) fn some(
        self,
        name: &'static str,
        value: Option<impl AsRef<str> + Into<Text>>,
    ) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// Adds the values of a set.
    #[must_use]
    pub(super) fn set(mut self, name: &'static str, values: Values) -> Self {
        if !values.is_empty() {
            self.0.push(property(name, values));
        }
        self
    }

    /// By name; the laws that decide by time get that of the event.
    pub(super) fn into_sorted(mut self, time_ms: i64) -> Vec<Property> {
        for property in &mut self.0 {
            if Law::of(&property.name).has_time() {
                property.time_ms = time_ms;
            }
        }
        self.0.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        self.0
    }
}

fn property(name: &'static str, values: Values) -> Property {
    Property {
        name: Text::new_static(name),
        values,
        time_ms: 0,
        conflicts: Vec::new(),
        overflow: false,
    }
}

/// A value no longer than a property may hold.
fn short(value: impl AsRef<str> + Into<Text>) -> Text {
    let clipped = clip(value.as_ref());
    if clipped.len() == value.as_ref().len() { value.into() } else { Text::new(clipped) }
}
