//! What stages are made of: the stage trait, event identity, the graph and its merge laws.
//!
//! Pure: no I/O, no clock, no randomness, no async.

mod entities;
mod event;
mod graph;
pub mod identity;
mod names;
mod stage;
mod time;
pub mod vocabulary;

pub use entities::{KnownElements, elements, node_keys};
pub use event::{Event, Field, Malformed};
pub use graph::{
    CONFLICTS_MAX, Graph, LAWS, Law, PROPERTIES_MAX, SET_VALUES_MAX, VALUE_BYTES_MAX, value_hash,
};
pub use identity::{node_key, partition_of};
pub use stage::{Accumulate, Fate, Item, Memory, Stage};
