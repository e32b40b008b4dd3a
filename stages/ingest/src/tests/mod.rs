//! Scenarios: a file made here, and what its cells say of it.

mod cells;
mod damage;
mod event_logs;
mod formats;
mod telemetry;

use std::{io::Write as _, ops::Range, time::Duration};

use cordon_body::{CellIo, IoFault};
use cordon_container::{ReadLimits, SectionReader};
use cordon_records::{
    Digest, LogDatapoint, Origin, Runs,
    cell::{CellLetter, Report, Sentenced},
    schema::LOG_DATAPOINT,
    single_object,
};

use crate::{FileJob, FileNews};

/// What leaves a cell, kept.
#[derive(Default)]
struct Kept {
    output: Vec<u8>,
    report: Vec<u8>,
    marks: Vec<u64>,
}

impl CellIo for Kept {
    fn mark(&mut self, _: u32, index: u64) {
        self.marks.push(index);
    }
    fn mark_sealing(&mut self) {}
    fn append_frame(&mut self, _: &[u8]) -> Result<(), IoFault> {
        Err(IoFault("ingest has no frames".to_owned()))
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

/// What came of a file, or of a cell's share of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ingested {
    /// Number and text of each datapoint.
    records: Vec<(i64, String)>,
    letters: Vec<CellLetter>,
    news: FileNews,
}

impl Ingested {
    fn texts(&self) -> Vec<&str> {
        self.records.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// The letters in short: from, to, reason.
    fn fates(&self) -> Vec<(i64, i64, &str)> {
        self.letters.iter().map(|l| (l.from, l.to, l.reason.as_str())).collect()
    }

    fn details(&self) -> Vec<&str> {
        self.letters.iter().map(|letter| letter.detail.as_str()).collect()
    }
}

/// Runs one cell and checks that its report adds up.
fn cell(job: &FileJob, input: &[u8], sentenced: Vec<Sentenced>) -> Ingested {
    let mut kept = Kept::default();
    crate::run(&job.to_job(sentenced), input, &mut kept).unwrap();
    let report: Report = single_object::decode(&kept.report).unwrap();
    let news = FileNews::of(&report);
    let part = &report.parts[0];
    let dead: Vec<Runs> = part.letters.iter().map(|l| Runs::range(l.from, l.to)).collect();
    let dead = Runs::union(&dead);
    assert_eq!(Runs::union([&part.output, &dead]), Runs::range(part.from, part.to));
    assert_eq!(part.output.count() + dead.count(), part.to - part.from, "one fate each");
    assert_eq!(part.from, job.records.start);
    let records = datapoints(&kept.output, job.sha256);
    assert_eq!(records.iter().map(|(number, _)| *number).collect::<Runs>(), part.output);
    let end = report.sections.last().map_or(0, |s| s.offset_bytes + s.len_bytes);
    assert_eq!(end, kept.output.len() as i64);
    for section in &report.sections {
        assert!(section.datapoints <= 4096 && section.decoded_bytes <= 8 << 20);
    }
    Ingested { records, letters: part.letters.clone(), news }
}

fn datapoints(output: &[u8], sha256: Digest) -> Vec<(i64, String)> {
    let mut records = Vec::new();
    if output.is_empty() {
        return records;
    }
    let expected = Some(LOG_DATAPOINT.current().fingerprint);
    let limits = ReadLimits { decoded_bytes_max: 1 << 30, ..ReadLimits::default() };
    let mut reader = SectionReader::open(output, &LOG_DATAPOINT, expected, limits).unwrap();
    while let Some((_, datapoint)) = reader.next::<LogDatapoint<'_>>().unwrap() {
        let Origin::File(origin) = datapoint.origin else { panic!("not from a file") };
        assert_eq!(origin.sha256, sha256);
        records.push((origin.record, String::from_utf8(datapoint.line.to_vec()).unwrap()));
    }
    records
}

fn whole_job(file: &[u8], records: Range<i64>) -> FileJob {
    FileJob {
        sha256: Digest::of(file),
        file_bytes: file.len() as i64,
        input: 0..file.len() as i64,
        at_bytes: 0,
        records,
    }
}

/// The whole file in one cell.
fn ingest(file: &[u8]) -> Ingested {
    let ingested = cell(&whole_job(file, 0..i64::MAX), file, Vec::new());
    assert!(ingested.news.is_end);
    ingested
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// A name that ends in a slash is a directory.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, content) in members {
        if name.ends_with('/') {
            archive.add_directory(*name, options).unwrap();
        } else {
            archive.start_file(*name, options).unwrap();
            archive.write_all(content).unwrap();
        }
    }
    archive.finish().unwrap().into_inner()
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        if name.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        archive.append_data(&mut header, name, *content).unwrap();
    }
    archive.into_inner().unwrap()
}

/// Two records; a blank line is none.
const TWO: &[u8] = b"{\"a\":1}\r\n\n{\"a\":2}\n";

/// Lines that compress only so far.
fn many_lines(count: u32) -> Vec<u8> {
    let line = |n: u32| format!("{{\"n\":{n},\"x\":{}}}\n", n.wrapping_mul(2_654_435_761));
    (0..count).flat_map(|n| line(n).into_bytes()).collect()
}
