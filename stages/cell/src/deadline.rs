//! Deadlines, as arithmetic: the zygote samples clocks and the progress page, this decides.

use std::time::Duration;

use crate::{CellLimits, DeadlineKind, page::Mark};

/// What a cell's clocks and page showed at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Monotonic time.
    pub(crate) now: Duration,
    /// CPU time of the cell so far.
    pub(crate) cpu: Duration,
    /// The mark on its page.
    pub(crate) mark: u64,
}

/// Watches one cell.
///
/// A datapoint's time counts from the first sample that saw its mark, so that one that is quicker
/// than its deadline is never killed, and one that is slower dies at most two sampling periods
/// late. Before the first mark and while sealing there is no datapoint to blame: there only the
/// cell's own deadline counts, as it does for a cell that lies about its progress.
#[derive(Debug)]
pub(crate) struct Watch {
    wall_end: Duration,
    datapoint_cpu_max: Duration,
    datapoint_wall_max: Duration,
    /// The first sample with the present mark.
    arrived: Sample,
}

impl Watch {
    pub(crate) fn new(limits: &CellLimits, now: Duration) -> Self {
        Self {
            wall_end: now.saturating_add(limits.wall_max),
            datapoint_cpu_max: limits.datapoint_cpu_max,
            datapoint_wall_max: limits.datapoint_wall_max,
            arrived: Sample { now, cpu: Duration::ZERO, mark: Mark::Start.to_word() },
        }
    }

    /// The deadline that has passed, if one has.
    pub(crate) fn observe(&mut self, sample: Sample) -> Option<DeadlineKind> {
        if sample.now >= self.wall_end {
            return Some(DeadlineKind::CellWall);
        }
        if sample.mark != self.arrived.mark {
            self.arrived = sample;
            return None;
        }
        if !matches!(Mark::from_word(sample.mark), Mark::At { .. }) {
            return None;
        }
        if sample.cpu.saturating_sub(self.arrived.cpu) > self.datapoint_cpu_max {
            return Some(DeadlineKind::DatapointCpu);
        }
        if sample.now.saturating_sub(self.arrived.now) > self.datapoint_wall_max {
            return Some(DeadlineKind::DatapointWall);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1000);

    fn watch() -> Watch {
        let limits = CellLimits {
            wall_max: Duration::from_secs(60),
            datapoint_cpu_max: Duration::from_millis(100),
            datapoint_wall_max: Duration::from_secs(2),
            ..CellLimits::default()
        };
        Watch::new(&limits, START)
    }

    fn sample(wall_ms: u64, cpu_ms: u64, mark: Mark) -> Sample {
        Sample {
            now: START + Duration::from_millis(wall_ms),
            cpu: Duration::from_millis(cpu_ms),
            mark: mark.to_word(),
        }
    }

    const FIRST: Mark = Mark::At { part: 0, index: 0 };
    const SECOND: Mark = Mark::At { part: 0, index: 1 };

    #[test]
    fn a_datapoint_has_its_cpu_time_and_no_more() {
        let mut watch = watch();
        assert_eq!(watch.observe(sample(10, 10, FIRST)), None);
        assert_eq!(watch.observe(sample(110, 110, FIRST)), None);
        let late = watch.observe(sample(120, 120, FIRST));
        assert_eq!(late, Some(DeadlineKind::DatapointCpu));
    }

    #[test]
    fn progress_starts_the_next_deadline() {
        let mut watch = watch();
        assert_eq!(watch.observe(sample(10, 10, FIRST)), None);
        assert_eq!(watch.observe(sample(500, 500, SECOND)), None);
        assert_eq!(watch.observe(sample(590, 590, SECOND)), None);
    }

    #[test]
    fn a_datapoint_that_only_waits_has_its_wall_time() {
        let mut watch = watch();
        assert_eq!(watch.observe(sample(10, 1, FIRST)), None);
        assert_eq!(watch.observe(sample(2010, 1, FIRST)), None);
        let late = watch.observe(sample(2020, 1, FIRST));
        assert_eq!(late, Some(DeadlineKind::DatapointWall));
    }

    #[test]
    fn no_datapoint_is_timed_before_the_first_mark_and_while_sealing() {
        let mut watch = watch();
        assert_eq!(watch.observe(sample(5_000, 5_000, Mark::Start)), None);
        assert_eq!(watch.observe(sample(5_010, 5_000, FIRST)), None);
        assert_eq!(watch.observe(sample(5_020, 5_010, Mark::Sealing)), None);
        assert_eq!(watch.observe(sample(50_000, 50_000, Mark::Sealing)), None);
    }

    #[test]
    fn the_cell_has_its_wall_time_whatever_it_marks() {
        let mut watch = watch();
        assert_eq!(watch.observe(sample(59_990, 0, FIRST)), None);
        let late = watch.observe(sample(60_000, 0, SECOND));
        assert_eq!(late, Some(DeadlineKind::CellWall));
    }
}
