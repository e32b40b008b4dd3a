//! Payloads as JSON lines.

use cordon_body::{DIFF_OPTION, EXACT_OPTION, RECORD_OPTION, UNITE_OPTION, render};
use cordon_container::SectionWriter;
use cordon_records::{
    Digest, FileOrigin, Finding, FindingId, LogDatapoint, LogOrigin, NodeKey, Origin, schema,
};
use expect_test::expect;

use crate::bench::{Batch, Done, VecCell, enclose, lines, payload};

fn rendered(batch: &Batch) -> (Done, String) {
    let done = enclose(VecCell::default(), |cell| render(&batch.job, &batch.input, cell)).unwrap();
    let text = String::from_utf8(done.output.clone()).unwrap();
    assert_eq!(text.lines().count() as i64, done.report().elements_out);
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    (done, text)
}

#[test]
fn log_lines_cannot_command_a_terminal() {
    let batch = Batch::of(&["{\"a\":1}", "\u{1b}[2J \u{9b}2J \u{7f} é"]);
    let (done, text) = rendered(&batch);
    assert!(!text.contains(|c: char| c != '\n' && c.is_control()));
    expect![[r#"
        {"origin":{"file":"7365d029861e32c521f8089b00a6fb32daf0615025b69b599d1ce53501b845c2","record":0},"line":"{\"a\":1}"}
        {"origin":{"file":"7365d029861e32c521f8089b00a6fb32daf0615025b69b599d1ce53501b845c2","record":1},"line":"\u001b[2J \u009b2J \u007f é"}
    "#]]
    .assert_eq(&text);
    assert_eq!(done.only_part().datapoints, Some(2));
}

/// Lines that came from Kafka records, at offsets 10, 11 and so on.
fn packed(lines: &[&[u8]]) -> Batch {
    let mut writer = SectionWriter::new(schema::LOG_DATAPOINT.current(), Vec::new());
    for (offset, line) in (10..).zip(lines) {
        let origin = Origin::Log(LogOrigin { topic: "raw".into(), partition: 2, offset });
        writer.append(&LogDatapoint { origin, line }).unwrap();
        // A section each: an object of bytes set aside may have many.
        writer.finish_section().unwrap();
    }
    Batch::new().part(&writer.into_inner(), lines.len())
}

#[test]
fn exact_bytes_are_the_lines_and_nothing_else() {
    let lines: [&[u8]; 3] = [b"\xff\x1b[2J\r\n", b"", b"{}"];
    let exact = |from, to| {
        let mut batch = packed(&lines);
        batch.job.options.insert(EXACT_OPTION.into(), "true".into());
        let part = batch.last_part();
        (part.from, part.to) = (from, to);
        let cell = VecCell::default();
        enclose(cell, |cell| render(&batch.job, &batch.input, cell)).unwrap().output
    };
    assert_eq!(exact(0, 1), lines[0]);
    assert_eq!(exact(1, 2), lines[1]);
    assert_eq!(exact(0, 3), lines.join(&b"\n"[..]));
}

#[test]
fn one_record_is_found_where_nobody_knows_how_many_there_are() {
    let find = |record: &str| {
        let mut batch = packed(&[b"one", b"two", b"three"]);
        batch.job.options.insert(RECORD_OPTION.into(), record.into());
        let part = batch.last_part();
        (part.datapoints, part.to) = (None, 1 << 20);
        rendered(&batch).1
    };
    expect![[r#"
        {"origin":{"topic":"raw","partition":2,"offset":11},"line":"two"}
    "#]]
    .assert_eq(&find("raw/2/11"));
    assert_eq!(find("raw/2/13"), "");
    assert_eq!(find("raw/1/11"), "");
}

/// The output of a batch as a batch of its own: one part.
fn graph_of(said: &[&str]) -> Batch {
    let mut batch = Batch::of(said);
    batch.job.partitions = 1;
    let done = batch.run();
    let mut graph = Batch::new().part(&done.output, done.report().elements_out as usize);
    graph.last_part().schema = schema::ELEMENT.current().fingerprint.to_long();
    graph
}

#[test]
fn elements_show_what_they_are() {
    let (_, text) = rendered(&graph_of(&["nodes pc01"]));
    expect![[r#"
        {"node":"word","key":"a217107deacdfef6dce4585543af6071","home":"a217107deacdfef6dce4585543af6071","first_seen_ms":0,"last_seen_ms":0,"properties":{"answers":["pc01"]}}
    "#]]
    .assert_eq(&text);
}

#[test]
fn elements_of_many_payloads_can_be_united() {
    let (one, two) = (graph_of(&["nodes a b"]), graph_of(&["nodes b c"]));
    let mut both = one.clone().part(&two.input, 2);
    both.last_part().schema = schema::ELEMENT.current().fingerprint.to_long();
    assert_eq!(rendered(&both).0.report().elements_out, 4);
    both.job.options.insert(UNITE_OPTION.into(), "true".into());
    let (done, text) = rendered(&both);
    assert_eq!(done.report().elements_out, 3);
    assert_eq!(text, rendered(&graph_of(&["nodes a b c"])).1);
}

#[test]
fn findings_show_all_they_say() {
    let finding = Finding {
        id: FindingId([7; 16]),
        rule_id: "r1".into(),
        title: "A title".into(),
        level: "high".into(),
        tags: vec!["attack.t1003".into()],
        origin: Origin::File(FileOrigin { sha256: Digest([1; 32]), record: 3 }),
        time_ms: None,
        device: "pc01".into(),
        nodes: vec![NodeKey([2; 16])],
        summary: "so it was".into(),
    };
    let mut writer = SectionWriter::new(schema::FINDING.current(), Vec::new());
    writer.append(&finding).unwrap();
    writer.finish_section().unwrap();
    let mut batch = Batch::new().part(&writer.into_inner(), 1);
    batch.last_part().schema = schema::FINDING.current().fingerprint.to_long();
    expect![[r#"
        {"id":"07070707070707070707070707070707","rule_id":"r1","title":"A title","level":"high","tags":["attack.t1003"],"time_ms":null,"device":"pc01","summary":"so it was","nodes":["02020202020202020202020202020202"],"origin":{"file":"0101010101010101010101010101010101010101010101010101010101010101","record":3}}
    "#]]
    .assert_eq(&rendered(&batch).1);
}

#[test]
fn what_cannot_be_read_has_its_letter() {
    let bytes = payload(&lines(&["one", "two", "three"]), 1);
    let batch = Batch::new().part(&bytes[..bytes.len() - 1], 3).part(b"no avro", 2);
    let (done, text) = rendered(&batch);
    assert_eq!(text.lines().count(), 2);
    expect![[r#"
        0..3 output 0..2 [2..3 corrupt: truncated ""]
        0..2 [0..2 corrupt: header: this is not an Avro container ""]
    "#]]
    .assert_eq(&done.story());
}

/// A finding of the line at an offset.
fn finding(rule: u8, offset: i64, title: &str) -> Finding {
    Finding {
        id: FindingId([rule, offset as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        rule_id: format!("r{rule}"),
        title: title.into(),
        level: "high".into(),
        tags: Vec::new(),
        origin: Origin::Log(LogOrigin { topic: "raw".into(), partition: 2, offset }),
        time_ms: None,
        device: String::new(),
        nodes: Vec::new(),
        summary: String::new(),
    }
}

fn findings(findings: &[Finding]) -> Vec<u8> {
    let mut writer = SectionWriter::new(schema::FINDING.current(), Vec::new());
    for finding in findings {
        writer.append(finding).unwrap();
    }
    writer.finish_section().unwrap();
    writer.into_inner()
}

/// What a diff says, with what it is about: `appears r1 10`.
fn differences(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let (what, thing) = value.as_object().unwrap().iter().next().unwrap();
        let is = |name: &str| thing.get(name).filter(|found| !found.is_null());
        let thing = is("to").or(is("from")).unwrap_or(thing);
        let field = |name: &str| thing[name].as_str().unwrap_or_default().to_owned();
        format!("{what} {}{}{}", field("rule_id"), thing["origin"]["offset"], field("node"))
    };
    text.lines().map(line).collect()
}

#[test]
fn findings_of_two_versions_are_compared_over_the_same_lines() {
    let kept = finding(1, 10, "kept");
    let new = [kept.clone(), finding(2, 10, "new"), finding(3, 11, "other words")];
    let old = [kept, finding(3, 11, "words"), finding(4, 10, "gone")];
    // Of the lines of this batch only those at 10 and 11 are looked at.
    let mixed = [finding(5, 11, "gone, too"), finding(5, 12, "of another line")];
    let mut batch = packed(&[b"{}", b"{}"]);
    for part in [&new[..], &old, &mixed] {
        batch = batch.part(&findings(part), part.len());
        batch.last_part().schema = schema::FINDING.current().fingerprint.to_long();
    }
    batch.job.options.insert(DIFF_OPTION.into(), "1,1,1,1".into());
    let (done, text) = rendered(&batch);
    assert_eq!(
        differences(&text),
        ["appears r210", "changes r311", "vanishes r410", "vanishes r511"]
    );
    assert_eq!(done.report().elements_in, 1, "the same");
    let changed: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(changed["changes"]["from"]["title"], "words");
    assert_eq!(changed["changes"]["to"]["title"], "other words");
}

#[test]
fn graphs_of_two_versions_are_united_and_compared() {
    let parts = [
        graph_of(&["nodes a b"]),
        graph_of(&["nodes c"]),
        graph_of(&["nodes a"]),
        graph_of(&["nodes d"]),
        graph_of(&["nodes a e"]),
    ];
    let mut batch = Batch::new();
    for part in parts {
        let n = part.job.parts[0].datapoints.unwrap();
        batch = batch.part(&part.input, n as usize);
        batch.last_part().schema = schema::ELEMENT.current().fingerprint.to_long();
    }
    batch.job.options.insert(DIFF_OPTION.into(), "0,2,2,1".into());
    let (done, text) = rendered(&batch);
    let mut said: Vec<String> = differences(&text);
    said.sort();
    let words = |what: &str| format!("{what} nullword");
    assert_eq!(
        said,
        [words("appears"), words("appears"), words("undecided"), words("vanishes")],
        "{text}"
    );
    assert_eq!(done.report().elements_in, 1, "a");
}

#[test]
fn a_diff_whose_parts_have_no_role_is_refused() {
    for parts in ["", "1", "0,1,1,x", "0,0,0,0"] {
        let mut batch = graph_of(&["nodes a"]);
        batch.job.options.insert(DIFF_OPTION.into(), parts.into());
        let mut cell = VecCell::default();
        assert!(render(&batch.job, &batch.input, &mut cell).is_err(), "{parts}");
    }
}
