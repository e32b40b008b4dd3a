//! A running stage: its supervisor, and what its couriers log.

use std::{
    fs::{self, File},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    diary::{Diary, Note},
    patience::wait_for,
    supervisor::Supervisor,
    world::World,
};

/// For a courier to start, and for its group to give it partitions: the broker misses a dead
/// member for the session timeout first.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// `cordon run STAGE`, with one slot.
pub struct Stage {
    /// The stage.
    pub stage: String,
    /// The access key by which its courier asks S3, and its name among the couriers.
    pub access_key: String,
    supervisor: Supervisor,
    diary: Diary,
}

impl Stage {
    /// Starts a stage; `settings` adds to the command.
    pub fn start(
        world: &World,
        stage: &str,
        access_key: &str,
        settings: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        Self::start_as(world, world.cordon_by(stage, access_key), stage, access_key, settings)
    }

    /// The same by another command: another version, or another principal.
    pub fn start_as(
        world: &World,
        mut command: Command,
        stage: &str,
        access_key: &str,
        settings: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        let log = world.path(&format!("{access_key}.log"));
        command.args(["run", stage]).stdout(Stdio::null()).stderr(File::create(&log)?);
        settings(&mut command);
        let supervisor = Supervisor::start(&mut command)?;
        let diary = Diary::open(&log)?;
        Ok(Self { stage: stage.to_owned(), access_key: access_key.to_owned(), supervisor, diary })
    }

    /// The process id of its supervisor.
    pub fn supervisor(&self) -> u32 {
        self.supervisor.id()
    }

    /// Whoever its supervisor has as children now, by process id.
    pub fn children(&self) -> Result<Vec<u32>> {
        let pid = self.supervisor();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        children.split_whitespace().map(|pid| Ok(pid.parse()?)).collect()
    }

    /// All couriers that it started up to now, by process id.
    pub fn couriers(&mut self) -> Result<Vec<u32>> {
        let started = |note: &Note| match note {
            Note::Started(pid) => Some(*pid),
            _ => None,
        };
        Ok(self.notes()?.iter().filter_map(started).collect())
    }

    /// Everything that it logged up to now.
    ///
    /// # Errors
    ///
    /// It ended by itself, which it should not.
    pub fn notes(&mut self) -> Result<&[Note]> {
        if let Some(status) = self.supervisor.ended()? {
            bail!("{} ended with {status}", self.access_key);
        }
        Ok(self.diary.read()?)
    }

    /// Waits until the notes have what is looked for.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&[Note]) -> Option<T>,
    ) -> Result<T> {
        let what = format!("{}: {what}", self.access_key);
        wait_for(&what, PATIENCE, || Ok(look(self.notes()?)))
    }

    /// Waits until the courier that runs now was given partitions.
    pub fn wait_until_it_owns(&mut self) -> Result<()> {
        self.wait_for("is given partitions", |notes| {
            let is_given = |note: &Note| matches!(note, Note::Assigned(1..));
            notes[last_start(notes)?..].iter().any(is_given).then_some(())
        })
    }

    /// The courier that runs now.
    pub fn courier(&mut self) -> Result<Pid> {
        let start = self.wait_for("starts a courier", last_start)?;
        let Note::Started(pid) = self.notes()?[start] else { bail!("a start") };
        Pid::from_raw(pid.cast_signed()).context("a courier has a process id")
    }

    /// Kills the courier that runs now with SIGKILL, and waits until the supervisor started
    /// another. Returns what the dead one logged.
    pub fn kill_courier(&mut self) -> Result<Vec<Note>> {
        let start = self.wait_for("starts a courier", last_start)?;
        kill_process(self.courier()?, Signal::KILL)?;
        let end = self.wait_for("starts the next courier", |notes| {
            last_start(notes).filter(|next| *next > start)
        })?;
        Ok(self.notes()?[start + 1..end].to_vec())
    }

    /// Waits until it ends by itself, in good order.
    pub fn wait_until_it_ends(mut self, patience: Duration) -> Result<()> {
        let what = format!("{} ends", self.access_key);
        let status = wait_for(&what, patience, || self.supervisor.ended())?;
        ensure!(status.success(), "{} ended with {status}", self.access_key);
        Ok(())
    }

    /// Asks it to stop, and waits: it must end in good order.
    pub fn stop(self) -> Result<()> {
        let status = self.supervisor.stop()?;
        ensure!(status.success(), "{} ended with {status}", self.access_key);
        Ok(())
    }
}

/// Where the last courier was started.
fn last_start(notes: &[Note]) -> Option<usize> {
    notes.iter().rposition(|note| matches!(note, Note::Started(_)))
}
