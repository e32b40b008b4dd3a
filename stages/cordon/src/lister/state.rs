//! Where a walk is, in a file of the lister's own.
//!
//! The lister may read no topic, so that Kafka cannot remember for it. The place is kept after each
//! page was committed; killed in between, one page is emitted again, which converges: it is listed
//! twice, and processed twice with the same origins.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::config::ConfigFaults;

/// A walk under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    /// What is walked, in this order.
    pub(crate) prefixes: Vec<String>,
    /// From when.
    pub(crate) from_ms: i64,
    /// Until when: fixed when the walk begins, or it would never end.
    pub(crate) until_ms: i64,
    /// How many prefixes are done.
    pub(crate) done: usize,
    /// The name behind which the next page begins.
    pub(crate) behind: Option<String>,
    /// Pointers so far.
    pub(crate) emitted: u64,
}

/// A file that keeps a walk, or nothing that does.
pub(crate) struct Keeper(Option<PathBuf>);

impl Keeper {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self(file)
    }

    /// The walk as it was left; a new one where there is none. What is asked for must be what the
    /// file is of.
    pub(crate) fn load(&self, asked: State, is_until_given: bool) -> Result<State> {
        let Some(file) = &self.0 else { return Ok(asked) };
        let text = match fs::read_to_string(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(asked),
            read => read.with_context(|| format!("--state {}", file.display()))?,
        };
        let known: State = serde_json::from_str(&text)
            .map_err(|error| fault(file, &format!("it is no walk of a lister: {error}")))?;
        let is_same = known.prefixes == asked.prefixes
            && known.from_ms == asked.from_ms
            && (!is_until_given || known.until_ms == asked.until_ms);
        if !is_same {
            return Err(fault(file, "it is of another walk; name another file").into());
        }
        Ok(known)
    }

    /// Replaces what was kept, wholly or not at all.
    pub(crate) fn save(&self, state: &State) -> Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        save(path, state).with_context(|| format!("--state {}", path.display()))
    }
}

fn save(path: &Path, state: &State) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(serde_json::to_string(state)?.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn fault(file: &Path, words: &str) -> ConfigFaults {
    ConfigFaults::one(format!("--state {}: {words}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State {
            prefixes: vec!["logs".to_owned()],
            from_ms: 0,
            until_ms: 9,
            done: 0,
            behind: None,
            emitted: 0,
        }
    }

    #[test]
    fn a_walk_is_found_where_it_was_left() {
        let dir = tempfile::tempdir().unwrap();
        let keeper = Keeper::new(Some(dir.path().join("walk.json")));
        assert_eq!(keeper.load(state(), false).unwrap(), state());
        let left = State { behind: Some("logs/5".to_owned()), emitted: 3, ..state() };
        keeper.save(&left).unwrap();
        assert_eq!(keeper.load(state(), true).unwrap(), left);
        // Without an end of its own it goes on to the one that was fixed when it began.
        assert_eq!(keeper.load(State { until_ms: 10, ..state() }, false).unwrap(), left);

        let words = |asked: State| keeper.load(asked, true).unwrap_err().to_string();
        assert!(words(State { from_ms: 1, ..state() }).ends_with("name another file"));
        assert!(words(State { until_ms: 10, ..state() }).ends_with("name another file"));
        fs::write(dir.path().join("walk.json"), "{}").unwrap();
        assert!(words(state()).contains("it is no walk of a lister"));
    }

    #[test]
    fn without_a_file_nothing_is_kept() {
        let keeper = Keeper::new(None);
        keeper.save(&state()).unwrap();
        assert_eq!(keeper.load(state(), true).unwrap(), state());
    }
}
