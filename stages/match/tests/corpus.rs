//! The rules that cordon brings along over all real Windows telemetry there is: each finds a deed
//! it is for, and little else.

mod support;
mod telemetry;

use std::collections::{BTreeMap, BTreeSet};

use cordon_match::{Match, Rules};

use support::find;

/// A real deed for each rule: the rule's title, the source, and the record from 1.
///
/// Three rules say more than the data shows: no document with a macro starts an interpreter there
/// (a help file, a mail server and Tomcat do), no program deletes itself (two delete others to
/// cover their tracks), and no attacker sets a Run key (they set services and a debugger). Those
/// parts earn their place by how common the deed is among attackers; the cases beside the rules and
/// the planted attack hold them to what they say.
const REAL_POSITIVES: [(&str, &str, usize); 13] = [
    (
        "Autostart Points At A Shell Or Into A User Directory",
        "atomic__windows__privilege_escalation__host__cmd_service_mod_fax.zip@@",
        127,
    ),
    (
        "Document Or Server Starts A Script Interpreter",
        "atomic__windows__defense_evasion__host__psh_hh_local_html_payload.zip@@",
        368,
    ),
    (
        "Encoded PowerShell Command",
        "atomic__windows__execution__host__empire_launcher_vbs.zip@@",
        259,
    ),
    (
        "Event Log Disabled Through The Registry",
        "atomic__windows__defense_evasion__host__cmd_stop_event_logging_controlset_minint_key.zip@@",
        4540,
    ),
    (
        "LSASS Opened For Reading",
        "atomic__windows__credential_access__host__psh_lsass_memory_dump_comsvcs.zip@@",
        74,
    ),
    (
        "Person Opens What May Be A Lure",
        "atomic__windows__execution__host__empire_launcher_vbs.zip@@",
        73,
    ),
    (
        "Program Deletes Itself Or, From A User Directory, Another",
        "compound__LSASS_campaign_02__metasploit_procdump_lsass_memory_dump.zip@@",
        19623,
    ),
    (
        "Program In A User Directory Connects Out",
        "compound__LSASS_campaign_02__metasploit_procdump_lsass_memory_dump.zip@@",
        11341,
    ),
    (
        "Remote Thread From A Program In A User Directory",
        "atomic__windows__defense_evasion__host__purplesharp_pe_injection_createremotethread.zip@@",
        239,
    ),
    (
        "Script Interpreter Connects To A Public Address",
        "atomic__windows__defense_evasion__host__wmic_remote_xsl_jscript.zip@@",
        226,
    ),
    (
        "Script Interpreter Looks Up A Public Name",
        "atomic__windows__defense_evasion__host__psh_hh_local_html_payload.zip@@",
        187,
    ),
    (
        "Script Interpreter Starts A Program In A User Directory",
        "atomic__windows__defense_evasion__host__purplesharp_pe_injection_createremotethread.zip@@",
        165,
    ),
    (
        "Script Interpreter Writes A Program",
        "atomic__windows__credential_access__host__empire_powerdump_sam_access.zip@@",
        133,
    ),
];

/// A rule finds less than one event of so many, even in recordings of attacks: what a person can
/// look at.
const EVENTS_A_FINDING_MIN: usize = 5_000;

/// How many findings a rule made in a source.
type Counts = BTreeMap<String, usize>;

#[test]
fn every_rule_finds_a_real_deed_and_little_else() {
    let Some(data) = telemetry::data() else { return };
    let rules = Rules::own();
    assert_eq!(rules.count(), REAL_POSITIVES.len(), "every rule has a real positive");
    let stage = Match::new(rules);
    let mut missing = BTreeSet::from(REAL_POSITIVES);
    let mut sources = Vec::<(usize, Counts)>::new();
    telemetry::each_source(&data, |source, lines| {
        let mut counts = Counts::new();
        for (record, line) in (1_usize..).zip(&lines) {
            for finding in find(&stage, record as i64, line).1 {
                missing.retain(|(title, place, positive)| {
                    !(finding.title == *title && source.starts_with(place) && record == *positive)
                });
                *counts.entry(finding.title).or_default() += 1;
            }
        }
        sources.push((lines.len(), counts));
    });
    sources.sort_by_key(|(events, _)| std::cmp::Reverse(*events));
    let (all, largest) = (Sum::of(&sources), Sum::of(&sources[..3]));
    println!("{:>8} {:>8}", "all", "largest");
    for (title, count) in &all.counts {
        println!("{count:>8} {:>8} {title}", largest.count(title));
    }
    println!("{:>8} {:>8} findings", all.findings(), largest.findings());
    println!("{:>8} {:>8} events", all.events, largest.events);
    assert!(missing.is_empty(), "not found: {missing:?}");
    for sum in [&all, &largest] {
        for (title, count) in &sum.counts {
            assert!(count * EVENTS_A_FINDING_MIN <= sum.events, "{title} finds {count}");
        }
    }
}

/// What was found in several sources.
#[derive(Default)]
struct Sum {
    events: usize,
    counts: Counts,
}

impl Sum {
    fn of(sources: &[(usize, Counts)]) -> Self {
        let mut sum = Self::default();
        for (events, counts) in sources {
            sum.events += events;
            for (title, count) in counts {
                *sum.counts.entry(title.clone()).or_default() += count;
            }
        }
        sum
    }

    fn count(&self, title: &str) -> usize {
        self.counts.get(title).copied().unwrap_or(0)
    }

    fn findings(&self) -> usize {
        self.counts.values().sum()
    }
}
