//! The progress page: what a cell says while it runs, one store at a time.
//!
//! The zygote maps it before the fork, reads it while the cell runs (deadlines) and once more
//! after its death; what it held then travels to the client in the end message. So the courier
//! shares no memory with a process that parses hostile bytes. Everything in it is untrusted.

use std::sync::atomic::{AtomicU64, Ordering, compiler_fence};

use crate::sys::SharedWords;

/// Where a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// No datapoint was begun.
    Start,
    /// At this datapoint.
    At { part: u32, index: u64 },
    /// All datapoints are done.
    Sealing,
}

/// Bits of an index in a mark: the number of datapoints in a part is far below 2^40.
const INDEX_BITS: u32 = 40;
/// Bits of a part: what the index and the bit that tells a mark from a fresh page leave.
const PART_BITS: u32 = 63 - INDEX_BITS;
const INDEX_MAX: u64 = (1 << INDEX_BITS) - 1;
/// One less than fits, so that no datapoint looks like [`SEALING`].
const PART_MAX: u64 = (1 << PART_BITS) - 2;
const BEGUN: u64 = 1 << 63;
const SEALING: u64 = u64::MAX;

impl Mark {
    /// One word, so that no death can fall between two halves of it.
    pub(crate) fn to_word(self) -> u64 {
        match self {
            Self::Start => 0,
            Self::At { part, index } => {
                BEGUN | (u64::from(part).min(PART_MAX) << INDEX_BITS) | index.min(INDEX_MAX)
            }
            Self::Sealing => SEALING,
        }
    }

    /// Any word is some mark: the cell may have written anything.
    pub(crate) fn from_word(word: u64) -> Self {
        match word {
            SEALING => Self::Sealing,
            begun if begun & BEGUN != 0 => Self::At {
                part: ((begun & !BEGUN) >> INDEX_BITS) as u32, // 23 bits
                index: begun & INDEX_MAX,
            },
            _ => Self::Start,
        }
    }
}

/// What a page held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// A [`Mark`].
    pub(crate) mark: u64,
    /// Published length of the frames memfd.
    pub(crate) frames_bytes: u64,
    /// Published length of the output memfd.
    pub(crate) output_bytes: u64,
    /// Published length of the report memfd.
    pub(crate) report_bytes: u64,
}

/// The page, as zygote and cell see it.
pub(crate) struct Page(SharedWords);

impl Page {
    pub(crate) fn new() -> std::io::Result<Self> {
        SharedWords::new().map(Self)
    }

    pub(crate) fn hide_from_later_forks(&self) -> std::io::Result<()> {
        self.0.hide_from_later_forks()
    }

    /// Says where the cell is. About a fifth of a nanosecond: one plain store.
    #[inline]
    pub(crate) fn mark(&self, mark: Mark) {
        self.0[0].store(mark.to_word(), Ordering::Relaxed);
        // The work on the datapoint must not be moved above the mark that would name it. Only the
        // compiler could: a process's stores are all done when its death is seen.
        compiler_fence(Ordering::SeqCst);
    }

    pub(crate) fn frames_bytes(&self) -> &AtomicU64 {
        &self.0[1]
    }

    pub(crate) fn output_bytes(&self) -> &AtomicU64 {
        &self.0[2]
    }

    pub(crate) fn report_bytes(&self) -> &AtomicU64 {
        &self.0[3]
    }

    pub(crate) fn read(&self) -> Snapshot {
        let [mark, frames_bytes, output_bytes, report_bytes] =
            [0, 1, 2, 3].map(|word| self.0[word].load(Ordering::Acquire));
        Snapshot { mark, frames_bytes, output_bytes, report_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_survive_the_word() {
        for mark in [
            Mark::Start,
            Mark::Sealing,
            Mark::At { part: 0, index: 0 },
            Mark::At { part: 12, index: 4095 },
            Mark::At { part: PART_MAX as u32, index: INDEX_MAX },
        ] {
            assert_eq!(Mark::from_word(mark.to_word()), mark);
        }
    }

    #[test]
    fn out_of_range_marks_saturate_and_never_look_like_sealing() {
        let mark = Mark::At { part: u32::MAX, index: u64::MAX };
        assert_eq!(
            Mark::from_word(mark.to_word()),
            Mark::At { part: PART_MAX as u32, index: INDEX_MAX }
        );
    }
}
