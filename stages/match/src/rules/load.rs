//! Rule files: parsed and checked; every error with its file, and its line where known.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rsigma_parser::{ast::SigmaRule, parse_sigma_yaml};

pub(super) use super::walk::files;
use super::{FAULT_BYTES_MAX, RuleError};
use crate::{
    repair,
    text::{cut, escape},
};

/// A file and what it holds.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// A rule, repaired, and the file it came from.
pub(super) struct RuleSource {
    pub(super) rule: SigmaRule,
    path: PathBuf,
    line: Option<u32>,
    /// Whether its id is its file's name, for want of one.
    is_named_by_file: bool,
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

/// The rules in the files. No two may have one id, or their findings would be one.
pub(super) fn parse(files: &[File], errors: &mut Vec<RuleError>) -> Vec<RuleSource> {
    let mut sources = Vec::new();
    let mut places = BTreeMap::<String, &Path>::new();
    for file in files {
        for source in parse_file(file, errors) {
            let id = source.rule.id.clone().unwrap_or_default();
            match places.insert(id, &file.path) {
                Some(other) if source.is_named_by_file => {
                    let fault = "has no id, and goes by the name of its file, as one does in";
                    errors.push(source.error(format!("{fault} {}", other.display())));
                }
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
    let is_named_by_file = rule.id.is_none();
    if is_named_by_file {
        rule.id = file.path.file_stem().map(|name| name.to_string_lossy().into_owned());
    }
    RuleSource { rule, path: file.path.clone(), line, is_named_by_file }
}

/// Why a directory whose files are all sound has nothing to run.
pub(super) fn nothing_to_run(directory: &Path, out_of_scope: usize) -> RuleError {
    let fault = match out_of_scope {
        0 => "holds no rule (*.yml, *.yaml)".to_owned(),
        count => format!("none of its {count} rules is about events of Windows"),
    };
    error(directory, None, fault)
}

/// Parsers draw below a quoted text what they mean; here it becomes one line.
pub(super) fn error(file: &Path, line: Option<u32>, fault: impl ToString) -> RuleError {
    let fault = fault.to_string();
    let words: Vec<&str> = fault.split_whitespace().collect();
    let mut one_line = String::new();
    escape(&words.join(" "), &mut one_line);
    let len = cut(&one_line, FAULT_BYTES_MAX).len();
    one_line.truncate(len);
    RuleError { file: file.to_owned(), line, fault: one_line }
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
