//! Real event logs and archives, where they lie at hand.

use std::path::{Path, PathBuf};

use super::*;

/// A directory of real telemetry: below `CORDON_DATA`, or `../shared/data` beside the workspace.
fn data(name: &str) -> Option<Vec<PathBuf>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("CORDON_DATA").map_or(beside, PathBuf::from);
    let Ok(entries) = data.join(name).read_dir() else {
        println!("{} is not there: not run on real telemetry", data.join(name).display());
        return None;
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    Some(paths)
}

fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    std::io::copy(&mut flate2::bufread::MultiGzDecoder::new(packed), &mut unpacked).unwrap();
    unpacked
}

/// Sorted, for the parser reads chunks in the order of their records, and without spaces.
fn comparable<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let squeeze = |line: &str| line.replace(|letter: char| letter.is_ascii_whitespace(), "");
    let mut lines: Vec<String> = lines.into_iter().map(squeeze).collect();
    lines.sort();
    lines
}

#[test]
fn real_event_logs_are_read_as_their_parser_reads_them() {
    let Some(paths) = data("evtx_cc0") else { return };
    let (mut files, mut records) = (0, 0);
    for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "gz")) {
        let packed = std::fs::read(path).unwrap();
        let log = gunzip(&packed);
        let ingested = ingest(&packed);
        assert_eq!(ingested.letters, [], "{}", path.display());
        assert_eq!(ingest(&log).texts(), ingested.texts(), "{}", path.display());
        let mut parser = evtx::EvtxParser::from_buffer(log).unwrap();
        let theirs: Vec<String> = parser.records_json().map(|r| r.unwrap().data).collect();
        let theirs = comparable(theirs.iter().map(String::as_str));
        assert_eq!(comparable(ingested.texts()), theirs, "{}", path.display());
        files += 1;
        records += theirs.len();
    }
    println!("{files} event logs, {records} records");
    assert!(records > 0);
}

#[test]
fn a_damaged_event_log_keeps_its_good_records() {
    let Some(paths) = data("evtx_cc0") else { return };
    let path = paths.iter().find(|path| path.to_string_lossy().contains("CrackMapExec")).unwrap();
    let mut log = gunzip(&std::fs::read(path).unwrap());
    let whole = ingest(&log);
    let first_record = 4096 + 512;
    let size = u16::from_le_bytes([log[first_record + 4], log[first_record + 5]]);
    log[first_record + usize::from(size)] = b'x';
    let damaged = ingest(&log);
    assert_eq!(damaged.fates()[0], (1, 2, "rejected"));
    assert_eq!(damaged.records.len(), whole.records.len() - 1);
    let cut = ingest(&log[..log.len() - 10_000]);
    assert_eq!(cut.fates().last().unwrap().2, "corrupt");
    let sentenced = Sentenced {
        part: 0,
        index: 0,
        reason: "crash".to_owned(),
        detail: String::new(),
        excerpt: Vec::new(),
    };
    let spared = cell(&whole_job(&log, 0..i64::MAX), &log, vec![sentenced]);
    assert_eq!(spared.fates()[0], (0, 1, "crash"));
    assert_eq!(spared.records, damaged.records[1..]);
}

#[test]
fn every_real_archive_is_read() {
    let Some(paths) = data("otrf/windows") else { return };
    let (mut files, mut records, mut letters) = (0, 0, 0);
    for path in &paths {
        let ingested = ingest(&std::fs::read(path).unwrap());
        for (from, to, reason) in ingested.fates() {
            println!("{}: {from}..{to} {reason}", path.display());
        }
        assert!(!ingested.records.is_empty(), "{}", path.display());
        files += 1;
        records += ingested.records.len();
        letters += ingested.letters.len();
    }
    println!("{files} archives, {records} records, {letters} letters");
    assert_eq!(letters, 0);
}
