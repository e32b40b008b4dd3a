//! The rules of SigmaHQ over real telemetry, against what other engines found there.
//!
//! The reference (`truth/*.jsonl` of the data) names hits by file, record and rule, with the
//! verdict of up to three engines; only hits that were agreed on, or that most found, count. They
//! did not look into the rendered message, so what keywords find there is surplus to them: four
//! hits, checked by hand, that are right by the text of their rules.

#![expect(clippy::print_stdout, reason = "the figures are what this test is for")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use cordon_match::{Match, Rules};
use serde::Deserialize;

use support::find;

#[derive(Deserialize)]
struct Hit {
    src: String,
    /// From 1.
    record: i64,
    rule: String,
    verdict: String,
}

/// Record and rule by `archive@@member`.
type Hits = BTreeMap<String, BTreeSet<(i64, String)>>;

fn reference(data: &Path) -> (Hits, Hits) {
    let (mut wanted, mut disputed) = (Hits::new(), Hits::new());
    for file in ["sigma_otrf_core_events.jsonl", "sigma_otrf_other_events_rsigma_only.jsonl"] {
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
    let (rules, errors) = Rules::read(directory.path());
    println!(
        "{} rules, {} out of scope, {} refused",
        rules.count(),
        rules.out_of_scope(),
        errors.len()
    );
    errors.iter().for_each(|error| println!("  {error}"));
    assert!(rules.count() > 2_500 && errors.len() < 20, "nearly all of SigmaHQ's rules load");
    rules
}

/// The paths of all Windows archives.
fn windows_archives(data: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data.join("otrf/windows")).expect("the archives are there");
    let mut archives: Vec<PathBuf> =
        entries.map(|entry| entry.expect("it is an entry").path()).collect();
    archives.sort();
    archives
}

#[test]
fn sigmahq_rules_find_what_other_engines_found() {
    let Some(data) = support::data() else { return };
    let stage = Match::new(sigmahq(&data));
    let (wanted, disputed) = reference(&data);
    let (mut right, mut missed, mut extra, mut open) = (0, 0, 0, 0);
    let mut examples = BTreeMap::<(&str, String), usize>::new();
    for archive in windows_archives(&data) {
        let archive_name = archive.file_name().expect("it has a name").to_string_lossy();
        support::each_member(&archive, |member, lines| {
            let source = format!("{archive_name}@@{member}");
            let mut found = BTreeSet::new();
            for (record, line) in (1..).zip(&lines) {
                let findings = find(&stage, record, line).1;
                found.extend(findings.into_iter().map(|finding| (record, finding.rule_id)));
            }
            let none = BTreeSet::new();
            let wanted = wanted.get(&source).unwrap_or(&none);
            let disputed = disputed.get(&source).unwrap_or(&none);
            right += found.intersection(wanted).count();
            for (_, rule) in wanted.difference(&found) {
                missed += 1;
                *examples.entry(("missed", rule.clone())).or_default() += 1;
            }
            for hit in found.difference(wanted) {
                if disputed.contains(hit) {
                    open += 1;
                } else {
                    extra += 1;
                    println!("  extra {source}:{} {}", hit.0, hit.1);
                    *examples.entry(("extra", hit.1.clone())).or_default() += 1;
                }
            }
        });
    }
    let precision = f64::from(right as u32) / f64::from((right + extra) as u32);
    let recall = f64::from(right as u32) / f64::from((right + missed) as u32);
    println!("right {right}, missed {missed}, extra {extra}, disputed {open}");
    println!("precision {precision:.4}, recall {recall:.4}");
    examples.iter().for_each(|((kind, rule), count)| println!("  {kind} {rule}: {count}"));
    assert!(recall >= 0.99 && precision >= 0.99);
}
