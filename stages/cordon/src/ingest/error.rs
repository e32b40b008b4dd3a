//! What ends an ingest before all files are done.

use std::{io, path::PathBuf};

use crate::terminal;

/// Why ingest stopped. What is wrong with a single file stops nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IngestError {
    /// A path that was given is not there, or may not be read.
    #[error("cannot read {}", terminal::escape(&path.display().to_string()))]
    Path {
        /// As it was given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing can be written to Kafka.
    #[error("cannot write to kafka: {0}")]
    Kafka(String),
    /// Nothing can be stored.
    #[error("cannot store a payload: {0}")]
    Store(String),
    /// Nothing can be unpacked.
    #[error("there are no cells: {0}")]
    Cells(String),
}
