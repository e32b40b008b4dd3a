//! The properties of one element while an event is read.

use cordon_records::{Property, Text, Values};

use crate::graph::{Law, clip};

/// Properties by name.
#[derive(Default)]
pub(super) struct Properties(Vec<Property>);

impl Properties {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a value.
    #[must_use]
    pub(super) fn text(self, name: &'static str, value: impl AsRef<str> + Into<Text>) -> Self {
        self.add(name, Values::from_buf([short(value)]))
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

    /// Adds the values of a set, in any order and number.
    #[must_use]
    pub(super) fn set(self, name: &'static str, values: Values) -> Self {
        if values.is_empty() { self } else { self.add(name, values) }
    }

    /// Keeps the order of names. Most come in that order, so that nothing moves.
    fn add(mut self, name: &'static str, values: Values) -> Self {
        let place = self.0.iter().rposition(|known| *known.name < *name).map_or(0, |last| last + 1);
        self.0.insert(
            place,
            Property {
                name: Text::new_static(name),
                values,
                time_ms: 0,
                conflicts: Vec::new(),
                overflow: false,
            },
        );
        self
    }

    /// The properties of an event of that time, which is what some laws decide by.
    pub(super) fn at(mut self, time_ms: i64) -> Vec<Property> {
        for property in &mut self.0 {
            if Law::of(&property.name).has_time() {
                property.time_ms = time_ms;
            }
        }
        self.0
    }
}

/// A value no longer than a property may hold.
fn short(value: impl AsRef<str> + Into<Text>) -> Text {
    let clipped = clip(value.as_ref());
    if clipped.len() == value.as_ref().len() { value.into() } else { Text::new(clipped) }
}
