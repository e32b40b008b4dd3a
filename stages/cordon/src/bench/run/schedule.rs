//! When each line should be sent: an open loop, which waits for nobody.

/// Lines at a steady rate from a moment on. Times are microseconds of the run's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    pub(super) begin_us: u64,
    pub(super) rate: u64,
}

impl Schedule {
    /// When this line should be sent, whenever it is. A latency counts from here: a sender that was
    /// held up must not make what it measures look better (coordinated omission).
    pub(super) fn due_us(&self, line: u64) -> u64 {
        let after = u128::from(line) * 1_000_000 / u128::from(self.rate.max(1));
        self.begin_us.saturating_add(u64::try_from(after).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_due_at_a_steady_rate() {
        let schedule = Schedule { begin_us: 1_000, rate: 3 };
        assert_eq!(
            [0, 1, 2, 3].map(|line| schedule.due_us(line)),
            [1_000, 334_333, 667_666, 1_001_000]
        );
        assert_eq!(schedule.due_us(u64::MAX), u64::MAX, "no overflow");
    }
}
