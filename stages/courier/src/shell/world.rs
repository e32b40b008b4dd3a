//! The real time and randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::Environment;

/// What the pure parts are given outside simulations.
pub struct World;

impl Environment for World {
    #[expect(clippy::disallowed_methods, reason = "the shell is where time comes from")]
    fn now_ms(&mut self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "the shell is where randomness comes from")]
    fn uuid(&mut self) -> Uuid {
        Uuid::new_v4()
    }
}
