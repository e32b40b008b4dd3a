//! The letters that `generate` wrote, against those that it must have written.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::plant::{Fate, File};

/// What a letter says of one line of a file.
#[derive(Clone, Debug)]
pub struct Said {
    /// The reason.
    pub reason: String,
    /// The beginning of the line.
    pub excerpt: String,
}

/// The letters of each file, by the index of the line.
#[derive(Debug, Default)]
pub struct Letters(BTreeMap<String, BTreeMap<usize, Said>>);

impl Letters {
    /// From what `cordon dead list --stage generate --json` printed.
    ///
    /// # Errors
    ///
    /// A letter is of no file, is about more than one line, or two are about the same.
    pub fn read(printed: &[Value]) -> Result<Self> {
        let mut letters = Self::default();
        for letter in printed {
            let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
            let index = |name: &str| letter[name].as_u64().context("an index");
            let file = text(&letter["file"]["name"]).with_context(|| letter.to_string())?;
            ensure!(index("to")? == index("from")? + 1, "about more than one line: {letter}");
            let said =
                Said { reason: text(&letter["reason"])?, excerpt: text(&letter["excerpt"])? };
            let of_file = letters.0.entry(file).or_default();
            let before = of_file.insert(usize::try_from(index("from")?)?, said);
            ensure!(before.is_none(), "a second letter for one line: {letter}");
        }
        Ok(letters)
    }

    /// Whether a line of a file has a letter.
    pub fn is_dead(&self, file: &File, index: usize) -> bool {
        self.0.get(&file.name).is_some_and(|of_file| of_file.contains_key(&index))
    }

    /// How many letters a file has.
    pub fn count(&self, file: &File) -> usize {
        self.0.get(&file.name).map_or(0, BTreeMap::len)
    }

    /// Fails if a letter is of no file of these.
    pub fn are_all_of(&self, files: &[File]) -> Result<()> {
        for name in self.0.keys() {
            ensure!(
                files.iter().any(|file| file.name == *name),
                "letters of an unknown file {name}"
            );
        }
        Ok(())
    }

    /// Fails unless the file has exactly the letters that it must have.
    pub fn check(&self, file: &File) -> Result<()> {
        let none = BTreeMap::new();
        let of_file = self.0.get(&file.name).unwrap_or(&none);
        for index in 0..file.len() {
            let said = of_file.get(&index);
            let reason = said.map(|said| said.reason.as_str());
            let is_as_expected = match file.fate(index) {
                Fate::Lives => reason.is_none(),
                Fate::Dies(expected) => reason == Some(expected),
                Fate::MayDie(expected) => reason.is_none_or(|reason| reason == expected),
            };
            ensure!(is_as_expected, "line {index}: {reason:?}, not {:?}", file.fate(index));
            if let Some(Said { excerpt, .. }) = said {
                let quoted = String::from_utf8_lossy(file.quoted(index).unwrap_or_default());
                ensure!(*excerpt == quoted, "line {index}: its letter quotes {excerpt:?}");
            }
        }
        let beyond = of_file.keys().find(|index| **index >= file.len());
        ensure!(beyond.is_none(), "a letter for line {beyond:?} of {}", file.len());
        Ok(())
    }
}
