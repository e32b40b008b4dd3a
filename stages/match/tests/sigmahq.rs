//! The rules of SigmaHQ over real telemetry, against what other engines found there.
//!
//! The reference (`truth/*.jsonl` of the data) names hits by source, record and rule, and which of
//! three engines found each; only hits that were agreed on, or that most found, count. Of those,
//! 2,109 were found by two or three engines. The other 3,207 are about events that rsigma alone was
//! run on: they cannot show an error of rsigma's own, but do show that cordon's reading, routing
//! and repairs lose nothing.
//!
//! The engines of the reference did not look into the rendered message. What keywords find there is
//! surplus to it: [`IN_MESSAGES`].

#![expect(clippy::print_stdout, reason = "the figures are what this test is for")]

mod support;
mod telemetry;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use cordon_match::{Match, Rules};
use serde::Deserialize;

use support::find;

/// The reference: JSON lines of OTRF, in two files, and event logs.
const TRUTH: [&str; 4] = [
    "sigma_otrf_core_events.jsonl",
    "sigma_otrf_other_events_rsigma_only.jsonl",
    "sigma_evtx_mitre.jsonl",
    "sigma_regr.jsonl",
];

const MIMIKATZ: &str = "06d71506-7beb-4f22-8888-e2e5e2ca7fd8";
const WMI_PERSISTENCE: &str = "0b7889b4-5577-4521-a60a-3376ee7f9f7b";

/// Hits that the reference lacks and that are right: the beginning of the source, the record, the
/// rule, and one of the rule's keywords, which the test looks for in the line.
const IN_MESSAGES: [(&str, i64, &str, &str); 4] = [
    (
        "atomic__windows__credential_access__host__empire_over_pth_patch_lsass.zip@@",
        6967,
        MIMIKATZ,
        "gentilkiwi.com",
    ),
    (
        "atomic__windows__credential_access__host__empire_over_pth_patch_lsass.zip@@",
        7870,
        MIMIKATZ,
        "gentilkiwi.com",
    ),
    (
        "atomic__windows__lateral_movement__host__covenant_wmi_remote_event_subscription_ActiveScriptEventConsumers.zip@@",
        157,
        WMI_PERSISTENCE,
        "ActiveScriptEventConsumer",
    ),
    (
        "atomic__windows__persistence__host__covenant_persistwmi.tar.gz@@",
        438,
        WMI_PERSISTENCE,
        "CommandLineEventConsumer",
    ),
];

#[derive(Deserialize)]
struct Hit {
    src: String,
    /// From 1.
    record: i64,
    rule: String,
    verdict: String,
}

/// Record and rule by source.
type Hits = BTreeMap<String, BTreeSet<(i64, String)>>;

/// What the engines agreed on, and what they did not.
fn reference(data: &Path) -> (Hits, Hits) {
    let (mut wanted, mut disputed) = (Hits::new(), Hits::new());
    for file in TRUTH {
        let reader = BufReader::new(File::open(data.join("truth").join(file)).expect("it opens"));
        for line in reader.lines() {
            let hit: Hit = serde_json::from_str(&line.expect("it reads")).expect("it is a hit");
            let is_wanted = matches!(hit.verdict.as_str(), "agreed" | "majority");
            let hits = if is_wanted { &mut wanted } else { &mut disputed };
            hits.entry(hit.src).or_default().insert((hit.record, hit.rule));
        }
    }
    (wanted, disputed)
}

/// Unpacks SigmaHQ's rules and loads those for Windows.
fn sigmahq(data: &Path) -> Rules {
    let directory = tempfile::tempdir().expect("there is room");
    let packed = File::open(data.join("sigma/sigma_rules.tar.gz")).expect("it opens");
    tar::Archive::new(flate2::read::GzDecoder::new(packed))
        .unpack(directory.path())
        .expect("it unpacks");
    for other in ["rules-placeholder", "unsupported", "tests"] {
        std::fs::remove_dir_all(directory.path().join(other)).expect("it is there");
    }
    let (rules, refused) = Rules::read(directory.path()).expect("most are sound");
    let (count, out_of_scope) = (rules.count(), rules.out_of_scope());
    println!("{count} rules, {out_of_scope} out of scope, {} refused", refused.len());
    refused.iter().for_each(|refused| println!("  {refused}"));
    assert!(count > 2_500 && refused.len() < 20, "nearly all of SigmaHQ's rules are sound");
    rules
}

#[test]
fn sigmahq_rules_find_what_other_engines_found() {
    let Some(data) = telemetry::data() else { return };
    let stage = Match::new(sigmahq(&data));
    let (mut wanted, disputed) = reference(&data);
    let (mut right, mut open) = (0, 0);
    let mut in_messages = BTreeSet::from(IN_MESSAGES);
    let mut wrong = Vec::new();
    telemetry::each_source(&data, |source, lines| {
        let mut wanted = wanted.remove(source).unwrap_or_default();
        let is_disputed =
            |hit: &(i64, String)| disputed.get(source).is_some_and(|hits| hits.contains(hit));
        for (record, line) in (1..).zip(&lines) {
            for finding in find(&stage, record, line).1 {
                let hit = (record, finding.rule_id);
                if wanted.remove(&hit) {
                    right += 1;
                } else if is_disputed(&hit) {
                    open += 1;
                } else if !is_in_message(&mut in_messages, source, &hit, line) {
                    wrong.push(format!("extra {source}:{} {}", hit.0, hit.1));
                }
            }
        }
        wrong.extend(wanted.iter().map(|hit| format!("missed {source}:{} {}", hit.0, hit.1)));
    });
    println!("right {right}, in messages {}, disputed {open}", IN_MESSAGES.len());
    assert!(wanted.is_empty(), "the data lacks sources of its own truth: {:?}", wanted.keys());
    assert!(in_messages.is_empty(), "no longer found: {in_messages:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whether a hit is one of those that a keyword in the message makes right, each once.
fn is_in_message(
    expected: &mut BTreeSet<(&str, i64, &str, &str)>,
    source: &str,
    hit: &(i64, String),
    line: &[u8],
) -> bool {
    let line = String::from_utf8_lossy(line);
    let known = expected.iter().copied().find(|(place, record, rule, keyword)| {
        source.starts_with(place) && *hit == (*record, (*rule).to_owned()) && line.contains(keyword)
    });
    known.is_some_and(|known| expected.remove(&known))
}
