//! Real telemetry: every line has a fate, none dies without a known cause, and the graph of an
//! archive is the same whatever the order, however often its elements are merged, and whatever the
//! stage knows of earlier lines.
//!
//! Needs the archives of `CORDON_DATA`, or of `shared/data` beside the checkout; without them it
//! says so and passes, for the laws and the table are tested by themselves.

#![expect(clippy::print_stdout, reason = "the counts of each archive, for whoever asks for them")]

mod archives;

use std::path::Path;

use cordon_flow::{Accumulate as _, Fate, Graph, KnownElements, Memory, Stage as _};
use cordon_generate::Generate;
use cordon_records::{Digest, Element, FileOrigin, LogDatapoint, Origin};

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    mapped: usize,
    not_mapped: usize,
    dead: Vec<String>,
}

/// What lines give: their fates, what they emit, how many elements that they only give again, and
/// the graph of all.
fn generate(lines: &[Vec<u8>], mut known: KnownElements) -> (Counts, Vec<Element>, usize, Graph) {
    let (mut counts, mut elements, mut again) = (Counts::default(), Vec::new(), 0);
    let mut graph = Graph::default();
    for line in lines {
        let origin = Origin::File(FileOrigin { sha256: Digest::default(), record: 0 });
        let mut found = Vec::new();
        match Generate.process(&LogDatapoint { origin, line }, &mut known, &mut found) {
            Fate::Output => {
                counts.mapped += 1;
                again += Memory::<Graph>::again(&known);
                graph.extend(found.iter().cloned());
                known.keep(&mut graph);
                elements.append(&mut found);
            }
            Fate::NotMapped => counts.not_mapped += 1,
            Fate::Dead(reason) => counts.dead.push(reason),
        }
    }
    (counts, elements, again, graph)
}

/// A fixed shuffle: the same wherever and whenever it runs.
fn shuffle<T>(items: &mut [T]) {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    for last in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = usize::try_from(state % (last as u64 + 1)).expect("below the length");
        items.swap(last, other);
    }
}

fn check(path: &Path) -> usize {
    let name = path.file_name().expect("a file").to_string_lossy();
    let lines = archives::lines(path);
    let (counts, elements, _, graph) = generate(&lines, KnownElements::with_names_max(0));
    let elements_in = elements.len();
    println!(
        "{:7} mapped {:7} not mapped {} dead, {elements_in:7} elements, {:6} merged: {name}",
        counts.mapped,
        counts.not_mapped,
        counts.dead.len(),
        graph.len(),
    );
    assert_eq!(counts.dead, Vec::<String>::new(), "{name}");

    let properties = |elements: &[Element]| -> usize {
        elements.iter().map(|element| element.properties.len()).sum()
    };
    let (known_counts, fewer, again, known_graph) = generate(&lines, KnownElements::default());
    assert_eq!((known_counts, fewer.len() + again), (counts, elements_in), "{name}");
    assert!(properties(&fewer) <= properties(&elements), "{name}: what is known is said again");
    assert_eq!(known_graph, graph, "{name}: what is known must not matter");

    let mut shuffled = elements;
    shuffle(&mut shuffled);
    let mut other = Graph::from_iter(shuffled);
    assert_eq!(other, graph, "{name}: the order of elements must not matter");
    other.extend(graph.clone().into_sorted());
    assert_eq!(other, graph, "{name}: merging twice is merging once");
    lines.len()
}

fn check_folder(folder: &str, lines_min: usize) {
    let Some(data) = archives::data_folder() else {
        println!("no real telemetry here: nothing checked");
        return;
    };
    let lines: usize = archives::files(&data.join(folder)).iter().map(|path| check(path)).sum();
    assert!(lines >= lines_min, "{folder} holds {lines} lines only");
}

#[test]
fn every_windows_archive_of_otrf() {
    check_folder("otrf/windows", 400_000);
}

#[test]
fn every_evtx_file() {
    check_folder("evtx_cc0", 2_000);
}
