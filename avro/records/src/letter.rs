//! The dead letter.

use serde::{Deserialize, Serialize};

use crate::BatchId;

/// A datapoint, or the rest of an unreadable payload, that has no output.
///
/// It names the datapoint by coordinates; the bytes stay in the immutable payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// `<stage>/<topic>/<partition>/<offset>/<index>`: the same again for the same datapoint. A
    /// remark on a file, which is about none, has `/remark-<number>` behind it.
    pub id: String,
    /// The batch whose transaction wrote it.
    pub batch: BatchId,
    /// The stage that gave up on it.
    pub stage: String,
    /// That stage's version.
    pub stage_version: String,
    /// When, milliseconds since the epoch.
    pub time_ms: i64,
    /// Input topic; for ingest `file:<sha256>`.
    pub topic: String,
    /// Input partition.
    pub partition: i32,
    /// Offset of the pointer record; for pack, of the raw record.
    pub offset: i64,
    /// Index of the datapoint in its payload.
    pub from: i64,
    /// One past the last index this letter speaks for; equal to `from` for a surplus.
    pub to: i64,
    /// The payload's bucket; empty when the pointer itself was refused, and for a file's record.
    pub bucket: String,
    /// The payload's key; for a raw record, of the object that its batch set refused bytes aside
    /// in. Empty when the pointer itself was refused, and for a file's record.
    pub key: String,
    /// Why, one of [`Reason`]'s words.
    pub reason: String,
    /// Why, in a few words more; at most [`Letter::DETAIL_BYTES_MAX`].
    pub detail: String,
    /// How often it was tried.
    pub attempts: i32,
    /// The beginning of the datapoint, at most [`Letter::EXCERPT_BYTES_MAX`].
    #[serde(with = "serde_bytes")]
    pub excerpt: Vec<u8>,
    /// Ids of the letters whose datapoints were driven again, and are dead again as this one.
    #[serde(default)]
    pub redrives: Vec<String>,
}

impl Letter {
    /// Enough for an error message; a letter is a small Kafka record.
    pub const DETAIL_BYTES_MAX: usize = 256;
    /// Enough to recognise a line; the whole is fetched on demand.
    pub const EXCERPT_BYTES_MAX: usize = 1024;

    /// Of the letters that a pointer drives again, those that speak of any index in `from..to`.
    ///
    /// An id ends in the first index that its letter speaks for, and letters of one payload do not
    /// overlap, so that each reaches at most to the next. An id that says no index may be any.
    pub fn redriven(redrives: &[String], from: i64, to: i64) -> Vec<String> {
        let first = |id: &String| id.rsplit('/').next().and_then(|last| last.parse::<i64>().ok());
        let reaches = |start: i64| {
            let later = redrives.iter().filter_map(first).filter(|other| *other > start);
            later.min().unwrap_or(i64::MAX)
        };
        let speaks = |id: &&String| {
            first(id).is_none_or(|start| start < to.max(from + 1) && reaches(start) > from)
        };
        redrives.iter().filter(speaks).cloned().collect()
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// Why a datapoint is dead.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Reason] = &[$(Reason::$name,)*];

            /// The word that stands in a letter.
            pub fn word(self) -> &'static str {
                match self { $(Reason::$name => $word,)* }
            }

            /// The reason of a word; `None` for a word this version does not know.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Reason::$name),)* _ => None }
            }
        }
    };
}

reasons! {
    /// It does not parse, or has the wrong shape.
    Rejected = "rejected",
    /// The stage panicked over it; caught in the cell.
    Panic = "panic",
    /// Its cell died over it twice: abort, segfault, stack overflow, memory or a forbidden call.
    Crash = "crash",
    /// It took longer than its deadline, twice.
    Deadline = "deadline",
    /// Its result could not be sealed.
    Seal = "seal",
    /// The machine died over it again and again.
    Machine = "machine",
    /// The bytes of its payload do not have the digest that the pointer names.
    Digest = "digest",
    /// Its payload, from here on, cannot be decoded.
    Corrupt = "corrupt",
    /// Its payload holds fewer or more datapoints than the pointer says.
    Count = "count",
    /// Its payload was written with a schema this version does not know.
    Schema = "schema",
    /// Its pointer is not a pointer, or names what this stage may not read.
    Pointer = "pointer",
    /// Its payload is gone.
    Missing = "missing",
    /// It is larger than the limit for one datapoint.
    Size = "size",
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redriven(from: i64, to: i64) -> Vec<String> {
        let ids = ["generate/logs/0/5/3", "generate/logs/0/5/4", "generate/logs/0/5/60"];
        Letter::redriven(&ids.map(str::to_owned), from, to)
    }

    #[test]
    fn a_letter_names_those_whose_datapoints_it_speaks_for() {
        assert_eq!(redriven(3, 4), ["generate/logs/0/5/3"]);
        // The second one may have been for the rest of a payload, from 4 on.
        assert_eq!(redriven(10, 11), ["generate/logs/0/5/4"]);
        assert_eq!(redriven(4, 100), ["generate/logs/0/5/4", "generate/logs/0/5/60"]);
        assert_eq!(redriven(60, 60), ["generate/logs/0/5/60"]);
        assert_eq!(redriven(0, 3), [""; 0]);
    }

    #[test]
    fn an_id_that_says_no_index_is_never_left_out() {
        let odd = ["odd".to_owned()];
        assert_eq!(Letter::redriven(&odd, 7, 8), odd);
    }
}
