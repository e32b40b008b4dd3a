//! What the generator promises.

use std::collections::{BTreeMap, BTreeSet};

use cordon_load::{Damage, Kind, Line, Settings, Shape, Step, Telemetry};
use expect_test::expect;
use serde_json::Value;

const LINES: usize = 20_000;

fn generate(settings: Settings) -> (Vec<Line>, Telemetry) {
    let mut telemetry = Telemetry::new(settings);
    (telemetry.by_ref().take(LINES).collect(), telemetry)
}

fn busy() -> Settings {
    Settings { malformed_per_million: 5_000, late_per_million: 5_000, ..Settings::default() }
}

/// Channel and event id, as the ledger counts them.
fn event_of(object: &Value) -> String {
    let channel = ["/Channel", "/log_name", "/winlog/channel"]
        .iter()
        .find_map(|path| object.pointer(path)?.as_str())
        .unwrap_or_else(|| panic!("no channel: {object}"));
    let id = ["/EventID", "/event_id", "/winlog/event_id"]
        .iter()
        .find_map(|path| object.pointer(path))
        .unwrap_or_else(|| panic!("no event id: {object}"));
    let log = match channel {
        "Security" => "security",
        "Microsoft-Windows-PowerShell/Operational" => "powershell",
        _ => "sysmon",
    };
    format!("{log}/{}", id.to_string().trim_matches('"'))
}

fn event_data(object: &Value) -> Value {
    if let Some(Value::String(nested)) = object.get("EventData") {
        return serde_json::from_str(nested).expect("Sentinel's string is JSON");
    }
    ["/winlog/event_data", "/event_data"]
        .iter()
        .find_map(|path| object.pointer(path))
        .unwrap_or(object)
        .clone()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let (first, _) = generate(busy());
    let (again, _) = generate(busy());
    let (other, _) = generate(Settings { seed: 2, ..busy() });
    assert!(first == again, "the same settings, the same lines");
    assert!(first != other, "the seed matters");
}

#[test]
fn the_ledger_is_exact() {
    let (lines, telemetry) = generate(busy());
    let ledger = telemetry.ledger();
    let mut events = BTreeMap::<String, u64>::new();
    let mut malformed = BTreeMap::<Damage, u64>::new();
    for line in &lines {
        match line.kind {
            Kind::Event { .. } => {
                let object = serde_json::from_slice(&line.bytes).expect("well-formed lines parse");
                *events.entry(event_of(&object)).or_default() += 1;
            }
            Kind::Malformed(damage) => *malformed.entry(damage).or_default() += 1,
        }
    }
    assert_eq!(ledger.lines, LINES as u64);
    assert_eq!(ledger.bytes, lines.iter().map(|line| line.bytes.len() as u64).sum::<u64>());
    assert_eq!(ledger.events, events);
    assert_eq!(ledger.malformed, malformed);
    assert_eq!(ledger.well_formed() + ledger.malformed(), ledger.lines);
    assert_eq!(ledger.shapes.values().sum::<u64>(), ledger.well_formed());
    assert_eq!(malformed.len(), Damage::ALL.len(), "every damage occurs: {malformed:?}");
}

#[test]
fn malformed_lines_are_no_json_object_and_no_line_holds_a_break() {
    let (lines, _) = generate(Settings { malformed_per_million: 200_000, ..busy() });
    for line in &lines {
        assert!(!line.bytes.is_empty() && !line.bytes.contains(&b'\n'));
        let is_object = std::str::from_utf8(&line.bytes)
            .ok()
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
            .is_some_and(|value| value.is_object());
        assert_eq!(is_object, matches!(line.kind, Kind::Event { .. }), "line {}", line.index);
    }
}

#[test]
fn every_attack_goes_through_its_steps_in_order_on_one_host() {
    let (lines, telemetry) = generate(busy());
    let attacks = &telemetry.ledger().attacks;
    assert_eq!(attacks.len(), 4, "one host of ten, of forty");
    for attack in attacks {
        let steps: Vec<Step> = attack.steps.iter().map(|&(step, _)| step).collect();
        assert_eq!(steps, Step::ALL);
        assert!(attack.steps.is_sorted_by(|a, b| a.1 < b.1), "line indexes go up");
        for &(step, index) in &attack.steps {
            let line = &lines[index as usize];
            assert_eq!(line.kind, Kind::Event { step: Some(step) });
            let text = String::from_utf8_lossy(&line.bytes);
            assert!(text.contains(&attack.host), "{} is in line {index}", attack.host);
        }
    }
}

#[test]
fn an_attack_is_one_chain_of_processes() {
    let (lines, telemetry) = generate(Settings { malformed_per_million: 0, ..busy() });
    let attack = &telemetry.ledger().attacks[0];
    let data = |step: Step| {
        let &(_, index) =
            attack.steps.iter().find(|&&(s, _)| s == step).expect("the step is there");
        event_data(&serde_json::from_slice(&lines[index as usize].bytes).expect("it parses"))
    };
    let guid = |step, name: &str| data(step)[name].as_str().expect("a GUID").to_owned();
    let word = guid(Step::DocumentOpened, "ProcessGuid");
    let shell = guid(Step::InterpreterStarted, "ProcessGuid");
    let payload = guid(Step::PayloadStarted, "ProcessGuid");
    assert_eq!(guid(Step::InterpreterStarted, "ParentProcessGuid"), word);
    assert_eq!(guid(Step::PayloadDropped, "ProcessGuid"), shell);
    assert_eq!(guid(Step::PayloadStarted, "ParentProcessGuid"), shell);
    assert_eq!(guid(Step::LsassRead, "SourceProcessGUID"), payload);
    assert_eq!(guid(Step::CalledHome, "ProcessGuid"), payload);
    let deleted = data(Step::BinaryDeleted);
    assert_eq!(deleted["Image"], deleted["TargetFilename"], "it deletes its own file");
}

#[test]
fn every_shape_has_its_share_and_its_layout() {
    let (_, telemetry) = generate(busy());
    assert_eq!(telemetry.ledger().shapes.len(), 5, "{:?}", telemetry.ledger().shapes);
    for (shape, field) in [
        (Shape::NxLog, "/SourceModuleType"),
        (Shape::GetWinEvent, "/TimeCreated"),
        (Shape::Winlogbeat6, "/event_data/RuleName"),
        (Shape::Winlogbeat, "/winlog/event_data/RuleName"),
        (Shape::Sentinel, "/EventData"),
    ] {
        let sysmon = |line: Line| {
            let object = serde_json::from_slice(&line.bytes).expect("it parses");
            event_of(&object).starts_with("sysmon").then_some(object)
        };
        let settings = Settings { malformed_per_million: 0, ..Settings::default().only(shape) };
        let object = Telemetry::new(settings).find_map(sysmon).expect("endless");
        assert!(object.pointer(field).is_some_and(Value::is_string), "{shape:?}: {object}");
    }
}

#[test]
fn pids_are_reused_and_late_lines_come_behind_younger_ones() {
    let settings = Settings { hosts: 2, attack_every_hosts: 0, malformed_per_million: 0, ..busy() };
    let (lines, telemetry) = generate(settings);
    let mut owners = BTreeMap::<(u32, String), BTreeSet<String>>::new();
    let (mut newest, mut behind) = (String::new(), 0);
    for line in &lines {
        let data = event_data(&serde_json::from_slice(&line.bytes).expect("it parses"));
        if let (Some(pid), Some(guid)) = (data["ProcessId"].as_str(), data["ProcessGuid"].as_str())
        {
            owners.entry((line.host, pid.to_owned())).or_default().insert(guid.to_owned());
        }
        if let Some(time) = data["UtcTime"].as_str() {
            behind += u64::from(*time < *newest);
            newest = newest.max(time.to_owned());
        }
    }
    let reused = owners.values().filter(|guids| guids.len() > 1).count();
    assert!(reused * 50 > owners.len(), "{reused} of {} pids are reused", owners.len());
    assert!(telemetry.ledger().late > 50 && behind >= telemetry.ledger().late * 9 / 10);
}

#[test]
fn the_default_stream_is_what_it_was() {
    let (lines, telemetry) = generate(Settings::default());
    let mean_bytes = telemetry.ledger().bytes / telemetry.ledger().lines;
    let longest = lines.iter().map(|line| line.bytes.len()).max().expect("there are lines");
    expect![[r#"
        {
            "powershell/4104": 67,
            "security/4658": 853,
            "security/5156": 383,
            "sysmon/1": 523,
            "sysmon/10": 5145,
            "sysmon/11": 2937,
            "sysmon/12": 2560,
            "sysmon/13": 642,
            "sysmon/15": 48,
            "sysmon/17": 315,
            "sysmon/18": 315,
            "sysmon/22": 495,
            "sysmon/23": 320,
            "sysmon/3": 1272,
            "sysmon/5": 363,
            "sysmon/7": 3750,
            "sysmon/8": 4,
        }
        mean 1615 bytes, longest 67424
    "#]]
    .assert_eq(&format!(
        "{:#?}\nmean {mean_bytes} bytes, longest {longest}\n",
        telemetry.ledger().events
    ));
}
