//! Kafka for cordon: the log seam, its two implementations, topology and administration.
//!
//! This crate is the only home of rdkafka.

pub mod connection;
mod deadline;
pub mod local;
pub mod log;
pub mod model;
pub mod progress;
pub mod secret;
