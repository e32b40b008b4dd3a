//! The body in real cells: the jail lets every decoder do its work, and a cell's limits hold the
//! largest things that are accepted.
//!
//! The zygote is this binary, executed again with a role as its first argument.

#![expect(clippy::print_stdout, reason = "a test harness reports on standard output")]

use std::{
    ffi::OsString,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use cordon_cell::{
    CellContext, CellEnd, CellJob, CellLimits, Cells, JailMode, sealed_memfd, spawn_zygote,
    zygote::{self, ZygoteSettings},
};
use cordon_ingest::{CELL_RECORDS_MAX, FileJob, FileNews};
use cordon_records::{Digest, cell::Report, single_object};

const ZYGOTE: &str = "zygote";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(ZYGOTE) {
        zygote::serve(&ZygoteSettings { jail: JailMode::Best, ..ZygoteSettings::default() }, body);
    }
    let spawned = spawn_zygote(&[OsString::from(ZYGOTE)]).unwrap();
    let mut child = spawned.child;
    let cells = Cells::connect(spawned.socket).unwrap();
    println!("jail: {}", cells.jail());
    every_packing_is_read(&cells);
    the_largest_window_fits(&cells);
    event_logs_are_read(&cells);
    a_bomb_ends_by_its_size(&cells);
    drop(cells);
    child.wait().unwrap();
    println!("\ntest result: ok. 4 passed; 0 failed\n");
    ExitCode::SUCCESS
}

fn body(cell: &CellContext) -> Result<(), String> {
    let job = cordon_body::decode_job(cell.header()).map_err(|fault| fault.to_string())?;
    cordon_ingest::run(&job, cell.input(), &mut &*cell).map_err(|fault| fault.to_string())
}

/// The whole file in one cell.
fn ingest(cells: &Cells, file: &[u8]) -> Report {
    let job = FileJob {
        sha256: Digest::of(file),
        file_bytes: file.len() as i64,
        input: 0..file.len() as i64,
        at_bytes: 0,
        records: 0..CELL_RECORDS_MAX,
    };
    let result = cells.run(CellJob {
        header: single_object::encode(&job.to_job(Vec::new())).unwrap(),
        input: sealed_memfd("file", &[file]).unwrap(),
        limits: CellLimits {
            datapoint_cpu_max: std::time::Duration::from_secs(60),
            datapoint_wall_max: std::time::Duration::from_secs(60),
            ..CellLimits::default()
        },
    });
    assert_eq!(result.end, CellEnd::Finished);
    let report: Report = single_object::decode(&result.report).unwrap();
    assert!(FileNews::of(&report).is_end);
    report
}

/// Ingests a file that is well, and returns how many datapoints it gave.
fn datapoints(cells: &Cells, file: &[u8]) -> i64 {
    let report = ingest(cells, file);
    assert_eq!(report.parts[0].letters, []);
    report.elements_out
}

fn zip(member: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("x", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(member).unwrap();
    archive.finish().unwrap().into_inner()
}

fn tar(member: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(member.len() as u64);
    archive.append_data(&mut header, "x", member).unwrap();
    archive.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn lines(count: usize) -> Vec<u8> {
    (0..count).flat_map(|n| format!("{{\"EventID\":1,\"n\":{n}}}\n").into_bytes()).collect()
}

fn every_packing_is_read(cells: &Cells) {
    let lines = lines(10_000);
    let utf16: Vec<u8> = String::from_utf8(lines.clone())
        .map(|text| format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect())
        .unwrap();
    let zstd = zstd::encode_all(&lines[..], 3).unwrap();
    for file in [gzip(&lines), zstd, zip(&lines), gzip(&tar(&lines)), zip(&gzip(&lines)), utf16] {
        assert_eq!(datapoints(cells, &file), 10_000);
    }
    println!("test every_packing_is_read ... ok");
}

/// `zstd --ultra --long=27`.
fn the_largest_window_fits(cells: &Cells) {
    let mut packed = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    packed.window_log(27).unwrap();
    packed.long_distance_matching(true).unwrap();
    let line = format!("{{\"x\":\"{}\"}}\n", "x".repeat(100_000));
    (0..2_000).for_each(|_| packed.write_all(line.as_bytes()).unwrap());
    assert_eq!(datapoints(cells, &packed.finish().unwrap()), 2_000);
    println!("test the_largest_window_fits ... ok");
}

fn event_logs_are_read(cells: &Cells) {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("CORDON_DATA").map_or(beside, PathBuf::from).join("evtx_cc0");
    let Ok(entries) = data.read_dir() else {
        println!("test event_logs_are_read ... not run: {} is not there", data.display());
        return;
    };
    let (mut files, mut records) = (0, 0);
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.extension().is_some_and(|extension| extension == "gz") {
            files += 1;
            records += datapoints(cells, &std::fs::read(&path).unwrap());
        }
    }
    println!("test event_logs_are_read ... ok ({files} event logs, {records} records)");
}

fn a_bomb_ends_by_its_size(cells: &Cells) {
    let mut packed = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    packed.write_all(b"{}\n").unwrap();
    let piece = vec![b'x'; 1 << 20];
    (0..1_100).for_each(|_| packed.write_all(&piece).unwrap());
    let report = ingest(cells, &packed.finish().unwrap());
    assert_eq!(report.elements_out, 1);
    assert_eq!(report.parts[0].letters[0].reason, "size");
    println!("test a_bomb_ends_by_its_size ... ok");
}
