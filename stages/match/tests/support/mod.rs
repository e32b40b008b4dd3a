//! Real telemetry, where it is there.

#![expect(unreachable_pub, reason = "a module of each test that uses it")]
#![expect(clippy::print_stdout, reason = "a test says what it did not run on")]

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use cordon_flow::{Fate, Stage};
use cordon_match::Match;
use cordon_records::{Digest, FileOrigin, Finding, LogDatapoint, Origin};

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

/// Calls `each` with the name of every member of a Windows archive and its lines.
pub fn each_member(archive: &Path, mut each: impl FnMut(&str, Vec<Vec<u8>>)) {
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
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(file));
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

/// What the stage makes of one line.
pub fn find(stage: &Match, record: i64, line: &[u8]) -> (Fate, Vec<Finding>) {
    let origin = Origin::File(FileOrigin { sha256: Digest([7; 32]), record });
    let mut findings = Vec::new();
    let fate = stage.process(&LogDatapoint { origin, line }, &mut findings);
    (fate, findings)
}
