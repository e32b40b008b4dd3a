//! That nodes are known changes how much is emitted, and nothing else.

use std::fmt::Write as _;

use cordon_records::{Body, Element};
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::{Event, Fate, Graph, elements};

/// A field and what it may say: one thing in several spellings, nothing, something malformed.
const FIELDS: &[(&str, &[&str])] = &[
    ("EventID", &["1", "3", "5", "7", "10", "11", "12", "13", "14", "17", "22", "23", "99"]),
    ("Computer", &["PC", "pc.", "Other.net", ""]),
    ("UtcTime", &["2020-09-21 19:35:21", "2020-09-21 19:35:22", "2020-09-21 19:35:23", "soon"]),
    ("ProcessGuid", &[GUID, "{0001}", "{00000000-0000-0000-0000-000000000000}"]),
    ("SourceProcessGUID", &[GUID, "d273d0f0-e868-5f64-2200-000000000801"]),
    ("TargetProcessGUID", &[GUID, "D273D0F0-E868-5F64-2200-000000000800"]),
    ("ParentProcessGuid", &[GUID, "-"]),
    ("ProcessId", &["4", "04", "no number"]),
    ("SourceProcessId", &["4", "5"]),
    ("Image", &[r"C:\A.exe", r"c:\a.EXE", r"\\?\C:\b", "<unknown process>"]),
    ("SourceImage", &[r"C:\A.exe", r"c:\b"]),
    ("User", &[r"NT AUTHORITY\SYSTEM", r"PC\Bob", r"pc\bob", "bob"]),
    ("CommandLine", &["a", "b"]),
    ("ImageLoaded", &[r"C:\A.exe", r"C:\lib", "<none>"]),
    ("Hashes", &["MD5=AB,SHA1=01", "MD5=CD"]),
    ("FileVersion", &["1", "2"]),
    ("TargetFilename", &[r"c:\a.exe", r"C:\A.EXE", r"\??\C:\lib"]),
    ("TargetObject", &[r"HKLM\A", r"hklm\a", "HKLM"]),
    ("NewName", &[r"HKLM\A", r"hklm\b"]),
    ("Details", &["1", "2"]),
    ("PipeName", &[r"\lsass", r"\LSASS", "<Anonymous Pipe>"]),
    ("SourceIp", &["10.0.0.1", "127.0.0.1", "::ffff:10.0.0.1"]),
    ("DestinationIp", &["10.0.0.1", "127.0.0.1", "nowhere"]),
    ("SourceHostname", &["PC", "pc", "other"]),
    ("DestinationPort", &["80", "0080"]),
    ("Protocol", &["tcp", "TCP"]),
    ("Initiated", &["true", "false"]),
    ("QueryName", &["A.example", "a.example."]),
    ("QueryResults", &["10.0.0.1;", "type: 5 b.example;::1;"]),
];

const GUID: &str = "{d273d0f0-e868-5f64-2200-000000000800}";

/// Most fields say the first thing, so that most lines have elements, and meet.
fn any_line() -> impl Strategy<Value = String> {
    let fields: Vec<_> = FIELDS
        .iter()
        .map(|(name, words)| {
            let often = if *name == "EventID" { select(*words).boxed() } else { Just(words[0]).boxed() };
            prop_oneof![12 => often.prop_map(Some), 7 => select(*words).prop_map(Some), 1 => Just(None)]
                .prop_map(move |word| word.map(|word| (*name, word)))
        })
        .collect();
    fields.prop_map(|fields| {
        let mut line = r#"{"Channel":"Microsoft-Windows-Sysmon/Operational""#.to_owned();
        for (name, word) in fields.into_iter().flatten() {
            let word = word.replace('\\', r"\\");
            write!(line, r#","{name}":"{word}""#).expect("a string grows");
        }
        line + "}"
    })
}

/// The graph of the lines that are not refused, and the fates of all.
fn graph_of<'l>(
    lines: impl IntoIterator<Item = &'l (String, bool)>,
    mut known: KnownNodes,
) -> (Graph, Vec<Fate>) {
    let mut graph = Graph::default();
    let fates = lines.into_iter().map(|(line, is_refused)| {
        let (found, fate) = found(line, &mut known);
        if fate == Fate::Output && !is_refused {
            graph.extend(found);
            known.keep();
        } else {
            known.forget();
        }
        fate
    });
    let fates = fates.collect();
    (graph, fates)
}

fn found(line: &str, known: &mut KnownNodes) -> (Vec<Element>, Fate) {
    let event = Event::parse(line.as_bytes()).expect("well-formed");
    let mut found = Vec::new();
    let fate = elements(&event, known, &mut found);
    (found, fate)
}

proptest! {
    #[test]
    fn a_graph_is_the_same_whatever_is_known(
        lines in vec((any_line(), prop::bool::weighted(0.2)), 0..40),
        few in 1..6usize,
    ) {
        let unknown = graph_of(&lines, KnownNodes::with_nodes_max(0));
        prop_assert_eq!(&graph_of(&lines, KnownNodes::with_nodes_max(few)), &unknown);
        prop_assert_eq!(&graph_of(&lines, KnownNodes::default()), &unknown);
        let (twice, _) = graph_of(lines.iter().chain(&lines), KnownNodes::default());
        prop_assert_eq!(&twice, &unknown.0);
    }
}

/// A line of event 5 of the process with this path.
fn ended(second: u32, path: &str) -> String {
    format!(
        r#"{{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":5,"Computer":"pc",
            "UtcTime":"2020-09-21 19:35:{second}","ProcessGuid":"{GUID}","Image":"{path}"}}"#
    )
}

/// The names of all properties that the line's elements come with.
fn said(line: &str, known: &mut KnownNodes) -> Vec<String> {
    let (found, fate) = found(line, known);
    assert_eq!(fate, Fate::Output);
    let is_node = |element: &Element| matches!(element.body, Body::Node(_));
    assert_eq!(found.iter().filter(|element| is_node(element)).count(), 2);
    found.iter().flat_map(|element| &element.properties).map(|p| p.name.to_string()).collect()
}

const ALL: [&str; 4] = ["hostname", "file.path", "terminated_time", "uid"];

#[test]
fn what_is_known_is_said_once_and_what_is_new_always() {
    let known = &mut KnownNodes::default();
    assert_eq!(said(&ended(20, "a"), known), ALL);
    known.keep();
    assert_eq!(said(&ended(20, "a"), known), ["terminated_time"]);
    assert_eq!(said(&ended(21, "a"), known), ["terminated_time"]);
    assert_eq!(said(&ended(21, "A"), known), ALL[1..], "other words, so somebody else");
}

#[test]
fn what_an_earlier_event_says_counts_and_is_said() {
    let known = &mut KnownNodes::default();
    said(&ended(20, "a"), known);
    known.keep();
    assert_eq!(said(&ended(19, "a"), known), ALL);
    known.keep();
    assert_eq!(said(&ended(19, "a"), known), ["terminated_time"]);
}

#[test]
fn what_was_refused_is_not_known() {
    let known = &mut KnownNodes::default();
    said(&ended(20, "a"), known);
    known.forget();
    assert_eq!(said(&ended(20, "a"), known), ALL);
    assert_eq!(said(&ended(20, "a"), known), ALL, "not before its fate is decided");
}

#[test]
fn the_memory_is_bounded() {
    let known = &mut KnownNodes::with_nodes_max(1);
    let long = "x".repeat(NAME_BYTES_MAX);
    for known in [known, &mut KnownNodes::default()] {
        said(&ended(20, &long), known);
        known.keep();
        assert_eq!(said(&ended(20, &long), known), ALL[1..]);
        known.forget();
    }
    let known = &mut KnownNodes::with_nodes_max(10);
    for path in 0..1000 {
        said(&ended(20, &path.to_string()), known);
        known.keep();
    }
    assert_eq!(known.nodes.len(), 10);
    assert!(known.names.len() < 10 * 256, "{}", known.names.len());
    assert_eq!(said(&ended(20, "0"), known), ["terminated_time"]);
    assert_eq!(said(&ended(20, "999"), known), ALL[1..]);
}
