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

use std::hash::BuildHasher as _;

use cordon_records::{Body, Element, NodeKey, Property, schema};
use hashbrown::{DefaultHashBuilder, HashTable};

pub(crate) use law::clip;
pub use law::{CONFLICTS_MAX, LAWS, Law, SET_VALUES_MAX, VALUE_BYTES_MAX, value_hash};

use crate::Accumulate;

/// Properties that an element keeps, by name the smallest ones. Today's richest element has
/// fifteen; a forger's grows no further than this.
pub const PROPERTIES_MAX: usize = 64;

/// A set of elements in which equal ones have coalesced.
///
/// Elements lie in the order of their arrival, and a table of their places finds them by identity:
/// the table stays small enough for the cache, and growing it moves no element.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Each in normal form.
    elements: Vec<Element>,
    /// Places in `elements`, by the hash of the identity.
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The round of each element's last change.
    rounds: Vec<u32>,
    /// Places of the elements that changed in this round.
    changed: Vec<u32>,
    round: u32,
}

impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        self.clone().into_sorted() == other.clone().into_sorted()
    }
}

impl Eq for Graph {}

impl Accumulate for Graph {
    type Item = Element;

    fn schemas() -> &'static schema::Family {
        &schema::ELEMENT
    }

    fn add(&mut self, item: Element) {
        let item = normal(item);
        let Self { elements, places, hasher, .. } = self;
        let hash = hasher.hash_one(&item.body);
        let is_same = |place: &u32| elements[*place as usize].body == item.body;
        let place = match places.find(hash, is_same) {
            Some(place) => {
                let place = *place;
                merge(&mut elements[place as usize], item);
                place
            }
            None => {
                let place = u32::try_from(elements.len()).expect("a graph that fits into memory");
                elements.push(item);
                self.rounds.push(self.round.wrapping_sub(1));
                let hash_of = |place: &u32| hasher.hash_one(&elements[*place as usize].body);
                places.insert_unique(hash, place, hash_of);
                place
            }
        };
        self.note_change(place);
    }

    fn changed(&self) -> impl Iterator<Item = &Element> {
        self.changed.iter().map(|place| &self.elements[*place as usize])
    }

    fn settle(&mut self) {
        self.changed.clear();
        self.round = self.round.wrapping_add(1);
    }

    fn encoded_bytes_max(item: &Element) -> usize {
        let property_bytes = |property: &Property| {
            let texts = property.values.iter().map(|value| value.len() + NUMBER_BYTES_MAX);
            let conflicts = property.conflicts.len() * NUMBER_BYTES_MAX;
            PROPERTY_BYTES + property.name.len() + texts.sum::<usize>() + conflicts
        };
        let word = match &item.body {
            Body::Node(node) => &node.kind,
            Body::Edge(edge) => &edge.label,
        };
        ELEMENT_BYTES + word.len() + item.properties.iter().map(property_bytes).sum::<usize>()
    }

    fn len(&self) -> usize {
        self.elements.len()
    }

    /// Nodes by kind and key, then edges by source, label and target.
    fn into_sorted(self) -> Vec<Element> {
        let mut sorted = self.elements;
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

/// Longest number in Avro: ten bytes of seven bits.
const NUMBER_BYTES_MAX: usize = 10;
/// What a property takes beside its texts: the numbers around them and in it, and a flag.
const PROPERTY_BYTES: usize = 8 * NUMBER_BYTES_MAX;
/// What an element takes beside its properties and its kind or label: three keys, and numbers.
const ELEMENT_BYTES: usize = 3 * 16 + 8 * NUMBER_BYTES_MAX;

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
        self.extend(other.elements);
        self
    }

    /// Remembers that the element at this place is not what it was when the round began.
    fn note_change(&mut self, place: u32) {
        let round = &mut self.rounds[place as usize];
        if *round != self.round {
            *round = self.round;
            self.changed.push(place);
        }
    }
}

fn normal(element: Element) -> Element {
    let Element { first_seen_ms, last_seen_ms, .. } = element;
    Element {
        first_seen_ms: first_seen_ms.min(last_seen_ms),
        last_seen_ms: first_seen_ms.max(last_seen_ms),
        properties: normalise(element.properties),
        ..element
    }
}

/// Merges an equal element. Those of honest writers have one home; of forged ones the smaller wins.
fn merge(into: &mut Element, from: Element) {
    into.home = into.home.min(from.home);
    into.first_seen_ms = into.first_seen_ms.min(from.first_seen_ms);
    into.last_seen_ms = into.last_seen_ms.max(from.last_seen_ms);
    merge_properties(&mut into.properties, from.properties);
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
