//! The rules that cordon brings along, on their cases and on generated attacks. The test `corpus`
//! runs them over real telemetry.

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cordon_flow::Fate;
use cordon_load::{Kind, Settings, Shape, Step, Telemetry};
use cordon_match::{Match, Rules};
use expect_test::expect;
use serde::Deserialize;
use serde_json::value::RawValue;

use support::find;

fn rules_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")
}

/// Names of the rules, in order.
fn rules() -> Vec<String> {
    let files = support::files(&rules_directory());
    let names = files.iter().filter(|file| file.is_file()).map(|file| {
        let name = support::file_name(file);
        name.strip_suffix(".yml").expect("only rules lie here").to_owned()
    });
    names.collect()
}

/// A stage with one of the rules alone.
fn alone(rule: &str) -> Match {
    let directory = tempfile::tempdir().expect("there is room");
    let file = format!("{rule}.yml");
    fs::copy(rules_directory().join(&file), directory.path().join(&file)).expect("it is there");
    Match::new(Rules::load(directory.path()).expect("the rule is sound"))
}

#[derive(Deserialize)]
struct Case<'a> {
    case: &'a str,
    finds: bool,
    #[serde(borrow)]
    event: &'a RawValue,
}

#[test]
fn every_rule_finds_its_positives_and_passes_its_near_misses() {
    for rule in rules() {
        let stage = alone(&rule);
        let path = rules_directory().join(format!("tests/{rule}.jsonl"));
        let cases = fs::read_to_string(&path).expect("every rule has cases");
        let mut seen = BTreeSet::new();
        for line in cases.lines() {
            let case: Case<'_> = serde_json::from_str(line).expect("a case is JSON");
            let (fate, findings) = find(&stage, 0, case.event.get().as_bytes());
            assert_eq!(findings.len() == 1, case.finds, "{rule}: {} gave {fate:?}", case.case);
            assert_eq!(fate == Fate::Output, case.finds, "{rule}: {}", case.case);
            seen.insert(case.finds);
        }
        assert_eq!(seen.len(), 2, "{rule} has a positive and a near miss");
    }
}

#[test]
fn the_built_in_rules_are_those_in_the_directory() {
    let (built_in, loaded) = (Rules::own(), Rules::load(&rules_directory()).expect("sound"));
    assert_eq!((built_in.count(), built_in.out_of_scope()), (rules().len(), 0));
    assert_eq!(loaded.count(), rules().len());
}

#[test]
fn rules_say_all_that_sigma_asks_for() {
    let mut ids = BTreeSet::new();
    for rule in rules() {
        let text =
            fs::read_to_string(rules_directory().join(format!("{rule}.yml"))).expect("it is there");
        for key in [
            "title:",
            "id:",
            "status:",
            "description:",
            "author: cordon",
            "logsource:",
            "detection:",
            "falsepositives:",
            "level:",
            "tags:",
        ] {
            assert!(text.lines().any(|line| line.starts_with(key)), "{rule} has no {key}");
        }
        let id = text.lines().find_map(|line| line.strip_prefix("id: ")).expect("it has an id");
        assert!(id.len() == 36 && ids.insert(id.to_owned()), "{rule}: {id} is a UUID of its own");
    }
}

/// Titles of findings by the step of the attack that they found.
fn found_steps(shape: Option<Shape>) -> BTreeMap<Step, BTreeSet<String>> {
    let settings = Settings { malformed_per_million: 2_000, ..Settings::default() };
    let settings = shape.map_or(settings.clone(), |shape| settings.only(shape));
    let stage = Match::new(Rules::own());
    let mut telemetry = Telemetry::new(settings);
    let mut steps = BTreeMap::<Step, BTreeSet<String>>::new();
    let mut findings_count = 0;
    for line in telemetry.by_ref().take(12_000) {
        let (fate, findings) = find(&stage, line.index as i64, &line.bytes);
        findings_count += findings.len();
        match line.kind {
            Kind::Malformed(_) => assert!(matches!(fate, Fate::Dead(_)), "{fate:?}"),
            Kind::Event { step: Some(step) } => {
                steps.entry(step).or_default().extend(findings.into_iter().map(|f| f.title));
            }
            Kind::Event { step: None } => {
                assert_eq!(
                    fate,
                    Fate::NotMapped,
                    "ordinary: {}",
                    String::from_utf8_lossy(&line.bytes)
                );
            }
        }
    }
    let attacks = telemetry.ledger().attacks.len();
    let titles: usize = steps.values().map(BTreeSet::len).sum();
    assert_eq!(findings_count, attacks * titles, "every attack gives the same findings");
    steps
}

#[test]
fn a_planted_attack_is_found_step_by_step_and_nothing_else() {
    let steps = found_steps(None);
    let shown: String =
        steps.iter().map(|(step, titles)| format!("{step:?}: {titles:?}\n")).collect();
    expect![[r#"
        DocumentOpened: {"Person Opens What May Be A Lure"}
        InterpreterStarted: {"Document Or Server Starts A Script Interpreter", "Encoded PowerShell Command"}
        NameResolved: {"Script Interpreter Looks Up A Public Name"}
        PayloadFetched: {"Script Interpreter Connects To A Public Address"}
        PayloadDropped: {"Script Interpreter Writes A Program"}
        PayloadStarted: {"Script Interpreter Starts A Program In A User Directory"}
        LsassRead: {"LSASS Opened For Reading"}
        ThreadInjected: {"Remote Thread From A Program In A User Directory"}
        RunKeySet: {"Autostart Points At A Shell Or Into A User Directory"}
        EventLogDisabled: {"Event Log Disabled Through The Registry"}
        CalledHome: {"Program In A User Directory Connects Out"}
        BinaryDeleted: {"Program Deletes Itself Or, From A User Directory, Another"}
    "#]]
    .assert_eq(&shown);
}

#[test]
fn an_attack_is_found_in_every_shape() {
    let mixed = found_steps(None);
    for (shape, _) in Settings::MIXED_SHAPES {
        assert_eq!(found_steps(Some(*shape)), mixed, "{shape:?}");
    }
}
