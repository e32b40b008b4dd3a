//! Deterministic simulation of the shipped courier.
//!
//! A seed decides everything: what the input holds, how often calls are lost, when couriers are
//! killed, frozen, doubled and rebalanced, in which order things happen. The [slot] and the steps
//! of its [transactions] are the ones that are shipped; Kafka is the model log that the
//! conformance suite holds to Apache Kafka; the store, the cells, time and randomness are the
//! seed's. After the trouble everything heals, and then every datapoint must have exactly the fate
//! that the plan says.
//!
//! [slot]: cordon_courier::Slot
//! [transactions]: cordon_courier::transaction::Running

mod cell;
mod check;
mod courier;
mod coverage;
mod datapoint;
mod faults;
mod many;
mod plan;
mod store;
mod trace;
mod world;

pub use coverage::{Coverage, STEPS, Step};
pub use many::{Sum, play_all};

use std::fmt::Write;

use crate::{trace::Trace, world::World};

/// What is counted of a run, or of many.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Datapoints without a fate, as the audit counts them.
    pub lost: i64,
    /// Datapoints with more than one.
    pub duplicated: i64,
    /// Couriers that died.
    pub crashes: u64,
    /// Times the group lost or won a member.
    pub rebalances: u64,
    /// Transactions whose outcome nobody knew.
    pub unknown_outcomes: i64,
    /// Batches committed.
    pub batches: i64,
    /// Cells that died.
    pub cells_died: i64,
    /// Letters written.
    pub letters: i64,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Whether it never came to an end.
    pub is_stuck: bool,
    /// What is wrong with what it left behind.
    pub faults: Vec<String>,
    /// What is counted of it.
    pub counts: Counts,
    /// Calls of clients that did not go as they should.
    pub lost_calls: u64,
    /// Steps of the slots.
    pub coverage: Coverage,
}

/// Plays a seed.
pub fn play(seed: u64) -> Outcome {
    World::new(seed, Trace::default()).run()
}

/// Plays a seed and tells every event and effect, a line each.
pub fn play_aloud(seed: u64, listener: Box<dyn Write>) -> Outcome {
    World::new(seed, Trace::to(listener)).run()
}
