//! How fast a command works: so many things a second, if somebody wants a limit.

use std::time::Duration;

/// A limit on the things of a second: datapoints of a replay, pointers of the lister.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    rate: Option<u64>,
}

impl Pace {
    pub(crate) fn new(rate: Option<u64>) -> Self {
        Self { rate }
    }

    /// Whether a transaction that holds so many takes no more: it is worth a second at most, so that a
    /// limit does not become a row of bursts.
    pub(crate) fn is_enough(self, count: i64) -> bool {
        self.rate.is_some_and(|rate| count.max(0).unsigned_abs() >= rate)
    }

    /// How long to wait when so many were done in `elapsed`.
    pub(crate) fn wait(self, count: u64, elapsed: Duration) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        // A rate of one is at most 2^64 seconds: no float overflows here.
        let due = Duration::try_from_secs_f64(count as f64 / rate as f64);
        due.unwrap_or(Duration::MAX).saturating_sub(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_kept_on_average() {
        let pace = Pace::new(Some(100));
        assert_eq!(pace.wait(50, Duration::ZERO), Duration::from_millis(500));
        assert_eq!(pace.wait(50, Duration::from_secs(1)), Duration::ZERO);
        assert!(pace.wait(u64::MAX, Duration::ZERO) > Duration::from_secs(1 << 40));
        assert!(pace.is_enough(100) && !pace.is_enough(99));
    }

    #[test]
    fn without_a_limit_nobody_waits() {
        let pace = Pace::new(None);
        assert_eq!(pace.wait(u64::MAX, Duration::ZERO), Duration::ZERO);
        assert!(!pace.is_enough(i64::MAX));
    }
}
