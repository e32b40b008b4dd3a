//! Time and randomness, the two things a pure machine must be given.

use uuid::Uuid;

/// What the machine may ask for. The simulator answers from its seed.
pub trait Environment {
    /// Milliseconds since the epoch.
    fn now_ms(&mut self) -> i64;
    /// A fresh version 4 UUID.
    fn uuid(&mut self) -> Uuid;
}
