//! Real telemetry, where it is present: the archives of `CORDON_DATA`, or of `shared/data` beside
//! the checkout.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

/// The folder with real telemetry; `None` where there is none.
pub(crate) fn data_folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("CORDON_DATA").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Every file below a folder that [`lines`] can read, in order of their names.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a readable folder")
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| ["zip", "tar.gz", "evtx.gz", "json"].iter().any(|kind| is(path, kind)))
        .collect();
    files.sort();
    files
}

/// The log lines of a file: JSON lines, plain or in a zip or tar archive, or the records of EVTX.
pub(crate) fn lines(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).expect("a readable file");
    if is(path, "zip") {
        zip_lines(bytes)
    } else if is(path, "tar.gz") {
        tar_lines(&gunzip(&bytes))
    } else if is(path, "evtx.gz") {
        evtx_lines(gunzip(&bytes))
    } else {
        json_lines(&bytes)
    }
}

fn is(path: &Path, kind: &str) -> bool {
    path.to_string_lossy().ends_with(&format!(".{kind}"))
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    // Some of the archives lack the last bytes of the gzip trailer; what was unpacked is whole.
    let _truncated = flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain);
    plain
}

fn json_lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

/// macOS puts files of its own beside the logs.
fn is_log(name: &str) -> bool {
    name.ends_with(".json") && !name.starts_with("__MACOSX") && !name.contains("/._")
}

fn zip_lines(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a zip archive");
    let mut lines = Vec::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).expect("a member");
        if is_log(member.name()) {
            let mut plain = Vec::new();
            member.read_to_end(&mut plain).expect("a whole member");
            lines.extend(json_lines(&plain));
        }
    }
    lines
}

fn tar_lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    for member in tar::Archive::new(bytes).entries().expect("a tar archive") {
        let Ok(mut member) = member else { break };
        let name = member.path().expect("a name").to_string_lossy().into_owned();
        let mut plain = Vec::new();
        if is_log(&name) && member.read_to_end(&mut plain).is_ok() {
            lines.extend(json_lines(&plain));
        }
    }
    lines
}

/// The records of an event log, as ingest reads them.
pub(crate) fn evtx_lines(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let mut parser = evtx::EvtxParser::from_buffer(bytes)
        .expect("an EVTX file")
        .with_configuration(evtx::ParserSettings::default().indent(false));
    parser.records_json().filter_map(Result::ok).map(|record| record.data.into_bytes()).collect()
}
