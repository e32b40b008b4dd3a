//! What can be wrong with a payload.

/// What a reader does about a fault depends on its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Not written with the schema that the pointer names, or with none that this version knows.
    Schema,
    /// The bytes are not what the format or their own counts say.
    Corrupt,
    /// A block, or the whole, is larger than its limit.
    TooLarge,
}

/// Why a payload cannot be read from `index` on. Every datapoint before it was delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unreadable from datapoint {index} on: {detail}")]
pub struct ContainerFault {
    /// What to do about it.
    pub kind: FaultKind,
    /// The first datapoint that cannot be read.
    pub index: u64,
    /// For a person.
    pub detail: String,
}
