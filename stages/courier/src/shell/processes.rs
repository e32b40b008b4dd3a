//! What a process uses, as Linux tells by files that were opened before the jail: in it, a courier
//! opens none of them, and asks about no other process.

use std::{fs::File, io, os::unix::fs::FileExt as _};

/// A process that is watched.
#[derive(Debug)]
pub struct WatchedProcess {
    name: &'static str,
    status: File,
    stat: File,
}

/// What it used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) rss_bytes: u64,
    pub(super) rss_peak_bytes: u64,
    /// Of all its threads, without children.
    pub(super) cpu_us: i64,
}

/// Longer than either file. The kernel writes what is asked for first.
const FILE_BYTES_MAX: usize = 4096;
/// `/proc` counts in hundredths of a second on every architecture that cordon runs on (proc(5):
/// `USER_HZ`).
const TICK_US: i64 = 10_000;

impl WatchedProcess {
    /// Opens what tells of a process, which is called `name` in metrics. Call it before the jail.
    ///
    /// # Errors
    ///
    /// There is no such process, or `/proc` hides it.
    pub fn open(name: &'static str, pid: u32) -> io::Result<Self> {
        let open = |file| File::open(format!("/proc/{pid}/{file}"));
        Ok(Self { name, status: open("status")?, stat: open("stat")? })
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// `None` when it has ended.
    pub(super) fn used(&self) -> Option<Used> {
        let status = read(&self.status)?;
        let bytes = |name| field_kib(&status, name).map(|kib| kib << 10);
        Some(Used {
            rss_bytes: bytes("VmRSS:")?,
            rss_peak_bytes: bytes("VmHWM:")?,
            cpu_us: ticks(&read(&self.stat)?)? * TICK_US,
        })
    }
}

fn read(file: &File) -> Option<String> {
    let mut buffer = [0; FILE_BYTES_MAX];
    let len = file.read_at(&mut buffer, 0).ok()?;
    Some(String::from_utf8_lossy(&buffer[..len]).into_owned())
}

/// `VmRSS:     1234 kB`.
fn field_kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// utime and stime are the fields 14 and 15 of proc_pid_stat(5), behind a name that may hold
/// anything.
fn ticks(stat: &str) -> Option<i64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<i64>().ok());
    ticks.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let status = "Name:\tVmRSS: 1 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(field_kib(status, "VmRSS:"), Some(1024));
        assert_eq!(field_kib(status, "VmHWM:"), Some(2048));
        assert_eq!(field_kib(status, "VmSwap:"), None);
        let stat = "7 (a) R (b)) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 99";
        assert_eq!(ticks(stat), Some(30));
    }

    #[test]
    fn this_process_uses_memory() {
        let me = WatchedProcess::open("me", std::process::id()).unwrap();
        let used = me.used().unwrap();
        assert!(used.rss_bytes > 0 && used.rss_peak_bytes >= used.rss_bytes);
        assert!(WatchedProcess::open("nobody", u32::MAX).is_err());
    }
}
