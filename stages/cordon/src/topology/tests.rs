use clap::Parser as _;
use cordon_kafka::topology::{CheckReport, Drift, DriftKind, Topology};
use expect_test::{Expect, expect};

use super::{TopologyCommand, drift_text, show};
use crate::cli::{Cli, Command};

/// What `cordon topology show` prints with these arguments, or the error.
fn shown(args: &[&str]) -> String {
    let cli = Cli::parse_from([&["cordon", "topology", "show"], args].concat());
    let Command::Topology(TopologyCommand::Show(show_args)) = cli.command else { unreachable!() };
    show::show(&Topology::embedded(), &show_args, cli.json)
        .unwrap_or_else(|error| error.to_string())
}

fn check(args: &[&str], expected: Expect) {
    expected.assert_eq(&shown(args));
}

#[test]
fn a_person_sees_everything() {
    let text = shown(&[]);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "logs, logs.replay, replay.generate ─▶ generate ─▶ subgraphs, subgraphs.replay",
        "topic dead.pack: 1 partitions, 14 days",
        "acl User:generate Read topic logs",
        "iam generate s3:PutObject subgraphs",
        "iam lister s3:ListBucket cordon",
    ] {
        assert!(text.lines().any(|shown| words(shown) == line), "no {line} in {text}");
    }
}

#[test]
fn mermaid_is_printed_alone() {
    check(
        &["--mermaid"],
        expect![[r#"
        flowchart LR
          program.lister[[lister]]
          program.lister --> logs.replay([logs.replay])
          program.replayer[[replayer]]
          program.replayer --> logs.replay([logs.replay])
          program.replayer --> replay.generate([replay.generate])
          program.replayer --> replay.match([replay.match])
          program.replayer --> replay.merge([replay.merge])
          program.replayer --> subgraphs.replay([subgraphs.replay])
          program.shipper[[shipper]]
          program.shipper --> raw([raw])
          program.ingest[[ingest]]
          program.ingest --> logs([logs])
          program.generate[generate]
          logs([logs]) --> program.generate
          logs.replay([logs.replay]) --> program.generate
          replay.generate([replay.generate]) --> program.generate
          program.generate --> subgraphs([subgraphs])
          program.generate --> subgraphs.replay([subgraphs.replay])
          program.match[match]
          logs([logs]) --> program.match
          logs.replay([logs.replay]) --> program.match
          replay.match([replay.match]) --> program.match
          program.match --> findings([findings])
          program.match --> findings.replay([findings.replay])
          program.merge[merge]
          subgraphs([subgraphs]) --> program.merge
          subgraphs.replay([subgraphs.replay]) --> program.merge
          replay.merge([replay.merge]) --> program.merge
          program.merge --> merged([merged])
          program.merge --> merged.replay([merged.replay])
          program.pack[pack]
          raw([raw]) --> program.pack
          program.pack --> logs([logs])
    "#]],
    );
}

#[test]
fn one_principal_or_all_with_the_bucket() {
    check(
        &["--iam", "generate"],
        expect![[r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Effect": "Allow",
              "Action": [
                "s3:GetObject"
              ],
              "Resource": [
                "arn:aws:s3:::cordon/logs/*"
              ]
            },
            {
              "Effect": "Allow",
              "Action": [
                "s3:PutObject"
              ],
              "Resource": [
                "arn:aws:s3:::cordon/subgraphs/*"
              ]
            }
          ]
        }
    "#]],
    );
    let all: serde_json::Value = serde_json::from_str(&shown(&["--iam"])).unwrap();
    let one: serde_json::Value = serde_json::from_str(&shown(&["--iam", "generate"])).unwrap();
    assert_eq!(all["principals"]["generate"], one);
    assert_eq!(all["bucket"]["Statement"][0]["Sid"], "TlsOnly");
    check(
        &["--iam", "shipper"],
        expect!["shipper may do nothing with objects, and has no policy document"],
    );
    check(
        &["--iam", "mallory"],
        expect![
            "the topology has no principal mallory; it has admin, generate, ingest, lister, match, merge, operator, pack, reader, replayer, shipper"
        ],
    );
}

#[test]
fn a_script_gets_one_object() {
    let view: serde_json::Value = serde_json::from_str(&shown(&["--json"])).unwrap();
    assert_eq!(view["topics"]["raw"]["retention_days"], 3);
    assert_eq!(view["acls"].as_array().unwrap().len(), Topology::embedded().acls().len());
    assert!(view["iam"]["principals"]["pack"].is_object());
}

#[test]
fn drift_is_printed_so_that_nothing_commands_the_terminal() {
    let drift = Drift {
        kind: DriftKind::Extra,
        what: "ACL User:\u{1b}[2Jmallory Read topic logs".to_owned(),
        why: "nobody of this name is declared".to_owned(),
        remedy: "remove it".to_owned(),
    };
    let report = CheckReport {
        drift: vec![drift],
        unchecked: vec!["users: \u{7}".to_owned()],
        shadows: [("new".to_owned(), "match".to_owned())].into(),
    };
    expect![[r#"
        extra     ACL User:\u{1b}[2Jmallory Read topic logs: nobody of this name is declared
                  remove it
        unchecked users: \u{7}
        shadow    new of match
        1 difference
    "#]]
    .assert_eq(&drift_text(&report));
    expect!["no drift\n"].assert_eq(&drift_text(&CheckReport::default()));
}
