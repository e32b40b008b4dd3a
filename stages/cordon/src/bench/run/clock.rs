//! The run's own clock: one for what is sent and for what arrives, since both are seen here.

use std::time::Instant;

use crate::patience::now;

/// Counts from when it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(now())
    }

    /// Microseconds since its start.
    pub(super) fn now_us(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
