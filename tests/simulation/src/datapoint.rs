//! Datapoints of the simulation: an id, and what happens to whoever processes it.

use cordon_records::Reason;

/// Bytes of an encoded datapoint.
pub(crate) const DATAPOINT_BYTES: usize = 5;
/// Bytes that a datapoint becomes in an output.
pub(crate) const OUTPUT_BYTES: usize = 4;

/// What a datapoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nature {
    /// It goes into the output.
    Output,
    /// It has no mapping.
    NotMapped,
    /// It does not parse.
    Rejected,
    /// It kills its cell.
    Crash,
    /// It never ends.
    Hang,
    /// It kills its cell one time in three.
    Flaky,
    /// It comes through, but the cell dies sealing it.
    Sealer,
    /// It kills the machine: cell, courier and all.
    Machine,
}

impl Nature {
    const ALL: [Self; 8] = [
        Self::Output,
        Self::NotMapped,
        Self::Rejected,
        Self::Crash,
        Self::Hang,
        Self::Flaky,
        Self::Sealer,
        Self::Machine,
    ];

    /// Whether it may end in an output.
    pub(crate) fn may_come_through(self) -> bool {
        matches!(self, Self::Output | Self::Flaky)
    }

    /// The reasons that its letter may have; none if it must not be dead.
    pub(crate) fn reasons(self) -> &'static [Reason] {
        match self {
            Self::Output | Self::NotMapped => &[],
            Self::Rejected => &[Reason::Rejected],
            // A cell that ends without a word while it has one alone says how it ended, not why.
            Self::Crash | Self::Flaky | Self::Hang => &[Reason::Crash, Reason::Deadline],
            Self::Sealer => &[Reason::Seal],
            Self::Machine => &[Reason::Machine],
        }
    }
}

/// One datapoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Datapoint {
    pub(crate) id: u32,
    pub(crate) nature: Nature,
}

impl Datapoint {
    /// Its bytes in a payload, or as a raw record's value.
    pub(crate) fn encode(self) -> [u8; DATAPOINT_BYTES] {
        let [a, b, c, d] = self.id.to_be_bytes();
        [self.nature as u8, a, b, c, d]
    }

    /// Reads it back. Only what [`Datapoint::encode`] wrote is ever read.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let &[nature, ref id @ ..] = bytes else {
            panic!("a datapoint has {DATAPOINT_BYTES} bytes")
        };
        let id = u32::from_be_bytes((*id).try_into().expect("a datapoint ends with its id"));
        Self { id, nature: Nature::ALL[usize::from(nature)] }
    }
}
