//! The only clock of this crate: how long to go on waiting for Kafka.

use std::time::{Duration, Instant};

/// A point in time at which to stop trying.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// `budget` from now.
    pub(crate) fn after(budget: Duration) -> Self {
        Self(now() + budget)
    }

    /// What is left; zero when it passed.
    pub(crate) fn remaining(self) -> Duration {
        self.0.saturating_duration_since(now())
    }

    /// What is left, but at most `slice`: for waits that must look up in between.
    pub(crate) fn slice(self, slice: Duration) -> Duration {
        self.remaining().min(slice)
    }

    /// Whether it passed.
    pub(crate) fn passed(self) -> bool {
        self.remaining().is_zero()
    }
}

#[expect(clippy::disallowed_methods, reason = "this crate's shell around Kafka waits for Kafka")]
fn now() -> Instant {
    Instant::now()
}
