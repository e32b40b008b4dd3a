//! A rule must not see events that are the opposite of what it is about, nor miss those that were
//! forwarded.

use cordon_flow::{Fate, Stage as _};
use cordon_match::{Match, Rules};
use cordon_records::{Digest, FileOrigin, LogDatapoint, Origin};

fn fate(category: &str, detection: &str, line: &str) -> Fate {
    let directory = tempfile::tempdir().expect("there is room");
    let rule = format!(
        "title: t\nlogsource:\n  product: windows\n  category: {category}\ndetection:\n  \
         s:\n    {detection}\n  condition: s\n"
    );
    std::fs::write(directory.path().join("rule.yml"), rule).expect("there is room");
    let stage = Match::new(Rules::load(directory.path()).expect("it is sound"));
    let origin = Origin::File(FileOrigin { sha256: Digest([7; 32]), record: 0 });
    stage.process(&LogDatapoint { origin, line: line.as_bytes() }, &mut (), &mut Vec::new())
}

/// SigmaHQ's rules about deleted keys mostly name the key alone.
#[test]
fn a_rule_about_a_deleted_key_does_not_see_one_made() {
    for (category, deed, expected) in [
        ("registry_delete", "DeleteKey", Fate::Output),
        ("registry_delete", "CreateKey", Fate::NotMapped),
        ("registry_add", "CreateKey", Fate::Output),
        ("registry_add", "DeleteValue", Fate::NotMapped),
        ("registry_event", "DeleteKey", Fate::Output),
    ] {
        let line = format!(
            r#"{{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":12,
                "EventType":"{deed}","TargetObject":"HKLM\\SOFTWARE\\Microsoft\\AMSI\\Providers"}}"#
        );
        let detection = r"TargetObject|endswith: '\AMSI\Providers'";
        assert_eq!(fate(category, detection, &line), expected, "{category} and {deed}");
    }
}

#[test]
fn a_forwarded_security_event_is_one() {
    let line = r#"{"Channel":"ForwardedEvents","SourceName":"Microsoft-Windows-Security-Auditing",
        "EventID":4688,"NewProcessName":"C:\\a.exe"}"#;
    assert_eq!(fate("process_creation", r"Image|endswith: '\a.exe'", line), Fate::Output);
}
