//! Rule files: found, read, parsed, checked; every error with its file, and its line where known.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use rsigma_parser::{ast::SigmaRule, parse_sigma_yaml};

use super::RuleError;
use crate::repair;

/// A rule is a page of text; a file beyond this is something else.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Deepest nesting of directories: SigmaHQ has four, and a link may point upwards.
const DEPTH_MAX: usize = 16;

/// A file and what it holds.
pub(super) struct File {
    path: PathBuf,
    text: String,
}

/// A rule, repaired, and the file it came from.
pub(super) struct RuleSource {
    pub(super) rule: SigmaRule,
    path: PathBuf,
    line: Option<u32>,
}

impl RuleSource {
    pub(super) fn error(&self, fault: impl ToString) -> RuleError {
        error(&self.path, self.line, fault)
    }
}

macro_rules! own {
    ($($name:literal),* $(,)?) => {
        &[$((concat!($name, ".yml"), include_str!(concat!("../../rules/", $name, ".yml")))),*]
    };
}

const OWN: &[(&str, &str)] = own![
    "autostart_set",
    "document_or_server_starts_interpreter",
    "encoded_powershell",
    "event_log_disabled",
    "interpreter_connects_out",
    "interpreter_drops_program",
    "interpreter_resolves_name",
    "interpreter_starts_user_directory_program",
    "lsass_opened_for_reading",
    "lure_opened",
    "remote_thread_from_user_directory",
    "user_directory_program_connects_out",
    "user_directory_program_deletes_program",
];

/// The files of cordon's own rules, as they were when it was built.
pub(super) fn own_files() -> Vec<File> {
    OWN.iter().map(|&(name, text)| File { path: name.into(), text: text.into() }).collect()
}

/// Every rule file under a directory, in the order of their paths.
pub(super) fn files(directory: &Path) -> (Vec<File>, Vec<RuleError>) {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    walk(directory, 0, &mut files, &mut errors);
    if files.is_empty() && errors.is_empty() {
        errors.push(error(directory, None, "holds no rule (*.yml, *.yaml)"));
    }
    (files, errors)
}

fn walk(directory: &Path, depth: usize, files: &mut Vec<File>, errors: &mut Vec<RuleError>) {
    if depth > DEPTH_MAX {
        errors.push(error(directory, None, format!("lies deeper than {DEPTH_MAX} directories")));
        return;
    }
    let paths = match sorted_paths(directory) {
        Ok(paths) => paths,
        Err(fault) => return errors.push(error(directory, None, fault)),
    };
    for path in paths {
        if path.is_dir() {
            walk(&path, depth + 1, files, errors);
        } else if path.extension().is_some_and(|end| end == "yml" || end == "yaml") {
            match read(&path) {
                Ok(text) => files.push(File { path, text }),
                Err(fault) => errors.push(error(&path, None, fault)),
            }
        }
    }
}

fn sorted_paths(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, String> {
    let bytes = fs::metadata(path).map_err(|fault| fault.to_string())?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(format!("{bytes} bytes are more than a rule file may have ({FILE_BYTES_MAX})"));
    }
    fs::read_to_string(path).map_err(|fault| fault.to_string())
}

/// The rules in the files. No two may have one id, or their findings would be one.
pub(super) fn parse(files: &[File], errors: &mut Vec<RuleError>) -> Vec<RuleSource> {
    let mut sources = Vec::new();
    let mut places = BTreeMap::<String, &Path>::new();
    for file in files {
        for source in parse_file(file, errors) {
            let id = source.rule.id.clone().unwrap_or_default();
            match places.insert(id, &file.path) {
                Some(other) => {
                    errors.push(source.error(format!("has the same id as {}", other.display())));
                }
                None => sources.push(source),
            }
        }
    }
    sources
}

fn parse_file(file: &File, errors: &mut Vec<RuleError>) -> Vec<RuleSource> {
    let collection = match parse_sigma_yaml(&file.text) {
        Ok(collection) => collection,
        Err(fault) => {
            let line = fault.location().map(|at| at.line);
            errors.push(error(&file.path, line, fault));
            return Vec::new();
        }
    };
    for fault in &collection.errors {
        errors.push(error(&file.path, named_line(fault), fault));
    }
    let mut refuse = |is_there: bool, key: &str, fault: &str| {
        if is_there {
            errors.push(error(&file.path, line_of(&file.text, key), fault));
        }
    };
    refuse(!collection.correlations.is_empty(), "correlation:", "correlations are not supported");
    refuse(!collection.filters.is_empty(), "filter:", "filters are not supported");
    refuse(collection.is_empty() && collection.errors.is_empty(), "", "holds no rule");
    let mut sources = Vec::new();
    for mut rule in collection.rules {
        match repair::rule(&mut rule) {
            Ok(()) => sources.push(with_identity(rule, file)),
            Err(refusal) => {
                let line = line_of(&file.text, &refusal.trace());
                errors.push(error(&file.path, line, refusal));
            }
        }
    }
    sources
}

/// A rule without an id gets its file's name for one, so that its findings have an identity.
fn with_identity(mut rule: SigmaRule, file: &File) -> RuleSource {
    let line = line_of(&file.text, &format!("title: {}", rule.title));
    if rule.id.is_none() {
        rule.id = file.path.file_stem().map(|name| name.to_string_lossy().into_owned());
    }
    RuleSource { rule, path: file.path.clone(), line }
}

fn error(file: &Path, line: Option<u32>, fault: impl ToString) -> RuleError {
    RuleError { file: file.to_owned(), line, fault: fault.to_string() }
}

/// The first line that holds a text, from 1.
fn line_of(text: &str, needle: &str) -> Option<u32> {
    let place = text.lines().position(|line| line.contains(needle))?;
    u32::try_from(place + 1).ok()
}

/// The line that the YAML parser names in its message.
fn named_line(fault: &str) -> Option<u32> {
    let (_, rest) = fault.split_once(" at line ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
