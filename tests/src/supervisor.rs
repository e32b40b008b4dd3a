//! The supervisor of a stage, as a test's child.

use std::process::{Child, ChildStderr, Command, ExitStatus};

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process};

/// `cordon run STAGE`, stopped in good order when dropped.
#[derive(Debug)]
pub struct Supervisor(Child);

impl Supervisor {
    /// Starts it.
    pub fn start(command: &mut Command) -> Result<Self> {
        Ok(Self(command.spawn()?))
    }

    /// Its process id, which is also that of its process group, if it has one of its own.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// What it logs, where that was piped. Once.
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.0.stderr.take()
    }

    /// Asks it to stop, and waits.
    pub fn stop(mut self) -> Result<ExitStatus> {
        self.terminate()?;
        Ok(self.0.wait()?)
    }

    fn terminate(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.0), Signal::TERM)?)
    }
}

impl Drop for Supervisor {
    /// For failures on the way: one that was stopped is gone already.
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.terminate();
            let _ = self.0.wait();
        }
    }
}
