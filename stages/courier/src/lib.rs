//! The courier: moves data between Kafka, S3 and cells, and never looks inside it.
//!
//! The heart is [`Slot`], a pure state machine; around it the
//! shell ([`Courier`]) runs its effects on threads.

mod advance;
mod batch;
mod environment;
pub mod event;
pub mod file;
mod partition;
mod phase;
mod settings;
mod shell;
mod slot;
pub mod transaction;
mod trial;
mod verify;

pub use environment::Environment;
pub use phase::{CommittingPhase, CurrentPhase, Move, Phase, ProducerPhase, TransactionPhase};
pub use settings::{InputKind, Limits, StageSettings};
pub use shell::{Courier, TRANSACTION_BUCKETS, WatchedProcess, World};
pub use slot::Slot;
