//! Rules of an operator's own, as the binary takes them: what is sound runs, what is not is named,
//! and nothing to run is a fault of the configuration.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use cordon_container::{ReadLimits, SectionReader};
use cordon_load::{Settings, Telemetry};
use cordon_records::{LogRecord, Metrics, schema, single_object};
use tempfile::TempDir;

/// Finds the planted attack's first deed.
const SOUND: &str = "title: Macros\nlogsource: {product: windows, category: process_creation}\n\
                     detection: {s: {CommandLine|contains: .docm}, condition: s}\n";
/// Asks for a list that only its author has.
const REFUSED: &str = "title: Admins\nlogsource: {product: windows}\n\
                       detection:\n  s:\n    User|expand: '%admins%'\n  condition: s\n";
const REASON: &str = "rules/admins.yml:5: field `User`: the modifier `expand` is not supported";

/// Lines of telemetry: the first attack is among them.
const LINES: usize = 6_000;

/// A place with some telemetry, and rules.
fn place(rules: &[(&str, &str)]) -> TempDir {
    let place = tempfile::tempdir().expect("there is room");
    let lines = Telemetry::new(Settings::default()).take(LINES);
    let bytes: Vec<u8> = lines.flat_map(|line| [line.bytes, b"\n".to_vec()].concat()).collect();
    fs::write(place.path().join("lines.jsonl"), bytes).expect("there is room");
    fs::create_dir(place.path().join("rules")).expect("there is room");
    for (name, text) in rules {
        fs::write(place.path().join("rules").join(name), text).expect("there is room");
    }
    place
}

fn cordon(place: &Path, arguments: &[&str]) -> Output {
    let mut cordon = Command::new(env!("CARGO_BIN_EXE_cordon"));
    cordon.current_dir(place).env_clear().args(arguments).output().expect("the program starts")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The notes of every report of metrics that a demo's stage made.
fn notes(out: &Path, stage: &str) -> Vec<Vec<String>> {
    let saved = fs::read(out.join(format!("log/metrics.{stage}.avro"))).expect("a saved log");
    let mut reader = SectionReader::open(&saved, &schema::LOG_RECORD, None, ReadLimits::default())
        .expect("a container");
    let mut notes = Vec::new();
    while let Some((_, record)) = reader.next::<LogRecord>().expect("a record") {
        let metrics: Metrics = single_object::decode(&record.value).expect("metrics");
        notes.push(metrics.notes);
    }
    notes
}

#[test]
fn sound_rules_run_and_refused_ones_are_named_in_log_and_metrics() {
    let place = place(&[("macros.yml", SOUND), ("admins.yml", REFUSED)]);
    let arguments = ["demo", "lines.jsonl", "--rules", "rules", "--out", "out"];
    let output = cordon(place.path(), &arguments);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(errors(&output).contains("rules/admins.yml"), "{}", errors(&output));
    assert!(errors(&output).contains("the modifier `expand` is not supported"));
    let findings = fs::read_to_string(place.path().join("out/findings.jsonl")).expect("results");
    assert!(findings.lines().count() > 0, "the sound rule finds the attack");
    assert!(findings.lines().all(|line| line.contains("\"Macros\"")), "{findings}");
    let told = |notes: &Vec<String>| notes.iter().any(|note| note.contains(REASON));
    let reports = notes(&place.path().join("out"), "match");
    assert!(!reports.is_empty() && reports.iter().all(told), "{reports:?}");
    assert!(!notes(&place.path().join("out"), "generate").iter().any(told), "match's alone");
}

#[test]
fn who_insists_on_all_rules_is_told_which_are_not_sound() {
    let place = place(&[("macros.yml", SOUND), ("admins.yml", REFUSED)]);
    let arguments = ["demo", "lines.jsonl", "--rules", "rules", "--rules-strict", "--out", "out"];
    let output = cordon(place.path(), &arguments);
    assert_eq!(output.status.code(), Some(2), "{}", errors(&output));
    assert!(errors(&output).contains(REASON), "{}", errors(&output));
}

#[test]
fn nothing_to_run_is_a_fault_for_a_demo_and_for_a_stage_alike() {
    let place = place(&[("admins.yml", REFUSED)]);
    let password = place.path().join("password");
    fs::write(&password, "unused").expect("there is room");
    fs::set_permissions(&password, Permissions::from_mode(0o600)).expect("it is ours");
    let config = "rules = \"rules\"\n\
                  [kafka]\nbootstrap = \"127.0.0.1:1\"\nusername = \"match\"\n\
                  password_file = \"password\"\ntls = false\n[store]\ndirectory = \"objects\"\n";
    fs::write(place.path().join("cordon.toml"), config).expect("there is room");
    for arguments in [
        &["demo", "lines.jsonl", "--rules", "rules", "--out", "out"][..],
        &["run", "match"],
        &["run", "match", "--rules", "rules"],
    ] {
        let output = cordon(place.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", errors(&output));
        let told = format!("the rules of rules cannot be used:\n{REASON}");
        assert!(errors(&output).contains(&told), "{arguments:?}: {}", errors(&output));
    }
    let output = cordon(place.path(), &["run", "merge", "--rules", "rules"]);
    assert!(errors(&output).contains("only the stage match has rules"), "{}", errors(&output));
}
