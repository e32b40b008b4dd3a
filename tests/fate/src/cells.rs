//! Lines that kill their cells: each deed as the first, the last, many and all of a payload's
//! datapoints, all deeds together, and killers in two payloads of one batch.

use crate::{killer::Deed, plant::File};

/// Payloads that are fed together.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it plays.
    pub name: String,
    /// A payload each; each counts as a scenario.
    pub files: Vec<File>,
}

/// What a line can do to its cell and no more.
const DEEDS: [Deed; 10] = [
    Deed::Reject,
    Deed::Panic,
    Deed::Abort,
    Deed::Overflow,
    Deed::Memory,
    Deed::Loop,
    Deed::Block,
    Deed::AbortWhenQuoted,
    Deed::AbortAtTimes,
    Deed::AbortInSeal,
];

/// Lines of a payload: several chunks.
const LINES: usize = 200;
/// Every so many lines is one of many.
const MANY_EVERY: usize = 25;
/// Lines of a payload in which all do it.
const ALL: usize = 6;

/// Every case.
pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = DEEDS.iter().map(|deed| each_place(*deed)).collect();
    cases.push(together());
    cases.push(two_payloads());
    cases
}

fn each_place(deed: Deed) -> Case {
    let word = deed.word();
    let file = |place: &str, lines, at: Vec<usize>| {
        File::new(&format!("{word}-{place}"), lines, at.into_iter().map(|at| (at, deed)))
    };
    let many = (MANY_EVERY / 2..LINES).step_by(MANY_EVERY).collect();
    let files = vec![
        file("first", LINES, vec![0]),
        file("last", LINES, vec![LINES - 1]),
        file("many", LINES, many),
        file("all", ALL, (0..ALL).collect()),
    ];
    Case { name: word.to_owned(), files }
}

/// Neighbours, so that several are in one chunk.
fn together() -> Case {
    let deeds = DEEDS.iter().enumerate().map(|(n, deed)| (60 + n, *deed));
    Case { name: "together".to_owned(), files: vec![File::new("together", LINES, deeds)] }
}

fn two_payloads() -> Case {
    let file = |name: &str, at: usize| {
        let deeds = [(at, Deed::Abort), (at + 1, Deed::AbortInSeal), (at + 90, Deed::Overflow)];
        File::new(name, LINES, deeds)
    };
    let files = vec![file("two-payloads-1", 3), file("two-payloads-2", 70)];
    Case { name: "two payloads".to_owned(), files }
}
