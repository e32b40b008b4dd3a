//! The records of cordon: what travels through Kafka and what lies in a payload.
//!
//! Every type here is the Rust face of a committed Avro schema in `avro/schemas`. Kafka
//! records use Avro's single-object encoding ([`single_object`]), so that a reader always knows
//! which schema wrote them. Payloads are containers, and containers are *not* here: this crate
//! holds no decompressor, because the courier, which holds the credentials, may use it.
//!
//! Restrictions: no I/O, no clock, no randomness; decoding never panics on hostile input and
//! never allocates more than the input's size suggests.

pub mod binary;
pub mod cell;
mod datapoint;
mod datum;
mod error;
mod finding;
mod graph;
mod ids;
mod key;
mod letter;
mod log_record;
mod metrics;
mod pointer;
pub mod raw;
mod receipt;
mod runs;
pub mod schema;
pub mod single_object;

pub use datapoint::{FileOrigin, LogDatapoint, LogOrigin, Origin};
pub use datum::Datum;
pub use error::{DecodeError, EncodeError};
pub use finding::Finding;
pub use graph::{Body, Edge, Element, Node, Property, Text, Values};
pub use ids::{BatchId, Digest, FindingId, NodeKey};
pub use key::{KeyFault, ObjectKey};
pub use letter::{Letter, Reason};
pub use log_record::LogRecord;
pub use metrics::Metrics;
pub use pointer::{Pointer, PointerFault, PointerLimits};
pub use receipt::{Input, Lane, Output, Receipt, Source};
pub use runs::{Run, Runs};
pub use schema::Fingerprint;
