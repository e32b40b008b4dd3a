//! CPU time, as the kernel counts it.

use std::{fs, io, time::Duration};

/// `/proc` counts in these on every architecture that cordon runs on (proc(5): `USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// CPU time of a process, of everything that descends from it, and of descendants that ended and
/// were waited for. Each number is rounded down to 10 ms, so measure seconds.
///
/// # Errors
///
/// There is no such process.
pub(super) fn of_tree(root: u32) -> io::Result<Duration> {
    let all: Vec<Process> = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(Process::read) // it may have ended meanwhile
        .collect();
    let mut tree: Vec<&Process> = all.iter().filter(|process| process.pid == root).collect();
    if tree.is_empty() {
        return Err(io::Error::other(format!("there is no process {root}")));
    }
    let mut next = 0;
    while let Some(parent) = tree.get(next).map(|process| process.pid) {
        tree.extend(all.iter().filter(|process| process.parent == parent));
        next += 1;
    }
    let ticks: u64 = tree.iter().map(|process| process.ticks).sum();
    Ok(of_ticks(ticks))
}

/// So much CPU time as `/proc` counts it.
pub(super) fn of_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// CPU time of the calling thread.
///
/// # Errors
///
/// The kernel was built without scheduler statistics.
pub(super) fn of_this_thread() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns = stat.split(' ').next().and_then(|ns| ns.parse().ok());
    ns.map(Duration::from_nanos).ok_or_else(|| io::Error::other("schedstat is no number"))
}

struct Process {
    pid: u32,
    parent: u32,
    /// Its own, and those of children it waited for.
    ticks: u64,
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// `pid (name) state ppid …`, where the name may hold anything.
    fn parse(pid: u32, stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split(' ').skip(1);
        let parent = fields.next()?.parse().ok()?;
        // utime, stime, cutime and cstime are the fields 14 to 17 of proc_pid_stat(5).
        let ticks = fields.skip(9).take(4).map(|field| field.parse::<u64>().ok());
        Some(Self { pid, parent, ticks: ticks.sum::<Option<u64>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "7 (a) R (b)) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 99";
        let process = Process::parse(7, stat).unwrap();
        assert_eq!((process.parent, process.ticks), (3, 100));
    }

    #[test]
    fn a_child_counts_before_and_after_its_end() {
        let me = std::process::id();
        let before = of_tree(me).unwrap();
        // `while` in a shell of its own: it burns CPU until it was seen to.
        let mut child =
            std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        while of_tree(child.id()).unwrap() < Duration::from_millis(50) {}
        let alive = of_tree(me).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(alive >= before + Duration::from_millis(50));
        assert!(of_tree(me).unwrap() >= alive);
    }

    #[test]
    fn nobody_has_no_time() {
        assert!(of_tree(u32::MAX).is_err());
    }
}
