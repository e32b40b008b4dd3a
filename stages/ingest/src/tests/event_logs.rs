//! Windows event logs that are whole, cut, or damaged.

use cordon_load::EventLog;

use super::*;

const FILE_HEADER_BYTES: usize = 4096;
const CHUNK_BYTES: usize = 64 << 10;
const CHUNK_HEADER_BYTES: usize = 512;
const RECORDS_PER_CHUNK: u64 = 5;

/// Three chunks of five records each.
fn log() -> Vec<u8> {
    let mut log = EventLog::default();
    for chunk in 0..3 {
        for record in 0..RECORDS_PER_CHUNK {
            let pid = (chunk * RECORDS_PER_CHUNK + record).to_string();
            log.push(1, "host-1", &[("Image", r"C:\x.exe"), ("ProcessId", &pid)]);
        }
        log.end_chunk();
    }
    log.into_bytes()
}

fn chunk_at(chunk: usize) -> usize {
    FILE_HEADER_BYTES + chunk * CHUNK_BYTES
}

/// Where a record of a chunk begins.
fn record_at(log: &[u8], chunk: usize, record: usize) -> usize {
    let start = chunk_at(chunk) + CHUNK_HEADER_BYTES;
    (0..record).fold(start, |at, _| {
        at + u32::from_le_bytes(log[at + 4..at + 8].try_into().unwrap()) as usize
    })
}

/// What `ProcessId` the records say, in order.
fn pids(ingested: &Ingested) -> Vec<usize> {
    let pid = |text: &&str| {
        let behind = text.split("\"ProcessId\":\"").nth(1).unwrap();
        behind.split('"').next().unwrap().parse().unwrap()
    };
    ingested.texts().iter().map(pid).collect()
}

/// Kept are the records of these numbers in the whole log.
fn check(log: &[u8], kept: impl IntoIterator<Item = usize>, details: &[&str]) {
    let ingested = ingest(log);
    assert_eq!(ingested.details(), details);
    assert_eq!(pids(&ingested), kept.into_iter().collect::<Vec<_>>());
    let in_steps = super::cells::in_steps(log, 2);
    assert_eq!((in_steps.records, in_steps.letters), (ingested.records, ingested.letters));
}

#[test]
fn a_whole_log_is_read_whole() {
    check(&log(), 0..15, &[]);
    let made_larger = [log(), vec![0; 2 * CHUNK_BYTES]].concat();
    check(&made_larger, 0..15, &[]);
    let first = ingest(&log()).records.remove(0).1;
    assert!(first.contains("\"Computer\":\"host-1\"") && first.contains("\"EventID\":"), "{first}");
}

#[test]
fn a_log_may_be_cut_anywhere() {
    let log = log();
    for (bytes, kept, detail) in [
        (9, 0, "it ends inside its header"),
        (FILE_HEADER_BYTES - 1, 0, "it ends inside its header"),
        (FILE_HEADER_BYTES, 0, "it ends after 0 of its 3 chunks"),
        (chunk_at(1), 5, "it ends after 1 of its 3 chunks"),
        (chunk_at(1) + 100, 5, "it ends inside its chunk 1"),
        (chunk_at(1) + CHUNK_HEADER_BYTES, 5, "it ends inside its chunk 1"),
        (record_at(&log, 1, 2), 7, "it ends inside its chunk 1"),
        (chunk_at(3) - 1, 15, "it ends inside its chunk 2"),
    ] {
        check(&log[..bytes], 0..kept, &[&format!("not readable to its end: {detail}")]);
    }
}

#[test]
fn a_damaged_chunk_costs_no_other() {
    let mut damaged = log();
    damaged[chunk_at(1)] = b'x';
    let detail = "damaged in its chunk 1: Failed to parse chunk header: Invalid EVTX chunk header \
                  magic, expected `ElfChnk0`, found `[78, 6C, 66, 43, 68, 6E, 6B,  0]`";
    check(&damaged, (0..5).chain(10..15), &[detail]);
}

#[test]
fn a_damaged_record_is_a_letter_and_those_that_hide_behind_it_are_counted() {
    let mut damaged = log();
    for record in [1, 2, 3] {
        let at = record_at(&log(), 0, record);
        damaged[at] = b'x';
    }
    let ingested = ingest(&damaged);
    assert_eq!(pids(&ingested), [0].into_iter().chain(4..15).collect::<Vec<_>>());
    assert_eq!(ingested.fates(), [(1, 2, "rejected"), (3, 3, "corrupt")]);
    let told = "damaged in its chunk 0: 2 of its 5 records cannot be found";
    assert_eq!(ingested.details()[1], told);
}

#[test]
fn a_wrong_checksum_is_told_unless_the_log_was_copied_while_it_was_written() {
    let mut changed = log();
    // The last digit of a process id: still a sound record.
    let pid = changed.windows(4).rposition(|units| units == b"1\x004\0").unwrap();
    changed[pid] = b'9';
    let kept: Vec<usize> = (0..14).chain([94]).collect();
    let detail = "damaged in its chunk 2: its checksum is wrong, its records may be too";
    check(&changed, kept.clone(), &[detail]);
    changed[120] = 1;
    check(&changed, kept, &[]);
}

#[test]
fn sentenced_records_side_by_side_cost_no_other() {
    let log = log();
    let sentenced = |index| Sentenced {
        part: 0,
        index,
        reason: "crash".to_owned(),
        detail: "killed by SIGSEGV".to_owned(),
        excerpt: Vec::new(),
    };
    let job = whole_job(&log, 0..i64::MAX);
    let ingested = cell(&job, &log, vec![sentenced(6), sentenced(7), sentenced(8)]);
    assert_eq!(pids(&ingested), (0..6).chain(9..15).collect::<Vec<_>>());
    assert_eq!(ingested.fates(), [6, 7, 8].map(|index| (index, index + 1, "crash")));
}
