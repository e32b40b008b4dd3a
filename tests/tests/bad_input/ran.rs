//! A command that was run to its end, and what it said.

use std::{
    fs::{self, File},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Result, ensure};
use cordon_tests::patience::wait_for;

/// Far longer than any of these commands takes: only a hang is longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What became of a command.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    /// What it told people.
    pub(crate) words: String,
}

/// Runs a command; it may neither hang nor panic.
pub(crate) fn run(command: &mut Command) -> Result<Ran> {
    let dir = tempfile::tempdir()?;
    let (out, words) = (dir.path().join("out"), dir.path().join("words"));
    command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&words)?);
    let mut child = command.spawn()?;
    let ended = wait_for(&format!("{command:?} ends"), PATIENCE, || Ok(child.try_wait()?));
    if ended.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let read = |path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let ran = Ran { code: ended?.code(), out: read(out)?, words: read(words)? };
    ensure!(!ran.words.contains("panicked"), "{command:?}: {}", ran.words);
    Ok(ran)
}

impl Ran {
    /// Whether it ended with this code and said all this.
    pub(crate) fn expect(&self, code: i32, said: &[&str]) -> Result<()> {
        ensure!(self.code == Some(code), "ended with {:?}: {}", self.code, self.words);
        for said in said {
            ensure!(self.words.contains(said), "it does not say {said:?}: {}", self.words);
        }
        Ok(())
    }
}
