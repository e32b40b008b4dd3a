//! The laws of merging, on arbitrary and on hostile elements.

use cordon_records::{Body, Edge, Element, Node, NodeKey, Property, Text, Values, schema};
use proptest::{collection::vec, prelude::*};
use serde::Deserialize as _;
use serde_avro_fast::{
    de::{DeserializerState, read::SliceRead},
    ser::SerializerConfig,
};

use super::*;

/// Few keys, so that elements meet; source and target may be the same.
fn any_body() -> impl Strategy<Value = Body> {
    let key = || (0..3u8).prop_map(|byte| NodeKey([byte; 16]));
    let word = prop_oneof![Just(Text::new("process")), Just(Text::new("file"))];
    prop_oneof![
        (word.clone(), key()).prop_map(|(kind, key)| Body::Node(Node { kind, key })),
        (key(), word, key()).prop_map(|(source, label, target)| Body::Edge(Edge {
            source,
            label,
            target
        })),
    ]
}

/// Numbers and words, empty, equal as numbers, and one too long to keep.
fn any_value() -> impl Strategy<Value = Text> {
    prop_oneof![
        4 => (-3..40i32).prop_map(|number| Text::new(number.to_string())),
        2 => "[ab0é]{0,3}".prop_map(Text::new),
        1 => Just("é".repeat(VALUE_BYTES_MAX)).prop_map(Text::new),
    ]
}

/// Any property that fits the schema: sets with one value, single values with many, stray times,
/// unsorted conflicts.
fn any_property() -> impl Strategy<Value = Property> {
    let name = prop_oneof![
        Just("pid"),
        Just("cmd_line"),
        Just("created_time"),
        Just("terminated_time"),
        Just("hostname"),
        Just("data"),
        Just("of_a_newer_version"),
    ];
    (name, vec(any_value(), 0..20), 0..4i64, vec(0..12i64, 0..12), any::<bool>()).prop_map(
        |(name, values, time_ms, conflicts, overflow)| Property {
            name: name.into(),
            values: values.into_iter().collect(),
            time_ms,
            conflicts,
            overflow,
        },
    )
}

fn any_element() -> impl Strategy<Value = Element> {
    (any_body(), 0..3u8, 0..9i64, 0..9i64, vec(any_property(), 0..6)).prop_map(
        |(body, home, first_seen_ms, last_seen_ms, properties)| Element {
            home: NodeKey([home; 16]),
            first_seen_ms,
            last_seen_ms,
            body,
            properties,
        },
    )
}

fn any_graph() -> impl Strategy<Value = Graph> {
    vec(any_element(), 0..12).prop_map(Graph::from_iter)
}

fn encode(elements: &[Element]) -> Vec<u8> {
    let mut config = SerializerConfig::new(&schema::ELEMENT.current().schema);
    elements.iter().fold(Vec::new(), |bytes, element| {
        serde_avro_fast::to_datum(element, bytes, &mut config).expect("an element has its schema")
    })
}

fn decode(bytes: &[u8], elements: usize) -> Vec<Element> {
    let mut state =
        DeserializerState::new(SliceRead::new(bytes), &schema::ELEMENT.current().schema);
    (0..elements).map(|_| Element::deserialize(state.deserializer()).expect("own bytes")).collect()
}

proptest! {
    #[test]
    fn union_is_commutative(a in any_graph(), b in any_graph()) {
        prop_assert_eq!(a.clone().union(b.clone()), b.union(a));
    }

    #[test]
    fn union_is_associative(a in any_graph(), b in any_graph(), c in any_graph()) {
        let left = a.clone().union(b.clone()).union(c.clone());
        prop_assert_eq!(left, a.union(b.union(c)));
    }

    #[test]
    fn union_is_idempotent(a in any_graph()) {
        prop_assert_eq!(a.clone().union(a.clone()), a);
    }

    #[test]
    fn order_grouping_and_repetition_do_not_matter(
        (elements, shuffled) in vec(any_element(), 0..24)
            .prop_flat_map(|elements| (Just(elements.clone()), Just(elements).prop_shuffle())),
        cut in 0..24usize,
    ) {
        let (head, tail) = shuffled.split_at(cut.min(shuffled.len()));
        let parts = Graph::from_iter(head.to_vec()).union(Graph::from_iter(tail.to_vec()));
        let again = parts.into_sorted().into_iter().chain(elements.iter().take(cut).cloned());
        prop_assert_eq!(Graph::from_iter(again), Graph::from_iter(elements));
    }

    #[test]
    fn what_changed_completes_what_was_before(
        before in vec(any_element(), 0..12),
        then in vec(any_element(), 0..12),
    ) {
        let mut graph = Graph::from_iter(before);
        graph.settle();
        let mut other = graph.clone();
        graph.extend(then);
        let changed: Vec<Element> = graph.changed().cloned().collect();
        other.extend(changed);
        prop_assert_eq!(other, graph);
    }

    #[test]
    fn no_encoding_is_longer_than_its_bound(element in any_element()) {
        let bound = Graph::encoded_bytes_max(&element);
        prop_assert!(encode(&[element]).len() <= bound);
    }

    #[test]
    fn what_a_graph_holds_is_normal(a in any_graph()) {
        for element in a.into_sorted() {
            prop_assert!(element.first_seen_ms <= element.last_seen_ms);
            prop_assert!(element.properties.is_sorted_by(|a, b| a.name < b.name));
            for property in &element.properties {
                prop_assert!(Law::of(&property.name).is_normal(property), "{property:?}");
            }
        }
    }

    #[test]
    fn a_graph_survives_its_schema(a in any_graph()) {
        let elements = a.clone().into_sorted();
        let decoded = decode(&encode(&elements), elements.len());
        prop_assert_eq!(&decoded, &elements);
        prop_assert_eq!(Graph::from_iter(decoded), a);
    }
}

fn property(name: &'static str, values: &[&str], time_ms: i64) -> Property {
    Property {
        name: Text::new_static(name),
        values: values.iter().map(Text::new).collect::<Values>(),
        time_ms,
        conflicts: vec![],
        overflow: false,
    }
}

fn node(key: u8, properties: Vec<Property>) -> Element {
    Element {
        home: NodeKey([key; 16]),
        first_seen_ms: 1,
        last_seen_ms: 1,
        body: Body::Node(Node { kind: "process".into(), key: NodeKey([key; 16]) }),
        properties,
    }
}

fn edge(source: u8, target: u8) -> Element {
    let (source, target) = (NodeKey([source; 16]), NodeKey([target; 16]));
    let body = Body::Edge(Edge { source, label: "accessed".into(), target });
    Element { home: source, first_seen_ms: 1, last_seen_ms: 1, body, properties: vec![] }
}

/// Merges one property of each list, in order.
fn merged(properties: impl IntoIterator<Item = Property>) -> Property {
    let graph: Graph = properties.into_iter().map(|property| node(1, vec![property])).collect();
    let [element] = graph.into_sorted().try_into().expect("one node");
    let [property] = element.properties.try_into().expect("one property");
    property
}

#[test]
fn edges_of_one_source_stay_apart_and_a_self_edge_is_an_edge() {
    let graph = Graph::from_iter([edge(1, 2), edge(1, 3), edge(1, 1), edge(1, 2)]);
    let targets: Vec<u8> = graph
        .into_sorted()
        .iter()
        .map(|element| match &element.body {
            Body::Edge(edge) => edge.target.0[0],
            Body::Node(_) => unreachable!("only edges went in"),
        })
        .collect();
    assert_eq!(targets, [1, 2, 3]);
}

#[test]
fn an_immutable_keeps_the_earliest_value_and_counts_who_disagrees() {
    let conflict = merged([property("pid", &["7"], 20), property("pid", &["9"], 10)]);
    let mut hashes = [value_hash("7"), value_hash("9")];
    hashes.sort_unstable();
    assert_eq!((&conflict.values[0][..], conflict.time_ms), ("9", 10));
    assert_eq!(conflict.conflicts, hashes);

    let agreed = merged([property("pid", &["7"], 20), property("pid", &["7"], 10)]);
    assert_eq!((agreed.time_ms, agreed.conflicts), (10, vec![]));

    let tie = merged([property("pid", &["b"], 10), property("pid", &["a"], 10)]);
    assert_eq!(tie.values[0], "a");
}

#[test]
fn conflicts_stay_few_and_the_same_in_any_order() {
    let claims = |order: Vec<u32>| {
        merged(order.into_iter().map(|n| property("pid", &[&n.to_string()], i64::from(n))))
    };
    let forward = claims((0..100).collect());
    assert_eq!(forward.conflicts.len(), CONFLICTS_MAX);
    assert_eq!(forward, claims((0..100).rev().collect()));
}

#[test]
fn times_are_numbers_and_words_lose_to_them() {
    assert_eq!(
        merged([property("created_time", &["1000"], 0), property("created_time", &["999"], 0)])
            .values[0],
        "999"
    );
    assert_eq!(
        merged([
            property("terminated_time", &["1000"], 0),
            property("terminated_time", &["999"], 0)
        ])
        .values[0],
        "1000"
    );
    assert_eq!(
        merged([property("created_time", &["-"], 0), property("created_time", &["5"], 0)]).values
            [0],
        "5"
    );
    assert_eq!(
        merged([property("terminated_time", &["z"], 0), property("terminated_time", &["5"], 0)])
            .values[0],
        "5"
    );
}

#[test]
fn the_latest_value_wins_and_of_equal_times_the_larger() {
    assert_eq!(
        merged([property("data", &["new"], 2), property("data", &["old"], 1)]).values[0],
        "new"
    );
    assert_eq!(merged([property("data", &["a"], 1), property("data", &["b"], 1)]).values[0], "b");
}

#[test]
fn a_set_is_bounded_and_says_so() {
    let names: Vec<String> = (0..=SET_VALUES_MAX).map(|n| format!("h{n:02}")).collect();
    let fits = merged(names[1..].iter().map(|name| property("hostname", &[name], 0)));
    assert_eq!((fits.values.len(), fits.overflow), (SET_VALUES_MAX, false));
    let spills = merged(names.iter().rev().map(|name| property("hostname", &[name], 0)));
    assert_eq!((spills.values.len(), spills.overflow), (SET_VALUES_MAX, true));
    assert_eq!(spills.values[0], "h00");
}

#[test]
fn an_unknown_name_is_a_set() {
    let both = merged([property("novel", &["b"], 0), property("novel", &["a"], 0)]);
    assert_eq!(both.values.as_slice(), ["a", "b"]);
}

#[test]
fn a_forged_element_cannot_grow_or_hide_behind_disorder() {
    let many =
        (0..5000).map(|n| Property { name: format!("p{n:04}").into(), ..property("", &["v"], 0) });
    let forged = node(1, many.rev().chain([property("p0000", &["w"], 3)]).collect());
    let [element] = Graph::from_iter([forged]).into_sorted().try_into().expect("one node");
    assert_eq!(element.properties.len(), PROPERTIES_MAX);
    assert_eq!(element.properties[0].values.as_slice(), ["v", "w"]);
}

#[test]
fn a_law_has_each_name_once() {
    let mut names: Vec<&str> = LAWS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert!(names.is_sorted_by(|a, b| a < b));
    assert!(LAWS.iter().all(|(name, law)| Law::of(name) == *law));
}
