//! The graph and its merge: nodes and edges by identity, properties by their declared laws.
//!
//! Merging is a join: commutative, associative and idempotent. The same function runs in every
//! stage, so the order in which parts of a graph meet, and how often, cannot change the result.
//!
//! An element from outside may be anything that fits the schema: properties unsorted, named twice,
//! with too many values. [`Graph::add`] brings it into normal form first; nothing makes it fail.

mod law;
#[cfg(test)]
mod tests;

use cordon_records::{Body, Element, NodeKey, Property, schema};
use hashbrown::{HashMap, hash_map::Entry};

pub(crate) use law::clip;
pub use law::{CONFLICTS_MAX, LAWS, Law, SET_VALUES_MAX, VALUE_BYTES_MAX, value_hash};

use crate::Accumulate;

/// Properties that an element keeps, by name the smallest ones. Today's richest element has
/// fifteen; a forger's grows no further than this.
pub const PROPERTIES_MAX: usize = 64;

/// A set of elements in which equal ones have coalesced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    elements: HashMap<Body, Content>,
}

/// What an element says beyond its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    home: NodeKey,
    first_seen_ms: i64,
    last_seen_ms: i64,
    properties: Vec<Property>,
}

impl Accumulate for Graph {
    type Item = Element;

    fn schemas() -> &'static schema::Family {
        &schema::ELEMENT
    }

    fn add(&mut self, item: Element) {
        let (body, content) = Content::of(item);
        match self.elements.entry(body) {
            Entry::Vacant(place) => {
                place.insert(content);
            }
            Entry::Occupied(mut place) => place.get_mut().merge(content),
        }
    }

    fn len(&self) -> usize {
        self.elements.len()
    }

    /// Nodes by kind and key, then edges by source, label and target.
    fn into_sorted(self) -> Vec<Element> {
        let mut sorted: Vec<Element> =
            self.elements.into_iter().map(|(body, content)| content.into_element(body)).collect();
        sorted.sort_unstable_by(|a, b| a.body.cmp(&b.body));
        sorted
    }

    fn home(item: &Element) -> Option<NodeKey> {
        Some(item.home)
    }

    fn times(item: &Element) -> Option<(i64, i64)> {
        Some((item.first_seen_ms, item.last_seen_ms))
    }
}

impl Extend<Element> for Graph {
    fn extend<I: IntoIterator<Item = Element>>(&mut self, elements: I) {
        elements.into_iter().for_each(|element| self.add(element));
    }
}

impl FromIterator<Element> for Graph {
    fn from_iter<I: IntoIterator<Item = Element>>(elements: I) -> Self {
        let mut graph = Self::default();
        graph.extend(elements);
        graph
    }
}

impl Graph {
    /// The union of two graphs.
    #[must_use]
    pub fn union(mut self, other: Graph) -> Graph {
        for (body, content) in other.elements {
            match self.elements.entry(body) {
                Entry::Vacant(place) => {
                    place.insert(content);
                }
                Entry::Occupied(mut place) => place.get_mut().merge(content),
            }
        }
        self
    }
}

impl Content {
    /// Splits an element into identity and normal content.
    fn of(element: Element) -> (Body, Content) {
        let Element { home, first_seen_ms, last_seen_ms, body, properties } = element;
        let content = Content {
            home,
            first_seen_ms: first_seen_ms.min(last_seen_ms),
            last_seen_ms: first_seen_ms.max(last_seen_ms),
            properties: normalise(properties),
        };
        (body, content)
    }

    fn into_element(self, body: Body) -> Element {
        let Content { home, first_seen_ms, last_seen_ms, properties } = self;
        Element { home, first_seen_ms, last_seen_ms, body, properties }
    }

    /// Equal elements of honest writers have one home; of forged ones the smaller wins.
    fn merge(&mut self, other: Content) {
        self.home = self.home.min(other.home);
        self.first_seen_ms = self.first_seen_ms.min(other.first_seen_ms);
        self.last_seen_ms = self.last_seen_ms.max(other.last_seen_ms);
        merge_properties(&mut self.properties, other.properties);
    }
}

fn normalise(properties: Vec<Property>) -> Vec<Property> {
    let is_normal = properties.len() <= PROPERTIES_MAX
        && properties.is_sorted_by(|a, b| a.name < b.name)
        && properties.iter().all(|property| Law::of(&property.name).is_normal(property));
    if is_normal {
        return properties;
    }
    let mut normal = Vec::with_capacity(properties.len().min(PROPERTIES_MAX));
    let parts = properties.into_iter().filter_map(|p| Law::of(&p.name).normalise(p));
    merge_properties(&mut normal, parts);
    normal
}

/// Merges normal properties in any order into a normal, sorted list.
///
/// Equal elements mostly have the same properties, so the place behind the last one is tried first.
fn merge_properties(into: &mut Vec<Property>, from: impl IntoIterator<Item = Property>) {
    let mut next = 0;
    for property in from {
        let place = match into.get(next) {
            Some(known) if known.name == property.name => Ok(next),
            _ => into.binary_search_by(|known| known.name.cmp(&property.name)),
        };
        match place {
            Ok(place) => Law::of(&property.name).merge(&mut into[place], property),
            Err(place) => into.insert(place, property),
        }
        let (Ok(place) | Err(place)) = place;
        next = place + 1;
        into.truncate(PROPERTIES_MAX);
    }
}
