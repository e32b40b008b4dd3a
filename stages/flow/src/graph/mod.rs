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

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, Hasher as _},
};

use cordon_records::{Body, Edge, Element, Node, NodeKey, Property, Text, schema};
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
        let hash = hash_of(hasher, &item.body);
        let is_same = |place: &u32| is_same(&elements[*place as usize].body, &item.body);
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
                let rehash = |place: &u32| hash_of(hasher, &elements[*place as usize].body);
                places.insert_unique(hash, place, rehash);
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
    fn sorted(&self) -> Vec<&Element> {
        self.order().map(|place| &self.elements[place as usize]).collect()
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
    /// All elements in the order of [`Accumulate::sorted`].
    pub fn into_sorted(self) -> Vec<Element> {
        let order: Vec<u32> = self.order().collect();
        let mut elements: Vec<Option<Element>> = self.elements.into_iter().map(Some).collect();
        order.into_iter().filter_map(|place| elements[place as usize].take()).collect()
    }

    /// The places of all elements in their order.
    ///
    /// Words are compared once for each node and not at all for most edges: what is sorted are
    /// numbers that stand for keys, beside the places of their elements.
    fn order(&self) -> impl Iterator<Item = u32> {
        let mut nodes: BTreeMap<&str, Vec<(u128, u32)>> = BTreeMap::new();
        let mut edges: Vec<(u128, u32)> = Vec::new();
        for (place, element) in (0..).zip(&self.elements) {
            match &element.body {
                Body::Node(Node { kind, key }) => {
                    nodes.entry(kind).or_default().push((u128::from_be_bytes(key.0), place));
                }
                Body::Edge(edge) => edges.push((u128::from_be_bytes(edge.source.0), place)),
            }
        }
        let body = |place: u32| &self.elements[place as usize].body;
        nodes.values_mut().for_each(|nodes| nodes.sort_unstable());
        edges.sort_unstable_by(|(source, place), (other, other_place)| {
            source.cmp(other).then_with(|| body(*place).cmp(body(*other_place)))
        });
        nodes.into_values().flatten().chain(edges).map(|(_, place)| place)
    }

    /// The union of two graphs.
    #[must_use]
    pub fn union(mut self, other: Graph) -> Graph {
        self.extend(other.elements);
        self
    }

    /// Where the element with this identity is, for [`Graph::see_again`].
    pub(crate) fn place_of(&self, body: &Body) -> Option<u32> {
        let Self { elements, places, hasher, .. } = self;
        let is_it = |place: &u32| is_same(&elements[*place as usize].body, body);
        places.find(hash_of(hasher, body), is_it).copied()
    }

    /// Adds the element at this place again, as it was seen at this time and without properties.
    pub(crate) fn see_again(&mut self, place: u32, time_ms: i64) {
        let element = &mut self.elements[place as usize];
        element.first_seen_ms = element.first_seen_ms.min(time_ms);
        element.last_seen_ms = element.last_seen_ms.max(time_ms);
        self.note_change(place);
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

/// A hash of the identity; keys are hashes already, but a forger may choose them.
fn hash_of(hasher: &DefaultHashBuilder, body: &Body) -> u64 {
    let mut hasher = hasher.build_hasher();
    match body {
        Body::Node(Node { kind, key }) => {
            hasher.write_u128(u128::from_le_bytes(key.0));
            hasher.write(kind.as_bytes());
        }
        Body::Edge(Edge { source, label, target }) => {
            hasher.write_u128(u128::from_le_bytes(source.0));
            hasher.write_u128(u128::from_le_bytes(target.0));
            hasher.write(label.as_bytes());
        }
    }
    hasher.finish()
}

/// Whether two bodies are equal: the keys first, and no letters of words that are the same static
/// text.
fn is_same(a: &Body, b: &Body) -> bool {
    let is_same_text =
        |a: &Text, b: &Text| a.len() == b.len() && (a.as_ptr() == b.as_ptr() || a == b);
    match (a, b) {
        (Body::Node(a), Body::Node(b)) => a.key == b.key && is_same_text(&a.kind, &b.kind),
        (Body::Edge(a), Body::Edge(b)) => {
            a.source == b.source && a.target == b.target && is_same_text(&a.label, &b.label)
        }
        _ => false,
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
