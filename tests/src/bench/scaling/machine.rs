//! What the machine has left for the bench: it may be shared.

use std::{fs, io, thread, time::Duration};

use super::super::{cpu, now};

/// Fields of `/proc/stat` in which nothing is computed: idle, and waiting for disks.
const IDLE_FIELDS: [usize; 2] = [3, 4];
/// Behind these, guests' time is counted a second time.
const FIELDS: usize = 8;

/// CPU time at one moment.
pub(super) struct Machine {
    then: std::time::Instant,
    busy: Duration,
    ours: Duration,
}

impl Machine {
    pub(super) fn look() -> io::Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let ticks = busy_ticks(&stat).ok_or_else(|| io::Error::other("no CPU in /proc/stat"))?;
        let ours = cpu::of_tree(std::process::id())?;
        Ok(Self { then: now(), busy: cpu::of_ticks(ticks), ours })
    }

    /// Cores that others left since an earlier look, to this process and all that descend from it.
    pub(super) fn cores_since(&self, before: &Self) -> io::Result<f64> {
        let wall = self.then.duration_since(before.then).as_secs_f64();
        let busy = self.busy.saturating_sub(before.busy);
        let others = busy.saturating_sub(self.ours.saturating_sub(before.ours));
        let cores = thread::available_parallelism()?.get() as f64;
        Ok(cores - (others.as_secs_f64() / wall).min(cores))
    }
}

/// The first line: `cpu user nice system idle iowait irq softirq steal …`.
fn busy_ticks(stat: &str) -> Option<u64> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(FIELDS);
    let busy = fields.enumerate().filter(|(place, _)| !IDLE_FIELDS.contains(place));
    busy.map(|(_, ticks)| ticks.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_guests_do_not_count() {
        let stat = "cpu  1 20 300 4000 50000 600 7 8 9 10\ncpu0 1 1 1 1\n";
        assert_eq!(busy_ticks(stat), Some(1 + 20 + 300 + 600 + 7 + 8));
        assert_eq!(busy_ticks("intr 1 2"), None);
    }
}
