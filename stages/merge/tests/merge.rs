//! The stage alone: what goes in comes out, once.

use cordon_flow::{Fate, Graph, Stage as _};
use cordon_merge::Merge;
use cordon_records::{Body, Edge, Element, Node, NodeKey, Property, Text, Values};

fn node(key: u8, pid: &'static str, time_ms: i64) -> Element {
    Element {
        home: NodeKey([0; 16]),
        first_seen_ms: time_ms,
        last_seen_ms: time_ms,
        body: Body::Node(Node { kind: Text::new_static("process"), key: NodeKey([key; 16]) }),
        properties: vec![Property {
            name: Text::new_static("pid"),
            values: Values::from_buf([Text::new_static(pid)]),
            time_ms,
            conflicts: vec![],
            overflow: false,
        }],
    }
}

fn edge(source: u8, target: u8) -> Element {
    let (source, target) = (NodeKey([source; 16]), NodeKey([target; 16]));
    let label = Text::new_static("launched");
    let body = Body::Edge(Edge { source, label, target });
    Element { body, properties: vec![], ..node(0, "", 7) }
}

fn merge(elements: &[Element]) -> Vec<Element> {
    let mut emitted = Vec::new();
    for element in elements {
        assert_eq!(Merge.process(element, &mut (), &mut emitted), Fate::Output);
    }
    Graph::from_iter(emitted).into_sorted()
}

#[test]
fn a_payload_twice_is_a_payload_once() {
    let payload = [node(1, "4", 10), node(2, "5", 20), edge(1, 1), edge(1, 2)];
    let twice = [payload.clone(), payload.clone()].concat();
    assert_eq!(merge(&payload), payload);
    assert_eq!(merge(&twice), payload);
}

#[test]
fn equal_nodes_of_two_payloads_become_one() {
    let [merged] = merge(&[node(1, "4", 20), node(1, "5", 10)]).try_into().expect("one node");
    assert_eq!((merged.first_seen_ms, merged.last_seen_ms), (10, 20));
    assert_eq!(merged.properties[0].values[0], "5");
    assert_eq!(merged.properties[0].conflicts.len(), 2);
}

#[test]
fn a_letter_names_the_element() {
    let excerpt = Merge.excerpt(&edge(1, 2)).into_owned();
    assert!(String::from_utf8(excerpt).expect("text").contains("launched"));
}
