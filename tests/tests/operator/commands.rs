//! Commands, as a person or a script runs them.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use cordon_tests::{patience::wait_for, world::World};
use serde_json::Value;

/// For a stage that must end by itself: it waits a minute for an offset that is not there, and for
/// partitions that a dead member holds.
const END_PATIENCE: Duration = Duration::from_secs(180);

/// What a command left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    /// What it said on standard error.
    pub(crate) words: String,
}

impl Ran {
    /// Its output as text, which a terminal may be shown.
    pub(crate) fn text(&self) -> Result<&str> {
        let text = str::from_utf8(&self.out).context("the output is no text")?;
        let is_safe = |c: char| c == '\n' || !c.is_control();
        ensure!(text.chars().all(is_safe), "the output can command a terminal: {text:?}");
        Ok(text)
    }

    /// Its output as JSON, one value a line.
    pub(crate) fn json(&self) -> Result<Vec<Value>> {
        let value = |line: &str| serde_json::from_str(line).context(line.to_owned());
        self.text()?.lines().map(value).collect()
    }

    /// Fails unless it ended so and said so.
    pub(crate) fn expect(self, code: i32, words: &[&str]) -> Result<Self> {
        ensure!(self.code == Some(code), "it ended with {:?}, not {code}: {self:?}", self.code);
        let said = format!("{}{}", String::from_utf8_lossy(&self.out), self.words);
        for words in words {
            ensure!(said.contains(words), "it does not say {words:?}: {said}");
        }
        Ok(self)
    }
}

/// Runs the binary as a principal, to its end.
pub(crate) fn run(world: &World, principal: &str, line: &str) -> Result<Ran> {
    let mut command = world.cordon(principal);
    let output = command.args(line.split(' ')).output()?;
    Ok(Ran {
        code: output.status.code(),
        out: output.stdout,
        words: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs a stage that must end by itself, because it cannot go on.
pub(crate) fn run_until_it_ends(command: &mut Command) -> Result<Ran> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let stderr = child.stderr.take().context("standard error is piped")?;
    // Read as it comes, so that the stage never waits for a reader.
    let words = std::thread::spawn(move || std::io::read_to_string(stderr));
    let ended = wait_for("the stage ends by itself", END_PATIENCE, || Ok(child.try_wait()?));
    if ended.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let Ok(words) = words.join() else { bail!("the reader of standard error panicked") };
    Ok(Ran { code: ended?.code(), out: Vec::new(), words: words? })
}
