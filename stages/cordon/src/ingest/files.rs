//! Which files there are.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

use super::error::IngestError;

/// What was found under the paths that were given.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Files in the order of the paths, below each in the order of their names.
    pub(super) files: Vec<PathBuf>,
    /// Their sizes together.
    pub(super) bytes: u64,
    /// What is there and cannot be read.
    pub(super) faults: Vec<String>,
}

/// Finds files, and all files below directories.
///
/// # Errors
///
/// A path that was given is not there: a slip of the pen, told before anything is done.
pub(crate) fn find(paths: &[PathBuf]) -> Result<Found, IngestError> {
    let mut found = Found::default();
    for path in paths {
        let metadata = fs::metadata(path)
            .map_err(|source| IngestError::Path { path: path.clone(), source })?;
        let before = found.files.len() + found.faults.len();
        found.take(path, &metadata);
        if found.files.len() + found.faults.len() == before {
            found.fault(path, "no files in it");
        }
    }
    Ok(found)
}

impl Found {
    fn take(&mut self, path: &Path, metadata: &Metadata) {
        if metadata.is_dir() {
            match entries(path) {
                Ok(entries) => entries.iter().for_each(|entry| self.entry(entry)),
                Err(error) => self.fault(path, &error.to_string()),
            }
        } else if metadata.is_file() {
            self.bytes += metadata.len();
            self.files.push(path.to_owned());
        } else {
            // Reading a pipe could wait for ever.
            self.fault(path, "neither a file nor a directory");
        }
    }

    /// An entry of a directory. A link to a directory is not followed: it may lead back here.
    fn entry(&mut self, path: &Path) {
        let is_link = path.is_symlink();
        match fs::metadata(path) {
            Ok(metadata) if is_link && metadata.is_dir() => {}
            Ok(metadata) => self.take(path, &metadata),
            Err(error) => self.fault(path, &error.to_string()),
        }
    }

    fn fault(&mut self, path: &Path, what: &str) {
        self.faults.push(format!("{}: {what}", path.display()));
    }
}

fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_the_order_of_their_names_and_links_lead_in_no_circle() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::create_dir_all(path("b/deep")).unwrap();
        fs::create_dir(path("empty")).unwrap();
        for name in ["c", "a", "b/z", "b/deep/x"] {
            fs::write(path(name), name).unwrap();
        }
        std::os::unix::fs::symlink(directory.path(), path("b/back")).unwrap();
        std::os::unix::fs::symlink(path("a"), path("d")).unwrap();
        std::os::unix::fs::symlink(path("gone"), path("e")).unwrap();
        let found = find(&[path("c"), directory.path().to_owned()]).unwrap();
        assert_eq!(found.files, ["c", "a", "b/deep/x", "b/z", "c", "d"].map(path));
        assert_eq!(found.bytes, 1 + 1 + 8 + 3 + 1 + 1);
        assert_eq!(found.faults.len(), 1, "{:?}", found.faults);
        assert!(found.faults[0].contains("/e: No such file"));
    }

    #[test]
    fn nothing_to_read_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let found = find(&[directory.path().to_owned()]).unwrap();
        assert!(found.faults[0].ends_with(": no files in it"));
        let error = find(&[directory.path().join("gone")]).unwrap_err();
        assert!(error.to_string().starts_with("cannot read /"), "{error}");
    }
}
