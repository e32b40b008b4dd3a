//! Dangerous dependencies have one home each, and pure crates have none of them.

use std::collections::BTreeSet;

use crate::graph::{Graph, whole};

/// Dependencies by the beginning of their name, and the members of the workspace that may ask for
/// them. The lister can only list, and what links it is no stage. The test server speaks S3 by another
/// library, and may not use the SDK either.
const HOMES: &[(&str, &[&str])] = &[
    ("rdkafka", &["cordon-kafka"]),
    ("aws-", &["cordon-store", "cordon-lister"]),
    ("s3s", &["cordon-test-s3"]),
];

fn strays(graph: &Graph) -> Vec<String> {
    let mut strays = Vec::new();
    for (dependency, homes) in HOMES {
        let all = graph.needs.values().chain(graph.tools.values()).flatten();
        let names: BTreeSet<&String> = all.filter(|name| name.starts_with(dependency)).collect();
        for name in names {
            let askers = graph.askers(name).into_iter();
            let members = askers.filter(|asker| graph.members.contains_key(*asker));
            let foreign = members.filter(|asker| !homes.contains(asker));
            strays.extend(foreign.map(|asker| format!("{asker} asks for {name}")));
        }
    }
    strays
}

#[test]
fn only_kafka_has_librdkafka_and_only_store_and_lister_have_the_s3_sdk() {
    let graph = Graph::of_this_workspace();
    assert_eq!(strays(&graph), [""; 0]);
    assert!(graph.askers("rdkafka").contains("cordon-kafka"));
    assert!(graph.askers("aws-sdk-s3").contains("cordon-store"));
}

#[test]
fn a_stray_is_found_also_among_what_tests_use() {
    let members = [("cordon-kafka", "kafka"), ("cordon-merge", "stages/merge")];
    let needs = [("cordon-kafka", "rdkafka"), ("cordon-merge", "aws-sdk-s3")];
    let mut graph = Graph::planted(&members, &needs);
    graph.tools.insert("cordon-merge".to_owned(), ["rdkafka".to_owned()].into());
    assert_eq!(
        strays(&graph),
        ["cordon-merge asks for rdkafka", "cordon-merge asks for aws-sdk-s3"]
    );
}

/// Crates without I/O: neither a runtime, nor a network, nor Kafka or S3 anywhere below them.
const PURE: &[&str] = &[
    "cordon-audit",
    "cordon-body",
    "cordon-container",
    "cordon-flow",
    "cordon-generate",
    "cordon-ingest",
    "cordon-load",
    "cordon-match",
    "cordon-merge",
    "cordon-pack",
    "cordon-records",
];

/// By the beginning of their names.
const IO: &[&str] = &[
    "async-std",
    "aws-",
    "hyper",
    "mio",
    "openssl",
    "rdkafka",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "tokio",
];

fn io_below(graph: &Graph, root: &str) -> Vec<String> {
    let below = graph.below(root, whole).into_iter();
    // smol_str holds strings; it is no part of the runtime smol.
    let does_io = |name: &str| name != "smol_str" && IO.iter().any(|io| name.starts_with(io));
    below.filter(|(name, _)| does_io(name)).map(|(_, way)| way).collect()
}

#[test]
fn pure_crates_have_no_runtime_no_kafka_and_no_s3() {
    let graph = Graph::of_this_workspace();
    for pure in PURE {
        assert_eq!(io_below(&graph, pure), [""; 0]);
    }
    assert!(io_below(&graph, "cordon-courier").len() > 10);
}

#[test]
fn planted_io_is_found_below_a_pure_crate() {
    let needs = [("cordon-flow", "smol_str"), ("cordon-flow", "a"), ("a", "tokio-util")];
    let graph = Graph::planted(&[("cordon-flow", "stages/flow")], &needs);
    assert_eq!(io_below(&graph, "cordon-flow"), ["cordon-flow → a → tokio-util"]);
}
