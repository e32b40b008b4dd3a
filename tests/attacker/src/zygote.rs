//! A zygote of this program.

use std::{ffi::OsString, process::Child};

use anyhow::{Context as _, Result};
use cordon_cell::{CellJob, CellResult, Cells, spawn_zygote};

/// A zygote of generate, which ends when it is dropped.
pub struct Zygote {
    child: Child,
    cells: Option<Cells>,
}

impl Zygote {
    /// Starts it with a jail, by its word.
    pub fn start(jail: &str) -> Result<Self> {
        let args = ["zygote", "generate", "--jail", jail].map(OsString::from);
        let spawned = spawn_zygote(&args)?;
        Ok(Self { child: spawned.child, cells: Some(Cells::connect(spawned.socket)?) })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Runs a cell.
    pub fn run(&self, job: CellJob) -> Result<CellResult> {
        Ok(self.cells.as_ref().context("the zygote was ended")?.run(job))
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        // It ends when nobody can ask it for a cell any more.
        drop(self.cells.take());
        let _ = self.child.wait();
    }
}
