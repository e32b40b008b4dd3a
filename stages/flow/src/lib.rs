//! What stages are made of: the stage trait, event identity, the graph and its merge laws.
//!
//! Pure: no I/O, no clock, no randomness, no async.

mod stage;

pub use stage::{Accumulate, Fate, Item, Stage};
