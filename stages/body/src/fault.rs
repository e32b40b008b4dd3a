//! What ends a body without a result.

use cordon_container::WriteError;
use cordon_records::{DecodeError, EncodeError};

use crate::IoFault;

/// Why a body gave up. Never a datapoint's fault: those get letters.
#[derive(Debug, thiserror::Error)]
pub enum BodyFault {
    /// The job cannot be read.
    #[error("the job cannot be read: {0}")]
    Header(#[from] DecodeError),
    /// The job contradicts itself or its input.
    #[error("the job makes no sense: {0}")]
    Job(&'static str),
    /// A result did not leave the cell.
    #[error(transparent)]
    Io(#[from] IoFault),
    /// The merged result cannot be sealed.
    #[error("the output cannot be sealed")]
    Seal(#[from] WriteError),
    /// The frame or report cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
