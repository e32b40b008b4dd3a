//! How long a command waits for what passes by itself.

use std::{
    thread,
    time::{Duration, Instant},
};

/// A coordinator that moves, a bucket that is throttled: seconds. Beyond this a person who sits
/// before the command should hear of it; running it again is safe. An attempt that has begun is
/// not cut short.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause after the first attempt; doubled up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What is left of it for one thing that is tried again and again.
pub(crate) struct Patience {
    begun: Instant,
    pause: Duration,
}

impl Patience {
    pub(crate) fn new() -> Self {
        Self { begun: now(), pause: PAUSE_MIN }
    }

    /// Waits before the next attempt; `false`, at once, when the patience is over.
    pub(crate) fn wait(&mut self) -> bool {
        if self.begun.elapsed() + self.pause > PATIENCE {
            return false;
        }
        thread::sleep(self.pause);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        true
    }
}

/// The time, for patience and pace.
#[expect(clippy::disallowed_methods, reason = "the shell is where time comes from")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
