//! Kafka for cordon: the log seam, its two implementations, topology and administration.
//!
//! This crate is the only home of rdkafka.

pub mod admin;
pub mod conformance;
pub mod connection;
mod deadline;
mod ffi;
pub mod local;
pub mod log;
pub mod model;
pub mod progress;
pub mod real;
pub mod secret;
pub mod topology;
