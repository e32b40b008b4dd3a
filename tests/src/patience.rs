//! Waiting: for what must happen sooner or later, and never by the clock alone.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Between two looks. Short, because what is waited for may be over soon.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Looks until there is something, at most for `patience`. `what` says what is missing then.
///
/// # Errors
///
/// The patience is over, or a look failed.
pub fn wait_for<T>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let started = now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if started.elapsed() > patience {
            bail!("{what}: not within {patience:?}");
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// The time, for patience and for figures.
#[expect(clippy::disallowed_methods, reason = "a test gives up after a while")]
pub fn now() -> Instant {
    Instant::now()
}
