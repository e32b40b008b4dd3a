//! Rule files, found and read. A wrong directory (the whole disk, a link to itself, a pipe among the
//! files) must end in a sentence, not in a wait.

use std::{
    collections::BTreeSet,
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use super::{
    RuleError,
    load::{File, error},
};

/// A rule is a page of text; SigmaHQ's longest, of 300 KB, lists drivers.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Rule files of a set. SigmaHQ has four thousand.
const FILES_MAX: usize = 20_000;

/// Text of a set. SigmaHQ has 6 MB, which compile to 200.
const TEXT_BYTES_MAX: usize = 32 << 20;

/// Directories of a set, which also bounds how deep they lie. SigmaHQ has four hundred.
const DIRECTORIES_MAX: usize = 10_000;

/// Every rule file under a directory, in the order of their paths, and those that cannot be read.
///
/// # Errors
///
/// The directory cannot be read, or holds more than a set of rules could.
pub(super) fn files(directory: &Path) -> Result<(Vec<File>, Vec<RuleError>), RuleError> {
    // Told as its own fault; one further down is only one of many.
    fs::read_dir(directory).map_err(|fault| error(directory, None, fault))?;
    let mut walk = Walk::default();
    walk.pending.push(directory.to_owned());
    while let Some(next) = walk.pending.pop() {
        walk.directory(&next).map_err(|fault| error(directory, None, fault))?;
    }
    walk.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((walk.files, walk.refused))
}

#[derive(Default)]
struct Walk {
    /// Directories to look into.
    pending: Vec<PathBuf>,
    /// Those that were, by their real paths: a link may point upwards.
    visited: BTreeSet<PathBuf>,
    files: Vec<File>,
    text_bytes: usize,
    refused: Vec<RuleError>,
}

/// More than a set of rules could hold.
#[derive(Debug, thiserror::Error)]
enum TooMuch {
    #[error("holds more than {FILES_MAX} rule files: is it a directory of rules?")]
    Files,
    #[error("holds more than {TEXT_BYTES_MAX} bytes of rules: is it a directory of rules?")]
    Text,
    #[error("holds more than {DIRECTORIES_MAX} directories: is it a directory of rules?")]
    Directories,
}

impl Walk {
    fn directory(&mut self, directory: &Path) -> Result<(), TooMuch> {
        let paths = match fs::canonicalize(directory) {
            Ok(real) => {
                if !self.visited.insert(real) {
                    return Ok(());
                }
                sorted_paths(directory)
            }
            Err(fault) => Err(fault),
        };
        if self.visited.len() > DIRECTORIES_MAX {
            return Err(TooMuch::Directories);
        }
        match paths {
            Ok(paths) => paths.into_iter().try_for_each(|path| self.entry(path)),
            Err(fault) => {
                self.refused.push(error(directory, None, fault));
                Ok(())
            }
        }
    }

    fn entry(&mut self, path: PathBuf) -> Result<(), TooMuch> {
        if path.is_dir() {
            self.pending.push(path);
            return Ok(());
        }
        if !path.extension().is_some_and(|end| end == "yml" || end == "yaml") {
            return Ok(());
        }
        match read(&path) {
            Ok(text) => {
                self.text_bytes += text.len();
                self.files.push(File { path, text });
            }
            Err(fault) => self.refused.push(error(&path, None, fault)),
        }
        if self.files.len() + self.refused.len() > FILES_MAX {
            return Err(TooMuch::Files);
        }
        if self.text_bytes > TEXT_BYTES_MAX {
            return Err(TooMuch::Text);
        }
        Ok(())
    }
}

/// What is in a directory and not hidden.
fn sorted_paths(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, String> {
    let told = |fault: io::Error| fault.to_string();
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(told)?.is_file() {
        return Err("is no regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(told)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("has more than the {FILE_BYTES_MAX} bytes that a rule file may have"));
    }
    String::from_utf8(bytes).map_err(|fault| fault.to_string())
}
