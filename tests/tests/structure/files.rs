//! The files of the workspace, as a fresh clone has them.

use std::{fs, path::Path};

use crate::graph::root;

/// What builds and tools leave behind, and git's own.
const NOT_OURS: &[&str] =
    &[".cache", ".cargo", ".git", ".mypy_cache", "__pycache__", "cordon-demo", "target"];

/// Paths within the workspace and texts of all files that are text.
pub(crate) fn of_this_workspace() -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&root(), "", &mut files);
    assert!(files.len() > 100, "this is not the workspace");
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !NOT_OURS.contains(&name.as_str()) {
                collect(&entry.path(), &format!("{path}/"), files);
            }
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            files.push((path, text));
        }
    }
}
