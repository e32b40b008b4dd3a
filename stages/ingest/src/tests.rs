use std::{io::Write as _, time::Duration};

use cordon_body::{CellIo, IoFault};
use cordon_container::{ReadLimits, SectionReader};
use cordon_records::{
    Digest, Fingerprint, LogDatapoint, Origin,
    cell::{Job, Mode, Part, Report},
    schema::LOG_DATAPOINT,
    single_object,
};

/// What leaves the cell, kept.
#[derive(Default)]
struct Kept {
    output: Vec<u8>,
    report: Vec<u8>,
}

impl CellIo for Kept {
    fn mark(&mut self, _: u32, _: u64) {}
    fn mark_sealing(&mut self) {}
    fn append_frame(&mut self, _: &[u8]) -> Result<(), IoFault> {
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

fn ingest_range(file: &[u8], from: i64, to: i64) -> (Report, Vec<(i64, String)>) {
    let part = Part {
        offset_bytes: 0,
        len_bytes: file.len() as i64,
        schema: 0,
        from,
        to,
        datapoints: None,
        decoded_bytes_max: i64::MAX,
        selection: None,
    };
    let job = Job {
        parts: vec![part],
        partitions: 1,
        chunk_datapoints: 64,
        sentenced: Vec::new(),
        frames_offset_bytes: 0,
        frames_bytes: 0,
        budget_ms: 0,
        mode: Mode::Process,
        options: [(super::SHA256_OPTION.to_owned(), Digest::of(file).to_string())].into(),
    };
    let mut kept = Kept::default();
    super::run(&job, file, &mut kept).unwrap();
    let report: Report = single_object::decode(&kept.report).unwrap();
    let fingerprint: Fingerprint = LOG_DATAPOINT.current().fingerprint;
    let mut lines = Vec::new();
    if !kept.output.is_empty() {
        let mut reader = SectionReader::open(
            &kept.output,
            &LOG_DATAPOINT,
            Some(fingerprint),
            ReadLimits::default(),
        )
        .unwrap();
        while let Some((_, datapoint)) = reader.next::<LogDatapoint<'_>>().unwrap() {
            let Origin::File(origin) = datapoint.origin else { panic!("not from a file") };
            assert_eq!(origin.sha256, Digest::of(file));
            lines.push((origin.record, String::from_utf8(datapoint.line.to_vec()).unwrap()));
        }
    }
    (report, lines)
}

fn ingest(file: &[u8]) -> (Report, Vec<(i64, String)>) {
    ingest_range(file, 0, i64::MAX)
}

fn texts(lines: &[(i64, String)]) -> Vec<&str> {
    lines.iter().map(|(_, line)| line.as_str()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.append_data(&mut header, name, *content).unwrap();
    }
    archive.into_inner().unwrap()
}

const TWO: &[u8] = b"{\"a\":1}\r\n\n{\"a\":2}\n";

#[test]
fn lines_become_datapoints_however_they_are_packed() {
    let members: &[(&str, &[u8])] =
        &[("x.json", TWO), ("__MACOSX/._x.json", b"\x00\x05\x16\x07"), ("dir/y", b"{\"a\":3}")];
    let three = ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"];
    let nested = zip(&[
        ("in.gz", &gzip(TWO)),
        ("in.tar.zst", &zstd::encode_all(&tar(members)[..], 3).unwrap()),
    ]);
    for (file, expected) in [
        (TWO.to_vec(), &three[..2]),
        ([b"\xEF\xBB\xBF".as_slice(), TWO].concat(), &three[..2]),
        (gzip(TWO), &three[..2]),
        (zstd::encode_all(TWO, 3).unwrap(), &three[..2]),
        (zip(members), &three[..]),
        (tar(members), &three[..]),
        (gzip(&tar(members)), &three[..]),
        (nested, &[three[0], three[1], three[0], three[1], three[2]][..]),
    ] {
        let (report, lines) = ingest(&file);
        assert_eq!(texts(&lines), expected);
        assert_eq!(
            lines.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
            (0..expected.len() as i64).collect::<Vec<_>>()
        );
        let part = &report.parts[0];
        assert_eq!(
            (part.to, part.datapoints),
            (expected.len() as i64, Some(expected.len() as i64))
        );
        assert!(part.letters.is_empty(), "{:?}", part.letters);
    }
}

#[test]
fn a_bad_line_costs_only_itself() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(50 << 20));
    let file = [b"{\"a\":1}\nnot json\n\xFF\xFE{}\n".as_slice(), long.as_bytes(), b"\n{\"a\":2}\n"]
        .concat();
    let (report, lines) = ingest(&file);
    assert_eq!(texts(&lines), ["{\"a\":1}", "{\"a\":2}"]);
    assert_eq!(lines[1].0, 4);
    let letters = &report.parts[0].letters;
    let told: Vec<_> = letters.iter().map(|l| (l.from, l.to, l.reason.as_str())).collect();
    assert_eq!(told, [(1, 2, "rejected"), (2, 3, "rejected"), (3, 4, "size")]);
    assert_eq!(letters[2].excerpt.len(), 1024);
}

#[test]
fn what_is_not_recognised_is_named_and_costs_no_other_member_anything() {
    let (report, lines) = ingest(&zip(&[("a.bin", b"\x7fELF\x02"), ("b.json", TWO), ("c", b"")]));
    assert_eq!(lines.len(), 2);
    let details: Vec<_> = report.parts[0].letters.iter().map(|l| l.detail.as_str()).collect();
    assert!(
        details[0]
            .starts_with("a.bin is not recognised: it begins with \\x7fELF\\x02; accepted: JSON")
    );
    assert_eq!(details[1], "c is empty");
    assert!(report.parts[0].letters.iter().all(|l| l.from == l.to));
    let (report, lines) = ingest(b"");
    assert_eq!((lines.len(), report.parts[0].letters[0].detail.as_str()), (0, "the file is empty"));
}

#[test]
fn a_truncated_archive_keeps_what_could_be_read() {
    let many: Vec<u8> = (0..20_000)
        .flat_map(|n| format!("{{\"n\":{n},\"x\":{}}}\n", n * 7919 % 10007).into_bytes())
        .collect();
    let packed = gzip(&many);
    let (report, lines) = ingest(&packed[..packed.len() / 2]);
    assert!(lines.len() > 5_000);
    let last = report.parts[0].letters.last().unwrap();
    assert_eq!((last.reason.as_str(), last.from), ("corrupt", last.to));
    let (report, lines) = ingest(&zip(&[("x", TWO)])[..40]);
    assert_eq!((lines.len(), report.parts[0].letters[0].reason.as_str()), (0, "corrupt"));
}

#[test]
fn packed_too_often_is_refused() {
    let mut file = TWO.to_vec();
    for _ in 0..6 {
        file = gzip(&file);
    }
    let (report, lines) = ingest(&file);
    assert!(lines.is_empty());
    assert!(report.parts[0].letters[0].detail.contains("packed more than 3 times"));
}

#[test]
fn cells_that_follow_each_other_give_what_one_would() {
    let file = zip(&[("a", TWO), ("b", b"{\"b\":1}\nbad\n{\"b\":2}\n"), ("c.bin", b"\x01\x02")]);
    let (whole, lines) = ingest(&file);
    for step in 1..6 {
        let (mut from, mut pieces, mut letters) = (0, Vec::new(), Vec::new());
        loop {
            let (report, lines) = ingest_range(&file, from, from + step);
            pieces.extend(lines);
            letters.extend(report.parts[0].letters.clone());
            from = report.parts[0].to;
            if report.parts[0].datapoints.is_some() {
                break;
            }
        }
        assert_eq!(pieces, lines, "in steps of {step}");
        assert_eq!(letters, whole.parts[0].letters, "in steps of {step}");
    }
}
