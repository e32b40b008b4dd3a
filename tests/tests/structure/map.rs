//! ARCHITECTURE.md's code map names every crate, and only crates that exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::graph::{Graph, root};

/// The crates that the code map's first column names, in brackets: `` `kafka` (cordon-kafka) ``.
fn mapped(text: &str) -> BTreeSet<&str> {
    let section = text.split("\n## ").find(|section| section.starts_with("Code map"));
    let rows = section.unwrap_or_default().lines().filter(|line| line.starts_with('|'));
    let places = rows.filter_map(|row| row.split('|').nth(1));
    let brackets = places.flat_map(|place| place.split('(').skip(1));
    let names = brackets.filter_map(|rest| rest.split(')').next());
    names.flat_map(|names| names.split(", ")).collect()
}

fn faults(text: &str, members: &BTreeMap<String, PathBuf>) -> Vec<String> {
    let mapped = mapped(text);
    let unknown = mapped.iter().filter(|name| !members.contains_key(**name));
    let unnamed = members.keys().filter(|name| !mapped.contains(name.as_str()));
    let unknown = unknown.map(|name| format!("the code map names {name}, which does not exist"));
    unknown.chain(unnamed.map(|name| format!("the code map does not name {name}"))).collect()
}

#[test]
fn the_code_map_names_every_crate() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    assert_eq!(faults(&text, &Graph::of_this_workspace().members), [""; 0]);
}

#[test]
fn a_crate_that_is_missing_on_either_side_is_found() {
    let text = "# A\n\n## Code map\n\n| where | what |\n|---|---|\n\
                | `a`, `b` (cordon-a, cordon-b) | two (crates) |\n\n## Next\n| (cordon-c) |\n";
    let folder = Path::new("x").to_owned();
    let members = ["cordon-a", "cordon-c"].map(|name| (name.to_owned(), folder.clone()));
    assert_eq!(
        faults(text, &members.into()),
        [
            "the code map names cordon-b, which does not exist",
            "the code map does not name cordon-c"
        ]
    );
}
