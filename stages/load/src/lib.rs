//! The load generator: Windows telemetry of a made-up office, deterministic by seed.
//!
//! Key idea: a small world (hosts, users, process trees, pids that are reused) acts, each deed
//! becomes events, and each event takes the shape in which its host's agent ships it. Shapes,
//! values and shares were learned from public archives; none of their bytes is in here. Attacks
//! are planted step by step among ordinary activity, a share of the lines is damaged or late, and
//! a [`Ledger`] says exactly what was emitted.
//!
//! Restrictions: no clock, no environment, no hash order; the same [`Settings`] give the same
//! bytes. No ordinary line matches a rule of the stage *match*: what it finds are attack steps.
//!
//! ```
//! use cordon_load::{Settings, Telemetry};
//!
//! let mut telemetry = Telemetry::new(Settings { seed: 7, ..Settings::default() });
//! for line in telemetry.by_ref().take(100) {
//!     assert!(!line.bytes.contains(&b'\n'));
//! }
//! assert_eq!(telemetry.ledger().lines, 100);
//! ```

mod activity;
mod attack;
mod damage;
mod event;
mod event_log;
mod host;
mod json;
mod ledger;
mod programs;
mod rng;
mod settings;
mod shape;
mod telemetry;
mod time;

pub use event_log::EventLog;
pub use ledger::{Attack, Damage, Ledger, Step};
pub use settings::Settings;
pub use shape::Shape;
pub use telemetry::{Kind, Line, Telemetry};
