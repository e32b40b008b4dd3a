//! The processes of a stage, and their memory, looked at from outside.
//!
//! What counts is anonymous memory, which is where a process keeps things. Pages of files, the
//! program's own, come and go as the kernel pleases. Shares of pages are not asked for: a zygote has
//! its own in common with however many cells live at the moment.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::super::stage::Stage;

/// One number for each kind of process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Each<T> {
    pub(super) supervisor: T,
    pub(super) courier: T,
    pub(super) zygote: T,
    pub(super) cell: T,
}

impl<T> Each<T> {
    /// By what `of` makes of each.
    pub(super) fn map<U>(&self, mut of: impl FnMut(&T) -> U) -> Each<U> {
        Each {
            supervisor: of(&self.supervisor),
            courier: of(&self.courier),
            zygote: of(&self.zygote),
            cell: of(&self.cell),
        }
    }

    pub(super) fn all(&self) -> [&T; 4] {
        [&self.supervisor, &self.courier, &self.zygote, &self.cell]
    }
}

/// Anonymous bytes resident now; of cells, the most of any kind that the largest one had so far.
pub(super) fn kept_bytes(stage: &Stage) -> Result<Each<u64>> {
    let [supervisor, courier, zygote] = [stage.supervisor(), stage.courier(), stage.zygote()]
        .map(|pid| status_bytes(pid, "RssAnon:").with_context(|| format!("process {pid} is gone")));
    Ok(Each {
        supervisor: supervisor?,
        courier: courier?,
        zygote: zygote?,
        cell: cell_bytes_max(stage.zygote()),
    })
}

/// The highest resident set of any cell that lives now; 0 while there is none.
pub(super) fn cell_bytes_max(zygote: u32) -> u64 {
    let cells = children(zygote).unwrap_or_default();
    // A cell may end at any moment.
    cells.into_iter().filter_map(|cell| status_bytes(cell, "VmHWM:")).max().unwrap_or_default()
}

/// # Errors
///
/// A process was replaced, and whatever it had gathered went with it.
pub(super) fn ensure_same(stage: &Stage) -> Result<()> {
    let mut children = children(stage.supervisor()).context("the supervisor is gone")?;
    children.sort_unstable();
    let mut started = vec![stage.courier(), stage.zygote()];
    started.sort_unstable();
    ensure!(children == started, "courier or zygote were replaced: {started:?}, now {children:?}");
    Ok(())
}

fn children(pid: u32) -> Option<Vec<u32>> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().map(|pid| pid.parse().ok()).collect()
}

/// A size of proc_pid_status(5), which anybody may read, also of a process that is not dumpable.
fn status_bytes(pid: u32, name: &str) -> Option<u64> {
    size_of(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, name)
}

fn size_of(status: &str, name: &str) -> Option<u64> {
    let size = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = size.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_by_name() {
        let status = "Name:\tRssAnon: 1 kB\nVmHWM:\t    4096 kB\nRssAnon:\t    2048 kB\n";
        assert_eq!(size_of(status, "RssAnon:"), Some(2 << 20));
        assert_eq!(size_of(status, "VmHWM:"), Some(4 << 20));
        assert_eq!(size_of(status, "VmPin:"), None);
    }

    #[test]
    fn what_is_touched_is_kept() {
        let me = std::process::id();
        let before = status_bytes(me, "RssAnon:").unwrap();
        let touched = vec![1u8; 64 << 20];
        assert!(status_bytes(me, "RssAnon:").unwrap() > before + (48 << 20));
        drop(touched);
    }
}
