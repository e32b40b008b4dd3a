//! A stage that obeys its input. A line is a verb and its words:
//!
//! - `nodes a b`: two nodes, with the datapoint's record number as event time;
//! - `skip`: not mapped; `nothing`: claims an output and emits none;
//! - `reject why`, `panic why`: dead; `panic` emits a node before it does;
//! - `huge`: a node that no container takes.

use std::borrow::Cow;

use cordon_flow::{Accumulate, Fate, Graph, Stage, node_key};
use cordon_records::{
    Body, Element, LogDatapoint, Node, NodeKey, Origin, Property, Text, schema, schema::Family,
};

pub(crate) struct Toy;

impl Stage for Toy {
    type Input<'a> = LogDatapoint<'a>;
    type Output = Graph;
    type Memory = ();

    fn input_schemas(&self) -> &'static Family {
        &schema::LOG_DATAPOINT
    }

    fn process(&self, input: &LogDatapoint<'_>, (): &mut (), emit: &mut Vec<Element>) -> Fate {
        let line = String::from_utf8_lossy(input.line);
        let (verb, words) = line.split_once(' ').unwrap_or((&line, ""));
        let time_ms = match &input.origin {
            Origin::File(file) => file.record,
            Origin::Log(log) => log.offset,
        };
        match verb {
            "nodes" => emit.extend(words.split(' ').map(|word| node(word, time_ms))),
            "skip" => return Fate::NotMapped,
            "nothing" => {}
            "reject" => return Fate::Dead(words.to_owned()),
            "panic" => {
                emit.push(node("half done", time_ms));
                panic!("{words}");
            }
            "huge" => emit.push(huge()),
            _ => return Fate::Dead("no such verb".into()),
        }
        Fate::Output
    }

    fn excerpt<'a>(&self, input: &'a LogDatapoint<'_>) -> Cow<'a, [u8]> {
        if input.line.ends_with(b"twice") {
            panic!("over the excerpt too");
        }
        Cow::Borrowed(input.line)
    }
}

/// The same, with an output that takes items as they are.
pub(crate) struct VerbatimToy;

#[derive(Default)]
pub(crate) struct Verbatim {
    elements: Vec<Element>,
    settled: usize,
}

impl Accumulate for Verbatim {
    type Item = Element;

    fn schemas() -> &'static Family {
        &schema::ELEMENT
    }

    fn add(&mut self, item: Element) {
        self.elements.push(item);
    }

    fn changed(&self) -> impl Iterator<Item = &Element> {
        self.elements[self.settled..].iter()
    }

    fn settle(&mut self) {
        self.settled = self.elements.len();
    }

    fn encoded_bytes_max(item: &Element) -> usize {
        Graph::encoded_bytes_max(item)
    }

    fn len(&self) -> usize {
        self.elements.len()
    }

    fn sorted(&self) -> Vec<&Element> {
        let mut sorted: Vec<&Element> = self.elements.iter().collect();
        sorted.sort_by_key(|item| (&item.body, item.first_seen_ms));
        sorted
    }

    fn home(_: &Element) -> Option<NodeKey> {
        None
    }

    fn times(item: &Element) -> Option<(i64, i64)> {
        Some((item.first_seen_ms, item.last_seen_ms))
    }
}

impl Stage for VerbatimToy {
    type Input<'a> = LogDatapoint<'a>;
    type Output = Verbatim;
    type Memory = ();

    fn input_schemas(&self) -> &'static Family {
        Toy.input_schemas()
    }

    fn process(&self, input: &LogDatapoint<'_>, (): &mut (), emit: &mut Vec<Element>) -> Fate {
        Toy.process(input, &mut (), emit)
    }

    fn excerpt<'a>(&self, input: &'a LogDatapoint<'_>) -> Cow<'a, [u8]> {
        Toy.excerpt(input)
    }
}

pub(crate) fn node(word: &str, time_ms: i64) -> Element {
    let key = node_key("word", [word.as_bytes()]);
    Element {
        home: key,
        first_seen_ms: time_ms,
        last_seen_ms: time_ms,
        body: Body::Node(Node { kind: Text::new_static("word"), key }),
        properties: vec![Property {
            name: Text::new_static("answers"),
            values: [Text::new(word)].into_iter().collect(),
            time_ms: 0,
            conflicts: Vec::new(),
            overflow: false,
        }],
    }
}

/// A node of 3 MB.
fn huge() -> Element {
    let mut node = node("huge", 0);
    node.properties[0].values = (0..400).map(|n| Text::new("x".repeat(8000 + n))).collect();
    node
}
