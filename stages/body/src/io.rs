//! What a body needs of the cell around it.

use std::time::Duration;

use cordon_cell::{CellContext, CellIoError};

/// Bytes that did not leave the cell: a limit was reached, or memory is short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IoFault(pub String);

/// The way out of a cell.
pub trait CellIo {
    /// Says that work on a datapoint begins: its deadline starts, and if the cell dies, it is
    /// the suspect.
    fn mark(&mut self, part: u32, index: u64);

    /// Says that all datapoints are done.
    fn mark_sealing(&mut self);

    /// Appends a complete frame, which outlives the cell.
    fn append_frame(&mut self, frame: &[u8]) -> Result<(), IoFault>;

    /// Appends to the output.
    fn append_output(&mut self, bytes: &[u8]) -> Result<(), IoFault>;

    /// Hands over the report.
    fn report(&mut self, report: &[u8]) -> Result<(), IoFault>;

    /// Time since the cell got its job.
    fn elapsed(&self) -> Duration;

    /// What the last caught panic said and where, if the cell kept it.
    fn take_panic(&mut self) -> Option<String> {
        None
    }
}

impl CellIo for &CellContext {
    #[inline]
    fn mark(&mut self, part: u32, index: u64) {
        CellContext::mark(self, part, index);
    }

    fn mark_sealing(&mut self) {
        CellContext::mark_sealing(self);
    }

    fn append_frame(&mut self, frame: &[u8]) -> Result<(), IoFault> {
        CellContext::append_frame(self, frame).map_err(IoFault::from)
    }

    fn append_output(&mut self, bytes: &[u8]) -> Result<(), IoFault> {
        CellContext::append_output(self, bytes).map_err(IoFault::from)
    }

    fn report(&mut self, report: &[u8]) -> Result<(), IoFault> {
        CellContext::report(self, report).map_err(IoFault::from)
    }

    fn elapsed(&self) -> Duration {
        CellContext::elapsed(self)
    }

    fn take_panic(&mut self) -> Option<String> {
        cordon_cell::take_panic()
    }
}

impl From<CellIoError> for IoFault {
    fn from(error: CellIoError) -> Self {
        Self(error.to_string())
    }
}
