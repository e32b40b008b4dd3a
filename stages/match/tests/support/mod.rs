//! What the tests share.

#![expect(unreachable_pub, reason = "a module of each test that uses it")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use cordon_flow::{Fate, Stage};
use cordon_match::Match;
use cordon_records::{Digest, FileOrigin, Finding, LogDatapoint, Origin};

/// What the stage makes of one line.
pub fn find(stage: &Match, record: i64, line: &[u8]) -> (Fate, Vec<Finding>) {
    let origin = Origin::File(FileOrigin { sha256: Digest([7; 32]), record });
    let mut findings = Vec::new();
    let fate = stage.process(&LogDatapoint { origin, line }, &mut (), &mut findings);
    (fate, findings)
}

/// What lies in a directory, in the order of names.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the directory is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// The last part of a path.
pub fn file_name(path: &Path) -> String {
    path.file_name().expect("it has a name").to_string_lossy().into_owned()
}
