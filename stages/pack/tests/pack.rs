//! Raw records through the real driver, from framing to sections.

use std::time::Duration;

use cordon_body::{CellIo, IoFault, RawIntake, run_with};
use cordon_container::{DATAPOINT_BYTES_MAX, ReadLimits, SectionReader};
use cordon_load::{Kind, Settings, Telemetry};
use cordon_pack::Pack;
use cordon_records::{
    LogDatapoint, Origin, Runs,
    cell::{Job, Mode, Part, PartReport, Report, Section},
    raw, schema, single_object,
};
use expect_test::{Expect, expect};

/// Keeps what leaves the cell.
#[derive(Default)]
struct Kept {
    frames: Vec<u8>,
    output: Vec<u8>,
    report: Vec<u8>,
}

impl CellIo for Kept {
    fn mark(&mut self, _: u32, _: u64) {}

    fn mark_sealing(&mut self) {}

    fn append_frame(&mut self, frame: &[u8]) -> Result<(), IoFault> {
        self.frames.extend_from_slice(frame);
        Ok(())
    }

    fn append_output(&mut self, bytes: &[u8]) -> Result<(), IoFault> {
        self.output.extend_from_slice(bytes);
        Ok(())
    }

    fn report(&mut self, report: &[u8]) -> Result<(), IoFault> {
        self.report = report.to_vec();
        Ok(())
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

fn job(part: Part, mode: Mode) -> Job {
    Job { mode, ..Job::of(vec![part], 1, 64) }
}

fn part(framed: &[u8], from: i64, to: i64, selection: Option<Runs>) -> Part {
    Part {
        offset_bytes: 0,
        len_bytes: framed.len() as i64,
        schema: 0,
        from,
        to,
        datapoints: None,
        decoded_bytes_max: 64 << 20,
        selection,
    }
}

/// What one cell makes of records at consecutive offsets.
fn pack(records: &[(i64, &[u8])]) -> (Report, Vec<u8>) {
    let offsets: Runs = records.iter().map(|&(offset, _)| offset).collect();
    let (from, to) = (records[0].0, records[records.len() - 1].0 + 1);
    let framed = raw::frame("raw", 3, records.iter().copied());
    let job = job(part(&framed, from, to, Some(offsets)), Mode::Process);
    run(&job, &framed)
}

fn run(job: &Job, input: &[u8]) -> (Report, Vec<u8>) {
    let mut io = Kept::default();
    run_with::<_, RawIntake<'_>>(&Pack, job, input, &mut io).expect("the job is sound");
    (single_object::decode(&io.report).expect("the report decodes"), io.output)
}

/// Origins and lines of a section, in order.
fn datapoints(section: &Section, output: &[u8]) -> Vec<(i64, Vec<u8>)> {
    let (from, len) = (section.offset_bytes as usize, section.len_bytes as usize);
    let pinned = Some(schema::LOG_DATAPOINT.current().fingerprint);
    let bytes = &output[from..from + len];
    let mut reader =
        SectionReader::open(bytes, &schema::LOG_DATAPOINT, pinned, ReadLimits::default())
            .expect("a section opens");
    let mut datapoints = Vec::new();
    while let Some((_, datapoint)) = reader.next::<LogDatapoint<'_>>().expect("it is sound") {
        let Origin::Log(origin) = datapoint.origin else { panic!("pack reads topics") };
        assert_eq!((&*origin.topic, origin.partition), ("raw", 3));
        datapoints.push((origin.offset, datapoint.line.to_vec()));
    }
    datapoints
}

fn check(records: &[(i64, &[u8])], expect: &Expect) {
    let (report, output) = pack(records);
    let PartReport { from, to, output: packed, letters, .. } = &report.parts[0];
    let mut text = format!("{from}..{to} packed {:?}\n", packed.iter().collect::<Vec<_>>());
    for letter in letters {
        text += &format!("dead {}: {} ({})\n", letter.from, letter.reason, letter.detail);
    }
    for section in &report.sections {
        let kind = if section.refused { "refused" } else { "section" };
        let times = (section.time_min_ms, section.time_max_ms);
        text += &format!("{kind} of {}, times {times:?}\n", section.datapoints);
        for (offset, line) in datapoints(section, &output) {
            let shown = &line[..line.len().min(60)];
            text += &format!("  {offset} {:?}\n", String::from_utf8_lossy(shown));
        }
    }
    expect.assert_eq(&text);
}

#[test]
fn a_record_is_a_datapoint_and_what_is_no_object_is_refused() {
    let huge = format!(r#"{{"a":"{}"}}"#, "x".repeat(DATAPOINT_BYTES_MAX));
    check(
        &[
            (100, br#"{"EventID":1,"UtcTime":"2020-09-21 19:35:27.123"}"#),
            (101, b""),
            (102, b"{\"EventID\":3}\r\n"),
            (103, b"\n"),
            (104, b"not json"),
            (105, b"[{}]"),
            (106, b"{}{}"),
            (107, b"{\"a\":1}\n{\"b\":2}"),
            (108, b"{\"a\":\"\xFF\"}"),
            (109, b"{\"a\": {\"b\": [1, 2"),
            (110, huge.as_bytes()),
            (111, b"{}"),
        ],
        &expect![[r#"
            100..112 packed [100, 102, 111]
            dead 101: rejected (the record is empty)
            dead 103: rejected (the record is empty)
            dead 104: rejected (Invalid literal (`true`, `false`, or a `null`) while parsing at line 1 column 4)
            dead 105: rejected (invalid type: sequence, expected a JSON object at line 1 column 4)
            dead 106: rejected (JSON has non-whitespace trailing characters after the value at line 1 column 3)
            dead 107: rejected (JSON has non-whitespace trailing characters after the value at line 2 column 1)
            dead 108: rejected (no UTF-8 from byte 6 on)
            dead 109: rejected (EOF while parsing at line 1 column 17)
            dead 110: size (a datapoint of 2097172 bytes is larger than 2097152)
            section of 3, times (Some(1600716927123), Some(1600716927123))
              100 "{\"EventID\":1,\"UtcTime\":\"2020-09-21 19:35:27.123\"}"
              102 "{\"EventID\":3}"
              111 "{}"
            refused of 9, times (None, None)
              101 ""
              103 "\n"
              104 "not json"
              105 "[{}]"
              106 "{}{}"
              107 "{\"a\":1}\n{\"b\":2}"
              108 "{\"a\":\"�\"}"
              109 "{\"a\": {\"b\": [1, 2"
              110 "{\"a\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "#]],
    );
}

#[test]
fn offsets_that_hold_no_record_are_no_gap() {
    check(
        &[(7, b"{}"), (9, b"{}"), (12, b"no")],
        &expect![[r#"
        7..13 packed [7, 9]
        dead 12: rejected (EOF while parsing at line 1 column 1)
        section of 2, times (None, None)
          7 "{}"
          9 "{}"
        refused of 1, times (None, None)
          12 "no"
    "#]],
    );
}

#[test]
fn generated_telemetry_is_packed_but_for_its_malformed_lines() {
    let settings = Settings { malformed_per_million: 20_000, ..Settings::default() };
    let lines: Vec<_> = Telemetry::new(settings).take(6_000).collect();
    let records: Vec<(i64, &[u8])> =
        lines.iter().map(|line| (line.index as i64, line.bytes.as_slice())).collect();
    let (report, output) = pack(&records);

    let good: Vec<i64> = lines
        .iter()
        .filter(|line| matches!(line.kind, Kind::Event { .. }))
        .map(|line| line.index as i64)
        .collect();
    let fates = &report.parts[0];
    assert_eq!(fates.output.iter().collect::<Vec<_>>(), good);
    assert_eq!(fates.letters.len(), lines.len() - good.len());
    assert!(!fates.letters.is_empty(), "some lines are malformed");

    let (refused, packed): (Vec<_>, Vec<_>) =
        report.sections.iter().partition(|section| section.refused);
    assert!(packed.len() > 1, "6,000 lines do not fit one section");
    for section in &packed {
        assert!(section.datapoints <= 4096 && section.decoded_bytes <= 8 << 20);
        assert!(section.time_min_ms < section.time_max_ms);
    }
    let all = |sections: Vec<&Section>| -> Vec<(i64, Vec<u8>)> {
        sections.into_iter().flat_map(|section| datapoints(section, &output)).collect()
    };
    let expected = |is_good: bool| -> Vec<(i64, Vec<u8>)> {
        let wanted = lines.iter().filter(|line| matches!(line.kind, Kind::Event { .. }) == is_good);
        wanted.map(|line| (line.index as i64, line.bytes.clone())).collect()
    };
    assert!(all(packed) == expected(true), "every good line is there, unchanged");
    assert!(all(refused) == expected(false), "every refused record is set aside, unchanged");
}

#[test]
fn frames_of_a_dead_cell_give_what_one_cell_would_have_given() {
    let lines: Vec<_> = Telemetry::new(Settings::default()).take(300).collect();
    let records = lines.iter().map(|line| (line.index as i64, line.bytes.as_slice()));
    let mut input = raw::frame("raw", 3, records);
    let whole = part(&input, 0, 300, None);
    let (alone, alone_output) = run(&job(whole.clone(), Mode::Process), &input);

    let mut first = Kept::default();
    let half = Part { to: 128, ..whole.clone() };
    run_with::<_, RawIntake<'_>>(&Pack, &job(half, Mode::Frames), &input, &mut first)
        .expect("the job is sound");
    assert!(!first.frames.is_empty(), "two chunks left their frames");
    let mut second = job(whole, Mode::Process);
    second.frames_offset_bytes = input.len() as i64;
    second.frames_bytes = first.frames.len() as i64;
    input.extend_from_slice(&first.frames);
    let (resumed, resumed_output) = run(&second, &input);

    assert_eq!(resumed.parts, alone.parts);
    assert_eq!(resumed.sections, alone.sections, "event times too");
    let texts = |report: &Report, output: &[u8]| -> Vec<(i64, Vec<u8>)> {
        report.sections.iter().flat_map(|section| datapoints(section, output)).collect()
    };
    assert!(texts(&resumed, &resumed_output) == texts(&alone, &alone_output));
}
