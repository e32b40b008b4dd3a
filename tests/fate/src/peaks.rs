//! How much memory cells take, looked at from outside.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

/// The most memory that any cell had, of all that were looked at.
#[derive(Default)]
pub struct Peaks {
    cell_bytes: AtomicU64,
}

impl Peaks {
    /// Bytes of the largest resident set.
    pub fn cell_bytes_max(&self) -> u64 {
        self.cell_bytes.load(Ordering::Relaxed)
    }

    /// Looks at the cells of a process group while something runs.
    pub fn watch<T>(&self, group: u32, run: impl FnOnce() -> T) -> T {
        const LOOK_EVERY: Duration = Duration::from_millis(5);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let peak = cells(group).into_iter().max().unwrap_or_default();
                    self.cell_bytes.fetch_max(peak, Ordering::Relaxed);
                    thread::sleep(LOOK_EVERY);
                }
            });
            let left = run();
            is_over.store(true, Ordering::Relaxed);
            left
        })
    }
}

/// The largest resident set so far of each cell in a process group.
fn cells(group: u32) -> Vec<u64> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let peak = |entry: fs::DirEntry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // pid (name) state ppid pgrp …
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        let is_ours = rest.split_whitespace().nth(2)? == group.to_string();
        if !is_ours || name != "cordon-cell" {
            return None;
        }
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib << 10)
    };
    processes.flatten().filter_map(peak).collect()
}
