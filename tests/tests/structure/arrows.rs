//! The arrows between cordon's own crates point one way.

use crate::graph::Graph;

/// What each crate may need to run. One that is not in it may not exist: a new crate gets its
/// row here and in ARCHITECTURE.md's code map. Tests may see everything, and nobody sees them.
const ARROWS: &[(&str, &[&str])] = &[
    ("cordon-records", &[]),
    ("cordon-container", &["cordon-records"]),
    ("cordon-kafka", &["cordon-records"]),
    ("cordon-flow", &["cordon-records"]),
    ("cordon-store", &["cordon-records"]),
    ("cordon-cell", &[]),
    ("cordon-body", &["cordon-cell", "cordon-container", "cordon-flow", "cordon-records"]),
    // Not flow, which parses lines.
    ("cordon-courier", &["cordon-cell", "cordon-kafka", "cordon-records", "cordon-store"]),
    ("cordon-ingest", &["cordon-body", "cordon-container", "cordon-flow", "cordon-records"]),
    ("cordon-audit", &["cordon-records"]),
    ("cordon-lister", &["cordon-records", "cordon-store"]),
    ("cordon-pack", STAGE),
    ("cordon-generate", STAGE),
    ("cordon-merge", STAGE),
    ("cordon-match", STAGE),
    ("cordon-load", &[]),
    (
        "cordon",
        &[
            "cordon-audit",
            "cordon-body",
            "cordon-cell",
            "cordon-container",
            "cordon-courier",
            "cordon-flow",
            "cordon-generate",
            "cordon-ingest",
            "cordon-kafka",
            "cordon-lister",
            "cordon-load",
            "cordon-match",
            "cordon-merge",
            "cordon-pack",
            "cordon-records",
            "cordon-store",
        ],
    ),
];

/// A stage sees the trait and the records, and no other stage.
const STAGE: &[&str] = &["cordon-flow", "cordon-records"];

fn wrong_arrows(graph: &Graph) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in graph.members.keys().filter(|member| !graph.is_of_the_tests(member)) {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == member) else {
            wrong.push(format!("{member} has no row in ARROWS"));
            continue;
        };
        let needs = graph.needs.get(member).into_iter().flatten();
        let own = needs.filter(|need| graph.members.contains_key(*need));
        let foreign = own.filter(|need| !allowed.contains(&need.as_str()));
        wrong.extend(foreign.map(|need| format!("{member} may not need {need}")));
    }
    wrong
}

#[test]
fn arrows_point_one_way() {
    let graph = Graph::of_this_workspace();
    assert_eq!(wrong_arrows(&graph), [""; 0]);
    let gone = ARROWS.iter().filter(|(name, _)| !graph.members.contains_key(*name));
    assert_eq!(gone.count(), 0, "ARROWS names a crate that is gone");
}

#[test]
fn planted_arrows_are_found() {
    let members = [
        ("cordon-merge", "stages/merge"),
        ("cordon-pack", "stages/pack"),
        ("cordon-kafka", "kafka"),
        ("cordon-courier", "stages/courier"),
        ("cordon-tests", "tests"),
        ("cordon-upstart", "stages/upstart"),
    ];
    let needs = [
        ("cordon-merge", "cordon-pack"),
        ("cordon-kafka", "cordon-courier"),
        ("cordon-courier", "cordon-kafka"),
        ("cordon-tests", "cordon-courier"),
        ("cordon-courier", "cordon-tests"),
    ];
    assert_eq!(
        wrong_arrows(&Graph::planted(&members, &needs)),
        [
            "cordon-courier may not need cordon-tests",
            "cordon-kafka may not need cordon-courier",
            "cordon-merge may not need cordon-pack",
            "cordon-upstart has no row in ARROWS",
        ]
    );
}
