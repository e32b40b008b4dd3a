//! Rules of others: what is loaded, what is refused and how it is said, what a rule means.

use std::{fs, os::unix::fs::symlink};

use cordon_flow::{Fate, Stage};
use cordon_match::{FAULT_BYTES_MAX, Match, Rules};
use cordon_records::{Digest, FileOrigin, LogDatapoint, LogOrigin, Origin};
use expect_test::{Expect, expect};
use tempfile::TempDir;

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().expect("there is room");
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("there is room");
        fs::write(path, text).expect("there is room");
    }
    directory
}

/// Checks all errors of a directory, with paths relative to it.
fn check_errors(files: &[(&str, &str)], expect: &Expect) {
    check_errors_in(&directory(files), expect);
}

fn check_errors_in(directory: &TempDir, expect: &Expect) {
    let errors = Rules::load(directory.path()).err().expect("something is wrong");
    let root = directory.path().display().to_string();
    let text: String =
        errors.iter().map(|error| format!("{error}\n").replace(&root, "RULES")).collect();
    expect.assert_eq(&text);
}

fn rule(title: &str, logsource: &str, detection: &str) -> String {
    format!("title: {title}\nlogsource: {{{logsource}}}\ndetection:\n{detection}\n")
}

const CREATION: &str = "product: windows, category: process_creation";

#[test]
fn all_errors_of_all_files_come_at_once_with_their_places() {
    check_errors(
        &[
            (
                "a/expand.yml",
                &rule(
                    "A",
                    CREATION,
                    "  s:\n    Image: x\n    User|expand: '%admins%'\n  condition: s",
                ),
            ),
            (
                "a/windash.yml",
                &rule(
                    "B",
                    CREATION,
                    "  s:\n    CommandLine|contains|windash: '-a*b'\n  condition: s",
                ),
            ),
            (
                "b/modifier.yml",
                &rule("C", CREATION, "  s:\n    Image|sounds_like: x\n  condition: s"),
            ),
            ("b/missing.yaml", &rule("D", CREATION, "  s:\n    Image: x\n  condition: s and t")),
            ("b/regex.yml", &rule("E", CREATION, "  s:\n    Image|re: '('\n  condition: s")),
            (
                "c/timeframe.yml",
                &rule("F", CREATION, "  s:\n    Image: x\n  timeframe: 5m\n  condition: s"),
            ),
            ("c/yaml.yml", "title: G\ndetection: [\n"),
            ("c/words.yml", "just words\n"),
            ("c/notes.txt", "no rule, and nobody says it is one"),
            (
                "d/count.yml",
                &rule("H", CREATION, "  s:\n    Image: x\n  condition: s | count() > 5"),
            ),
            (
                "d/correlation.yml",
                "title: I\ncorrelation:\n  type: event_count\n  rules: [x]\n  group-by: [User]\n  timespan: 60s\n  condition: {gte: 3}\n",
            ),
        ],
        &expect![[r#"
            RULES/a/expand.yml:6: field `User`: the modifier `expand` is not supported: its placeholders have no values here
            RULES/a/windash.yml:5: field `CommandLine`: `windash` with a wildcard is not supported
            RULES/b/missing.yaml:1: unknown detection identifier: t
            RULES/b/modifier.yml: Unknown modifier 'sounds_like'
            RULES/b/regex.yml:1: invalid regex pattern: regex parse error: ( ^ error: unclosed group
            RULES/c/timeframe.yml:6: `timeframe` is not supported: a rule sees one event at a time
            RULES/c/words.yml: Document is not a YAML mapping
            RULES/c/yaml.yml:3: YAML parse error: did not find expected node content at line 3 column 1, while parsing a flow node
            RULES/d/correlation.yml:2: correlations are not supported
            RULES/d/count.yml: Condition parse error at 1:3: --> 1:3 | 1 | s | count() > 5 | ^--- | = expected EOI, or_op, or and_op
        "#]],
    );
}

#[test]
fn two_rules_with_one_id_are_an_error_and_so_is_an_empty_directory() {
    let text = "title: A\nid: 5f3c1bf2-0000-4000-8000-000000000000\nlogsource: {product: windows}\ndetection: {s: {Image: x}, condition: s}\n";
    check_errors(
        &[("a.yml", text), ("b.yml", text)],
        &expect![[r#"
            RULES/b.yml:1: has the same id as RULES/a.yml
        "#]],
    );
    check_errors(
        &[],
        &expect![[r#"
            RULES: holds no rule (*.yml, *.yaml)
        "#]],
    );
}

#[test]
fn a_missing_directory_is_an_error() {
    let errors = Rules::load("/nowhere/at/all".as_ref()).err().expect("it is not there");
    assert_eq!(errors.len(), 1);
    assert!(errors[0].to_string().starts_with("/nowhere/at/all: "), "{}", errors[0]);
}

#[test]
fn sound_rules_are_kept_beside_what_was_refused() {
    let sound = rule("A", CREATION, "  s: {Image: x}\n  condition: s");
    let unsound = rule("B", CREATION, "  s: {Image|expand: x}\n  condition: s");
    let both = directory(&[("a.yml", &sound), ("b.yml", &unsound)]);
    let (rules, refused) = Rules::read(both.path()).expect("one is sound");
    assert_eq!((rules.count(), refused.len()), (1, 1));
    assert!(refused[0].file.ends_with("b.yml"), "{}", refused[0]);
    let errors = Rules::load(both.path()).err().expect("one is not");
    assert_eq!(errors, refused, "who insists on all gets the same reasons");
    let unsound = directory(&[("b.yml", &unsound)]);
    let errors = Rules::read(unsound.path()).err().expect("nothing is sound");
    assert_eq!(errors.len(), 1);
}

#[test]
fn rules_about_other_things_alone_are_an_error() {
    let linux = rule("A", "product: linux", "  s: {Image: x}\n  condition: s");
    check_errors(
        &[("a.yml", &linux)],
        &expect![[r#"
            RULES: none of its 1 rules is about events of Windows
        "#]],
    );
}

#[test]
fn rules_without_an_id_go_by_the_names_of_their_files() {
    let text = rule("A", CREATION, "  s: {Image: x}\n  condition: s");
    check_errors(
        &[("a/x.yml", &text), ("b/x.yml", &text), ("c.yml", &format!("{text}---\n{text}"))],
        &expect![[r#"
            RULES/b/x.yml:1: has no id, and goes by the name of its file, as one does in RULES/a/x.yml
            RULES/c.yml:1: has no id, and goes by the name of its file, as one does in RULES/c.yml
        "#]],
    );
}

#[test]
fn every_directory_is_read_once_and_hidden_ones_never() {
    let sound = rule("A", CREATION, "  s: {Image: x}\n  condition: s");
    // As Kubernetes mounts a ConfigMap, with links upwards beside it.
    let mounted = directory(&[("..2024/a.yml", &sound), (".git/b.yml", "no rule")]);
    let root = mounted.path();
    for (target, link) in [("..2024", "..data"), ("..data/a.yml", "a.yml")] {
        symlink(target, root.join(link)).expect("there is room");
    }
    (0..3).for_each(|n| symlink(".", root.join(format!("up{n}"))).expect("there is room"));
    assert_eq!(Rules::load(root).map(|rules| rules.count()), Ok(1));
}

#[test]
fn what_is_no_file_of_rules_is_refused_and_what_is_no_set_of_rules_ends_it() {
    let odd = directory(&[("large.yml", &"#".repeat((1 << 20) + 1))]);
    symlink("/dev/zero", odd.path().join("endless.yml")).expect("there is room");
    symlink("nowhere", odd.path().join("lost.yml")).expect("there is room");
    fs::write(odd.path().join("latin1.yml"), b"title: \xE4").expect("there is room");
    check_errors_in(
        &odd,
        &expect![[r#"
            RULES/endless.yml: is no regular file
            RULES/large.yml: has more than the 1048576 bytes that a rule file may have
            RULES/latin1.yml: incomplete utf-8 byte sequence from index 7
            RULES/lost.yml: No such file or directory (os error 2)
        "#]],
    );
    let comment = "#".repeat(1 << 20);
    let names: Vec<String> = (0..33).map(|n| format!("{n}.yml")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), comment.as_str())).collect();
    check_errors(
        &files,
        &expect![[r#"
            RULES: holds more than 33554432 bytes of rules: is it a directory of rules?
        "#]],
    );
}

#[test]
fn a_reason_is_one_short_line_that_no_terminal_obeys() {
    let pattern = "(".repeat(100_000);
    let text = rule("A", CREATION, &format!("  s: {{F|re: '{pattern}'}}\n  condition: s"));
    let escape = rule("B", CREATION, "  s: {\"F|\\e[2J\": x}\n  condition: s");
    let directory = directory(&[("a.yml", &text), ("b.yml", &escape)]);
    for error in Rules::load(directory.path()).err().expect("both are unsound") {
        assert!(error.fault.len() <= FAULT_BYTES_MAX, "{} bytes", error.fault.len());
        assert!(!error.fault.contains(char::is_control), "{error:?}");
    }
}

#[test]
fn rules_about_what_is_never_seen_are_counted_apart() {
    let detection = "  s: {Image: x}\n  condition: s";
    let directory = directory(&[
        ("linux.yml", &rule("A", "product: linux, category: process_creation", detection)),
        ("proxy.yml", &rule("B", "category: proxy", detection)),
        ("service.yml", &rule("C", "product: windows, service: no-such-log", detection)),
        ("windows.yml", &rule("D", "product: windows", detection)),
    ]);
    let rules = Rules::load(directory.path()).expect("all are sound");
    assert_eq!((rules.count(), rules.out_of_scope()), (1, 3));
}

/// Which of the lines a rule finds.
fn finds(logsource: &str, detection: &str, lines: &[&str]) -> Vec<bool> {
    let directory = directory(&[("rule.yml", &rule("R", logsource, detection))]);
    let stage = Match::new(Rules::load(directory.path()).unwrap_or_else(|e| panic!("{e:?}")));
    let origin = Origin::File(FileOrigin { sha256: Digest([0; 32]), record: 0 });
    let find = |line: &&str| {
        let input = LogDatapoint { origin: origin.clone(), line: line.as_bytes() };
        stage.process(&input, &mut (), &mut Vec::new()) == Fate::Output
    };
    lines.iter().map(find).collect()
}

/// Which of the values of a field an item finds, in Sysmon's event 1.
fn item_finds(item: &str, values: &[&str]) -> Vec<bool> {
    let lines: Vec<String> = values
        .iter()
        .map(|value| {
            format!(
                r#"{{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"F":{value}}}"#
            )
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    finds(CREATION, &format!("  s:\n    {item}\n  condition: s"), &lines)
}

#[test]
fn modifiers_with_wildcards_are_anchored_where_they_should_be() {
    let values = [r#""abxc""#, r#""xabxc""#, r#""abxcx""#, r#""xabxcx""#, r#""abc""#];
    assert_eq!(item_finds("F|endswith: 'ab?c'", &values), [true, true, false, false, false]);
    assert_eq!(item_finds("F|startswith: 'ab?c'", &values), [true, false, true, false, false]);
    assert_eq!(item_finds("F|contains: 'ab?c'", &values), [true, true, true, true, false]);
    assert_eq!(item_finds("F: 'ab?c'", &values), [true, false, false, false, false]);
    assert_eq!(item_finds("F|endswith: ['ab?c', 'cx']", &values), [true, true, true, true, false]);
    assert_eq!(item_finds("F|contains: '*'", &[r#""a\nb""#, r#""""#]), [true, true]);
    assert_eq!(item_finds("F: 'a*b'", &[r#""a\nb""#, r#""A<.>B""#, "null"]), [true, true, false]);
    assert_eq!(item_finds("F|cased: 'a*b'", &[r#""a\nb""#, r#""A<.>B""#]), [true, false]);
    assert_eq!(item_finds("F|endswith: '<?.>*B'", &[r#""A<x.>B""#, r#""A<x->B""#]), [true, false]);
    assert_eq!(
        item_finds("F|contains|all: ['a*c', 'x']", &values),
        [true, true, true, true, false]
    );
}

#[test]
fn windash_goes_both_ways() {
    let values = [r#""x -foo""#, r#""x /foo""#, r#""x –foo""#, r#""x foo""#];
    assert_eq!(item_finds("F|contains|windash: ' -foo'", &values), [true, true, true, false]);
    assert_eq!(item_finds("F|contains|windash: ' /foo'", &values), [true, true, true, false]);
}

#[test]
fn values_are_compared_as_sigma_does() {
    let values = [r#""7""#, "7", r#""x""#, "null", "true"];
    assert_eq!(item_finds("F: 7", &values), [true, true, false, false, false]);
    assert_eq!(item_finds("F: null", &values), [false, false, false, true, false]);
    assert_eq!(item_finds("F: 'true'", &values), [false, false, false, false, true]);
    assert_eq!(item_finds("F: 'X'", &values), [false, false, true, false, false]);
    assert_eq!(item_finds("F|cased: 'X'", &values), [false, false, false, false, false]);
    assert_eq!(item_finds("F|gte: 6", &values), [true, true, false, false, false]);
    let texts = [r#""10.1.2.3""#, r#""fe80::1""#, r#""say Zm9v now""#];
    assert_eq!(item_finds("F|cidr: ['10.0.0.0/8', 'fe80::/10']", &texts), [true, true, false]);
    assert_eq!(item_finds("F|base64offset|contains: foo", &texts), [false, false, true]);
    assert_eq!(item_finds("F|re: '^10\\.[12]'", &texts), [true, false, false]);
}

#[test]
fn conditions_combine_what_is_named() {
    let detection =
        "  a1: {F: x}\n  a2: {G: y}\n  filter: {H: z}\n  condition: all of a* and not 1 of filter*";
    let head = r#"{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1"#;
    let lines = [
        format!(r#"{head},"F":"x","G":"y"}}"#),
        format!(r#"{head},"F":"x"}}"#),
        format!(r#"{head},"F":"x","G":"y","H":"z"}}"#),
    ];
    assert_eq!(
        finds(CREATION, detection, &lines.each_ref().map(String::as_str)),
        [true, false, false]
    );
}

#[test]
fn keywords_look_into_the_whole_event() {
    let lines = [
        r#"{"Channel":"System","EventID":7045,"Message":"a mimikatz b"}"#,
        r#"{"Channel":"System","EventID":7045,"EventData":{"Data":["x","MIMIKATZ"]}}"#,
        r#"{"Channel":"System","EventID":7045,"Message":"nothing"}"#,
    ];
    let detection = "  keywords:\n    - mimikatz\n  condition: keywords";
    assert_eq!(finds("product: windows, service: system", detection, &lines), [true, true, false]);
}

#[test]
fn a_rule_is_run_on_its_log_source_alone() {
    let line =
        |channel: &str, id: u16| format!(r#"{{"Channel":"{channel}","EventID":{id},"F":"x"}}"#);
    let sysmon = "Microsoft-Windows-Sysmon/Operational";
    let lines = [
        line(sysmon, 1),
        line(sysmon, 13),
        line("Security", 1),
        line("security", 4688),
        line("Unknown", 1),
    ];
    let lines = lines.each_ref().map(String::as_str);
    let detection = "  s: {F: x}\n  condition: s";
    let of = |logsource: &str| finds(logsource, detection, &lines);
    assert_eq!(of(CREATION), [true, false, false, true, false]);
    assert_eq!(
        of("product: windows, category: registry_event"),
        [false, true, false, false, false]
    );
    assert_eq!(of("product: windows, service: sysmon"), [true, true, false, false, false]);
    assert_eq!(of("product: windows, service: security"), [false, false, true, true, false]);
    assert_eq!(of("product: windows"), [true, true, true, true, true]);
    assert_eq!(
        of("category: process_creation, service: sysmon"),
        [true, false, false, false, false]
    );
}

#[test]
fn a_finding_says_which_rule_where_and_what() {
    let text = rule("Spooky", CREATION, "  s: {CommandLine|contains: boo}\n  condition: s")
        + "level: high\ntags: [attack.t1059]\n";
    let directory = directory(&[("spooky.yml", &text)]);
    let stage = Match::new(Rules::load(directory.path()).expect("it is sound"));
    let line = br#"{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"Computer":"WS","UtcTime":"2020-09-22 08:22:43.649","ProcessGuid":"{b34bc01c-b453-5f69-ca02-000000000900}","ProcessId":"4","Image":"C:\\a.exe","CommandLine":"a boo","User":"D\\u","ParentProcessGuid":"{b34bc01c-b453-5f69-c902-000000000900}","ParentProcessId":"8","ParentImage":"C:\\b.exe"}"#;
    let origin = Origin::Log(LogOrigin { topic: "raw".into(), partition: 2, offset: 9 });
    let mut findings = Vec::new();
    let fate = stage.process(&LogDatapoint { origin, line }, &mut (), &mut findings);
    assert_eq!(fate, Fate::Output);
    let event = cordon_flow::Event::parse(line).expect("it parses");
    let mut nodes = cordon_flow::node_keys(&event);
    nodes.sort();
    nodes.dedup();
    assert!(!nodes.is_empty(), "generate makes nodes of this event");
    assert_eq!(findings[0].nodes, nodes);
    findings[0].nodes.clear();
    expect![[r#"
        Finding {
            id: FindingId(f869d4666428139d54cce1164e15918a),
            rule_id: "spooky",
            title: "Spooky",
            level: "high",
            tags: [
                "attack.t1059",
            ],
            origin: Log(
                LogOrigin {
                    topic: "raw",
                    partition: 2,
                    offset: 9,
                },
            ),
            time_ms: Some(
                1600762963649,
            ),
            device: "WS",
            nodes: [],
            summary: "EventID=1 Image=C:\\a.exe CommandLine=a boo ParentImage=C:\\b.exe User=D\\u",
        }
    "#]]
    .assert_eq(&format!("{:#?}\n", findings[0]));
}

#[test]
fn what_cannot_be_read_is_dead_and_what_is_no_windows_event_is_not_mapped() {
    let stage = Match::new(Rules::own());
    let fate = |line: &[u8]| {
        let origin = Origin::File(FileOrigin { sha256: Digest([0; 32]), record: 0 });
        stage.process(&LogDatapoint { origin, line }, &mut (), &mut Vec::new())
    };
    for dead in [
        &b"words"[..],
        b"[]",
        b"{\"a\":\"\xFF\"}",
        br#"{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"EventData":"<x/>"}"#,
    ] {
        assert!(matches!(fate(dead), Fate::Dead(_)), "{}", String::from_utf8_lossy(dead));
    }
    for other in [
        &b"{}"[..],
        br#"{"id.orig_h":"10.0.0.1"}"#,
        br#"{"Channel":"Security","EventID":4658}"#,
        br#"{"Channel":"Security","EventID":4658,"EventData":"<x/>"}"#,
    ] {
        assert_eq!(fate(other), Fate::NotMapped, "{}", String::from_utf8_lossy(other));
    }
}
