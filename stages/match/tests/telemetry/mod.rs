//! Real Windows telemetry, where it is there.

#![expect(unreachable_pub, reason = "a module of each test that uses it")]
#![expect(clippy::print_stdout, reason = "a test says what it did not run on")]

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use evtx::{EvtxParser, ParserSettings};
use flate2::read::GzDecoder;

use crate::support::{file_name, files};

/// The directory of the data: `CORDON_DATA`, else beside the workspace.
pub fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let directory = std::env::var_os("CORDON_DATA").map_or(beside, PathBuf::from);
    let found = directory.is_dir().then_some(directory);
    if found.is_none() {
        println!("no real telemetry here: this test needs CORDON_DATA and proves nothing now");
    }
    found
}

/// Calls `each` with the name of every source of events and its events in their order. Names are
/// those of the data's `truth`: `archive@@member` for JSON lines, a path for an event log.
pub fn each_source(data: &Path, mut each: impl FnMut(&str, Vec<Vec<u8>>)) {
    for archive in files(&data.join("otrf/windows")) {
        let name = file_name(&archive);
        each_member(&archive, |member, lines| each(&format!("{name}@@{member}"), lines));
    }
    let manifest = fs::read_to_string(data.join("MANIFEST.tsv")).expect("the data has a manifest");
    for line in manifest.lines() {
        if let Some((packed, origin)) = event_log(line) {
            let file = File::open(data.join(packed)).expect("the log opens");
            each(origin, records(GzDecoder::new(file)));
        }
    }
    let regression = File::open(data.join("sigma/sigma_regression_data.tar.gz"));
    let mut tar = tar::Archive::new(GzDecoder::new(regression.expect("the archive opens")));
    for member in tar.entries().expect("it is a tar.gz") {
        let member = member.expect("the member is there");
        let path = member.path().expect("it has a name").to_string_lossy().into_owned();
        if let Some(path) = path.strip_prefix("regression_data/")
            && path.ends_with(".evtx")
        {
            each(path, records(member));
        }
    }
}

/// A packed event log that a line of the manifest names, and its path where it came from.
fn event_log(line: &str) -> Option<(&str, &str)> {
    let mut columns = line.split('\t');
    let packed = columns.next().filter(|path| path.ends_with(".evtx.gz"))?;
    let (_, origin) = columns.next()?.split_once(':')?;
    Some((packed, origin))
}

/// The members of a packed file of JSON lines.
fn each_member(archive: &Path, mut each: impl FnMut(&str, Vec<Vec<u8>>)) {
    let file = File::open(archive).expect("the archive opens");
    if archive.extension().is_some_and(|end| end == "zip") {
        let mut zip = zip::ZipArchive::new(file).expect("it is a zip");
        for place in 0..zip.len() {
            let member = zip.by_index(place).expect("the member is there");
            if member.is_file() {
                let name = base_name(member.name());
                each(&name, lines(member));
            }
        }
    } else {
        let mut tar = tar::Archive::new(GzDecoder::new(file));
        for member in tar.entries().expect("it is a tar.gz") {
            let member = member.expect("the member is there");
            if member.header().entry_type().is_file() {
                let name = base_name(&member.path().expect("it has a name").to_string_lossy());
                each(&name, lines(member));
            }
        }
    }
}

fn base_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

fn lines(member: impl Read) -> Vec<Vec<u8>> {
    let lines = BufReader::new(member).split(b'\n').map(|line| line.expect("it reads"));
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(&line).to_vec()).collect()
}

/// The records of an event log, as ingest writes them.
fn records(mut log: impl Read) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes).expect("it reads");
    let log = EvtxParser::from_buffer(bytes).expect("it is an event log");
    let mut log = log.with_configuration(ParserSettings::new().indent(false));
    log.records_json().map(|record| record.expect("it is sound").data.into_bytes()).collect()
}
