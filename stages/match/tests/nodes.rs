//! What a finding names is in the graph: a rule that finds every event names, of every event of the
//! real telemetry, the nodes that `generate` makes of it, and all of them are in the merged graph.

mod support;
mod telemetry;

use std::collections::BTreeSet;

use cordon_flow::{Fate, Graph, KnownElements, Stage as _};
use cordon_generate::Generate;
use cordon_match::{Match, Rules};
use cordon_records::{Body, Digest, Element, FileOrigin, LogDatapoint, NodeKey, Origin};

use support::find;

/// A stage that finds every Windows event.
fn finds_everything() -> Match {
    let directory = tempfile::tempdir().expect("there is room");
    let rule = "title: Any event\nlogsource: {product: windows}\n\
                detection: {event: {EventID|exists: true}, condition: event}\n";
    std::fs::write(directory.path().join("any.yml"), rule).expect("there is room");
    Match::new(Rules::load(directory.path()).expect("it is sound"))
}

/// The elements that `generate` makes of a line: none unless it maps it.
fn generate(line: &[u8]) -> Vec<Element> {
    let origin = Origin::File(FileOrigin { sha256: Digest([7; 32]), record: 0 });
    let mut elements = Vec::new();
    let fate = Generate.process(
        &LogDatapoint { origin, line },
        &mut KnownElements::default(),
        &mut elements,
    );
    if fate == Fate::Output { elements } else { Vec::new() }
}

fn nodes<'a>(elements: impl IntoIterator<Item = &'a Element>) -> BTreeSet<NodeKey> {
    let keys = elements.into_iter().filter_map(|element| match &element.body {
        Body::Node(node) => Some(node.key),
        Body::Edge(_) => None,
    });
    keys.collect()
}

#[test]
fn findings_name_nodes_of_the_merged_graph() {
    let Some(data) = telemetry::data() else { return };
    let stage = finds_everything();
    let (mut findings_count, mut named_count, mut without_nodes) = (0_usize, 0_usize, 0_usize);
    telemetry::each_source(&data, |source, lines| {
        let (mut named, mut graph) = (BTreeSet::new(), Graph::default());
        for (record, line) in (0..).zip(&lines) {
            let elements = generate(line);
            for finding in find(&stage, record, line).1 {
                let expected: Vec<NodeKey> = nodes(&elements).into_iter().collect();
                assert_eq!(finding.nodes, expected, "{source}, record {record}");
                findings_count += 1;
                named_count += expected.len();
                without_nodes += usize::from(expected.is_empty());
                named.extend(expected);
            }
            graph.extend(elements);
        }
        let merged = nodes(&graph.into_sorted());
        assert!(named.is_subset(&merged), "{source}: {:?}", named.difference(&merged));
    });
    println!(
        "{findings_count} findings name {named_count} nodes; {without_nodes} are about events \
         without any"
    );
    assert!(without_nodes > 0 && named_count > findings_count, "findings of both kinds were seen");
}
