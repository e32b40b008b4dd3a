//! CPU time, as the scheduler counts it: up to the last tick of whoever is running, so measure
//! many of them.

use std::fs;

/// CPU time of the calling thread while `work` runs, nanoseconds.
pub(crate) fn of(work: impl FnOnce()) -> u64 {
    let before = read("/proc/thread-self/schedstat");
    work();
    read("/proc/thread-self/schedstat") - before
}

/// CPU time of a process with one thread so far, exact when that thread waits.
#[derive(Clone, Copy)]
pub(crate) struct Cpu(u64);

impl Cpu {
    pub(crate) fn of_process(pid: u32) -> Self {
        Self(read(&format!("/proc/{pid}/schedstat")))
    }

    /// Nanoseconds.
    pub(crate) fn since(self, before: Self) -> u64 {
        self.0 - before.0
    }
}

fn read(path: &str) -> u64 {
    let stat = fs::read_to_string(path).expect("the process lives, and Linux counts");
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("CPU time in nanoseconds")
}
