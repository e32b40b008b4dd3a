//! A command that was run to its end, and what it said.

use std::{
    fs::{self, File},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{patience::wait_for, world::World};

/// Far longer than any command takes that has nothing to wait for: only a hang is longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a command left.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub out: Vec<u8>,
    /// What it said on standard error.
    pub words: String,
}

impl Ran {
    /// Runs a command; it may neither hang nor panic.
    pub fn of(command: &mut Command) -> Result<Self> {
        Self::within(PATIENCE, command)
    }

    /// The same for one that may take so long.
    pub fn within(patience: Duration, command: &mut Command) -> Result<Self> {
        // Not pipes: nobody needs to read them while it runs.
        let dir = tempfile::tempdir()?;
        let (out, words) = (dir.path().join("out"), dir.path().join("words"));
        command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&words)?);
        let mut child = command.spawn()?;
        let ended = wait_for(&format!("{command:?} ends"), patience, || Ok(child.try_wait()?));
        if ended.is_err() {
            child.kill()?;
            child.wait()?;
        }
        let words = String::from_utf8_lossy(&fs::read(words)?).into_owned();
        let ran = Self { code: ended?.code(), out: fs::read(out)?, words };
        ensure!(!ran.words.contains("panicked"), "{command:?}: {}", ran.words);
        Ok(ran)
    }

    /// Its output as text, which a terminal may be shown.
    pub fn text(&self) -> Result<&str> {
        let text = str::from_utf8(&self.out).context("the output is no text")?;
        let is_safe = |c: char| c == '\n' || !c.is_control();
        ensure!(text.chars().all(is_safe), "the output can command a terminal: {text:?}");
        Ok(text)
    }

    /// Its output as JSON, one value a line.
    pub fn json(&self) -> Result<Vec<Value>> {
        let value = |line: &str| serde_json::from_str(line).context(line.to_owned());
        self.text()?.lines().map(value).collect()
    }

    /// Fails unless it ended so and said so, on whichever stream.
    pub fn expect(self, code: i32, said: &[&str]) -> Result<Self> {
        let all = format!("{}{}", String::from_utf8_lossy(&self.out), self.words);
        self.ended(code, &all, said)?;
        Ok(self)
    }

    /// Fails unless it ended so and told a person so, on standard error.
    pub fn tells(&self, code: i32, said: &[&str]) -> Result<()> {
        self.ended(code, &self.words, said)
    }

    fn ended(&self, code: i32, words: &str, said: &[&str]) -> Result<()> {
        ensure!(self.code == Some(code), "it ended with {:?}, not {code}: {self:?}", self.code);
        for said in said {
            ensure!(words.contains(said), "it does not say {said:?}: {words}");
        }
        Ok(())
    }
}

/// Runs the binary as a principal: arguments as one line, without quotes.
pub fn run(world: &World, principal: &str, line: &str) -> Result<Ran> {
    Ran::of(world.cordon(principal).args(line.split(' ')))
}
