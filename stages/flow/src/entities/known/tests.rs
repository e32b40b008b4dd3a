//! That elements are known changes how much is emitted, and nothing else.

use std::fmt::Write as _;

use cordon_records::Element;
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
    mut known: KnownElements,
) -> (Graph, Vec<Fate>) {
    let mut graph = Graph::default();
    let fates = lines.into_iter().map(|(line, is_refused)| {
        let (found, fate) = found(line, &mut known);
        if fate == Fate::Output && !is_refused {
            graph.extend(found);
            known.keep(&mut graph);
        } else {
            forget(&mut known);
        }
        fate
    });
    let fates = fates.collect();
    (graph, fates)
}

fn found(line: &str, known: &mut KnownElements) -> (Vec<Element>, Fate) {
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
        let unknown = graph_of(&lines, KnownElements::with_names_max(0));
        prop_assert_eq!(&graph_of(&lines, KnownElements::with_names_max(few)), &unknown);
        prop_assert_eq!(&graph_of(&lines, KnownElements::default()), &unknown);
        let (twice, _) = graph_of(lines.iter().chain(&lines), KnownElements::default());
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

fn forget(known: &mut KnownElements) {
    Memory::<Graph>::forget(known);
}

/// What was learnt of lines, and the graph that they are in.
#[derive(Default)]
struct Learner {
    known: KnownElements,
    graph: Graph,
    found: Vec<Element>,
}

impl Learner {
    fn of(known: KnownElements) -> Self {
        Self { known, ..Self::default() }
    }

    /// The names of all properties that the line's elements come with.
    fn said(&mut self, line: &str) -> Vec<String> {
        let (found, fate) = found(line, &mut self.known);
        assert_eq!(fate, Fate::Output);
        let again = Memory::<Graph>::again(&self.known);
        assert_eq!(found.len() + again, 2, "a device and a process");
        self.found = found;
        self.found.iter().flat_map(|e| &e.properties).map(|p| p.name.to_string()).collect()
    }

    fn keep(&mut self) {
        self.graph.extend(self.found.drain(..));
        self.known.keep(&mut self.graph);
    }
}

const ALL: [&str; 4] = ["hostname", "file.path", "terminated_time", "uid"];

#[test]
fn what_is_known_is_said_once_and_what_is_new_always() {
    let mut learner = Learner::default();
    assert_eq!(learner.said(&ended(20, "a")), ALL);
    learner.keep();
    assert_eq!(learner.said(&ended(20, "a")), ["terminated_time"]);
    learner.keep();
    assert_eq!(learner.said(&ended(21, "a")), ["terminated_time"]);
    learner.keep();
    assert_eq!(learner.said(&ended(21, "A")), ALL[1..], "other words, so somebody else");
}

/// Event 10 says nothing new the second time, but when it was.
#[test]
fn what_says_nothing_new_is_not_emitted_and_yet_seen() {
    let accessed = |second: u32, access: &str| {
        format!(
            r#"{{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":10,"Computer":"pc",
                "UtcTime":"2020-09-21 19:35:{second}","SourceProcessGUID":"{GUID}",
                "TargetProcessGUID":"{{00000000-0000-0000-0000-000000000001}}",
                "GrantedAccess":"{access}"}}"#
        )
    };
    let (mut known, mut graph) = (KnownElements::default(), Graph::default());
    let mut emitted = |second, access| {
        let (found, fate) = found(&accessed(second, access), &mut known);
        assert_eq!(fate, Fate::Output);
        let (emitted, again) = (found.len(), Memory::<Graph>::again(&known));
        graph.extend(found);
        known.keep(&mut graph);
        (emitted, again)
    };
    assert_eq!(emitted(30, "0x1000"), (4, 0));
    assert_eq!(emitted(35, "0x1000"), (0, 4));
    assert_eq!(emitted(32, "0x1000"), (0, 4));
    assert_eq!(emitted(20, "0x1000"), (4, 0), "earlier, so it counts");
    assert_eq!(emitted(21, "0x1400"), (1, 3), "a new access");
    let times: Vec<(i64, i64)> =
        graph.into_sorted().iter().map(|e| (e.first_seen_ms, e.last_seen_ms)).collect();
    assert_eq!(times, [(1_600_716_920_000, 1_600_716_935_000); 4]);
}

#[test]
fn what_an_earlier_event_says_counts_and_is_said() {
    let mut learner = Learner::default();
    learner.said(&ended(20, "a"));
    learner.keep();
    assert_eq!(learner.said(&ended(19, "a")), ALL);
    learner.keep();
    assert_eq!(learner.said(&ended(19, "a")), ["terminated_time"]);
}

#[test]
fn what_was_refused_is_not_known() {
    let mut learner = Learner::default();
    learner.said(&ended(20, "a"));
    forget(&mut learner.known);
    assert_eq!(learner.said(&ended(20, "a")), ALL);
    forget(&mut learner.known);
    assert_eq!(learner.said(&ended(20, "a")), ALL, "not before its fate is decided");
}

#[test]
fn the_memory_is_bounded() {
    let long = "x".repeat(NAME_BYTES_MAX);
    for names_max in [1, NAMES_MAX] {
        let mut learner = Learner::of(KnownElements::with_names_max(names_max));
        learner.said(&ended(20, &long));
        learner.keep();
        assert_eq!(learner.said(&ended(20, &long)), ALL[1..]);
    }
    let mut learner = Learner::of(KnownElements::with_names_max(10));
    for path in 0..1000 {
        learner.said(&ended(20, &path.to_string()));
        learner.keep();
    }
    assert_eq!(learner.known.kept.len(), 10);
    assert!(learner.known.names.len() < 10 * 256, "{}", learner.known.names.len());
    assert_eq!(learner.said(&ended(20, "0")), ["terminated_time"]);
    forget(&mut learner.known);
    assert_eq!(learner.said(&ended(20, "999")), ALL[1..]);
}
