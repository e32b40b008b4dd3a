//! Kafka for cordon: the log seam, its two implementations, topology and administration.
//!
//! This crate is the only home of rdkafka.

pub mod log;
pub mod progress;
