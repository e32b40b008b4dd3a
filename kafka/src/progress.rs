//! Progress inside a payload: the committed offset's metadata.
//!
//! `v1;<position>;<attempts>;<crash end>;<batch id>;<pointer hash>`, ASCII. The first byte is
//! never 1 or 2, which Kafka Streams uses. The hash is over the pointer record's value, and `-`
//! exactly when position, attempts and crash end are all 0: then the record need not exist yet.

use std::{fmt, str::FromStr};

use cordon_records::BatchId;

/// How far a partition's next record is processed already.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Progress {
    /// Index, in the payload of the record at the committed offset, of the next datapoint.
    pub position: i64,
    /// How often a courier died over the datapoints from here on, as far as anyone knows.
    pub attempts: u32,
    /// Index at which the batch ended that the last of them died over.
    pub crash_end: i64,
    /// The batch that committed this; zero for a first offset.
    pub batch: BatchId,
    /// Hash of the pointer record that position counts in.
    pub pointer: Option<PointerHash>,
}

/// First 8 bytes of the SHA-256 of a pointer record's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PointerHash(pub [u8; 8]);

impl PointerHash {
    /// The hash of a record's value.
    pub fn of(value: &[u8]) -> Self {
        let digest = cordon_records::Digest::of(value).0;
        let mut hash = [0; 8];
        hash.copy_from_slice(&digest[..8]);
        Self(hash)
    }
}

impl fmt::Display for PointerHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Metadata that is not progress of this version. Nobody may guess what it meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgressFault {
    /// There is none: something other than cordon committed this offset.
    #[error("the committed offset has no metadata")]
    Empty,
    /// Another version wrote it, or another program.
    #[error("the metadata is of an unknown version")]
    Version,
    /// It does not follow the format.
    #[error("the metadata is malformed at its {0}")]
    Malformed(&'static str),
}

/// The record that a group reads next, as far as progress is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextRecord {
    /// Its offset.
    pub offset: i64,
    /// Hash of its value.
    pub hash: PointerHash,
    /// n, where it is a pointer that says so.
    pub datapoints: Option<i64>,
}

/// Progress and log that do not belong together. Nobody may guess where the next datapoint is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The record at the committed offset is gone, and others follow.
    #[error("the record at offset {committed} that it counts in is gone; the next is {next}")]
    Gone {
        /// The committed offset.
        committed: i64,
        /// Offset of the next record.
        next: i64,
    },
    /// Another record lies at the committed offset.
    #[error("it counts in another record than the one at {0}")]
    Other(i64),
    /// The payload has fewer datapoints.
    #[error("position {0} is past the end")]
    PastEnd(i64),
}

impl Progress {
    /// The beginning of a record nobody has touched.
    pub fn start(batch: BatchId) -> Self {
        Self { batch, ..Self::default() }
    }

    /// Whether nothing of the next record is done, so that no record need exist.
    pub fn is_start(&self) -> bool {
        self.position == 0 && self.attempts == 0 && self.crash_end == 0
    }

    /// Checks that this progress, committed with an offset, counts in the record that is read next.
    /// At the start of a record, any record will do.
    pub fn check(&self, committed: i64, next: &NextRecord) -> Result<(), Misfit> {
        let Some(pointer) = self.pointer else { return Ok(()) };
        if next.offset != committed {
            return Err(Misfit::Gone { committed, next: next.offset });
        }
        if next.hash != pointer {
            return Err(Misfit::Other(committed));
        }
        match next.datapoints {
            Some(n) if self.position > n => Err(Misfit::PastEnd(self.position)),
            _ => Ok(()),
        }
    }

    /// Parses committed metadata, as strictly as it is written.
    pub fn parse(metadata: &[u8]) -> Result<Self, ProgressFault> {
        use ProgressFault::Malformed;
        if metadata.is_empty() {
            return Err(ProgressFault::Empty);
        }
        let text = std::str::from_utf8(metadata).map_err(|_| Malformed("encoding"))?;
        let mut fields = text.split(';');
        if fields.next() != Some("v1") {
            return Err(ProgressFault::Version);
        }
        let mut field = |name| fields.next().ok_or(Malformed(name));
        let position = number(field("position")?).ok_or(Malformed("position"))?;
        let attempts = number(field("attempts")?).ok_or(Malformed("attempts"))?;
        let crash_end = number(field("crash end")?).ok_or(Malformed("crash end"))?;
        let batch = BatchId(fixed(field("batch id")?).ok_or(Malformed("batch id"))?);
        let pointer = match field("pointer hash")? {
            "-" => None,
            hash => Some(PointerHash(fixed(hash).ok_or(Malformed("pointer hash"))?)),
        };
        if fields.next().is_some() {
            return Err(Malformed("end"));
        }
        let progress = Self { position, attempts, crash_end, batch, pointer };
        if progress.is_start() != progress.pointer.is_none() {
            return Err(Malformed("pointer hash"));
        }
        Ok(progress)
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert_eq!(
            self.is_start(),
            self.pointer.is_none(),
            "a hash exactly when something is done"
        );
        let Self { position, attempts, crash_end, batch, pointer } = self;
        write!(f, "v1;{position};{attempts};{crash_end};{batch};")?;
        match pointer {
            Some(hash) => write!(f, "{hash}"),
            None => f.write_str("-"),
        }
    }
}

/// A decimal number without sign, spaces or leading zeros: one spelling for each.
fn number<N: FromStr>(text: &str) -> Option<N> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// Bytes in lower-case hex: one spelling for each.
fn fixed<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    let lower = text.bytes().all(|b| !b.is_ascii_uppercase());
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::log::METADATA_BYTES_MAX;

    const BATCH: &str = "000102030405060708090a0b0c0d0e0f";

    fn batch() -> BatchId {
        BatchId(std::array::from_fn(|n| n as u8))
    }

    fn middle() -> Progress {
        let pointer = Some(PointerHash([0xab; 8]));
        Progress { position: 512, attempts: 2, crash_end: 768, batch: batch(), pointer }
    }

    #[test]
    fn it_is_written_as_documented() {
        assert_eq!(Progress::start(batch()).to_string(), format!("v1;0;0;0;{BATCH};-"));
        assert_eq!(middle().to_string(), format!("v1;512;2;768;{BATCH};abababababababab"));
    }

    #[test]
    fn the_longest_fits_committed_metadata() {
        let longest =
            Progress { position: i64::MAX, attempts: u32::MAX, crash_end: i64::MAX, ..middle() };
        assert_eq!(longest.to_string().len(), 103);
        assert!(longest.to_string().len() <= METADATA_BYTES_MAX);
    }

    #[test]
    fn a_pointer_hash_begins_the_sha256_of_the_value() {
        // The well-known SHA-256 of "abc" begins so (FIPS 180-2, appendix B.1).
        assert_eq!(PointerHash::of(b"abc").to_string(), "ba7816bf8f01cfea");
    }

    #[test]
    fn every_fault_is_named() {
        use ProgressFault::{Empty, Malformed, Version};
        let hash = "abababababababab";
        let cases = [
            (String::new(), Empty),
            ("2;x".to_owned(), Version),
            (format!("v2;0;0;0;{BATCH};-"), Version),
            (format!("V1;0;0;0;{BATCH};-"), Version),
            (format!(" v1;0;0;0;{BATCH};-"), Version),
            ("v1".to_owned(), Malformed("position")),
            ("v1;".to_owned(), Malformed("position")),
            (format!("v1;-1;0;0;{BATCH};{hash}"), Malformed("position")),
            (format!("v1;+1;0;0;{BATCH};{hash}"), Malformed("position")),
            (format!("v1; 1;0;0;{BATCH};{hash}"), Malformed("position")),
            (format!("v1;01;0;0;{BATCH};{hash}"), Malformed("position")),
            (format!("v1;00;0;0;{BATCH};-"), Malformed("position")),
            (format!("v1;9223372036854775808;0;0;{BATCH};{hash}"), Malformed("position")),
            (format!("v1;\u{661};0;0;{BATCH};{hash}"), Malformed("position")),
            ("v1;1".to_owned(), Malformed("attempts")),
            (format!("v1;1;4294967296;0;{BATCH};{hash}"), Malformed("attempts")),
            (format!("v1;1;1;x;{BATCH};{hash}"), Malformed("crash end")),
            ("v1;1;1;1".to_owned(), Malformed("batch id")),
            (format!("v1;1;1;1;{};{hash}", &BATCH[1..]), Malformed("batch id")),
            (format!("v1;1;1;1;{};{hash}", BATCH.to_uppercase()), Malformed("batch id")),
            (format!("v1;1;1;1;{BATCH}"), Malformed("pointer hash")),
            (format!("v1;1;1;1;{BATCH};"), Malformed("pointer hash")),
            (format!("v1;1;1;1;{BATCH};ABABABABABABABAB"), Malformed("pointer hash")),
            (format!("v1;1;1;1;{BATCH};-"), Malformed("pointer hash")),
            (format!("v1;0;0;0;{BATCH};{hash}"), Malformed("pointer hash")),
            (format!("v1;1;1;1;{BATCH};{hash};"), Malformed("end")),
            (format!("v1;1;1;1;{BATCH};{hash}\n"), Malformed("pointer hash")),
        ];
        for (metadata, fault) in cases {
            assert_eq!(Progress::parse(metadata.as_bytes()), Err(fault), "{metadata:?}");
        }
        assert_eq!(Progress::parse(b"v1;\xff"), Err(Malformed("encoding")));
    }

    #[test]
    fn progress_counts_in_one_record_only() {
        let next = |offset, hash, datapoints| NextRecord {
            offset,
            hash: PointerHash([hash; 8]),
            datapoints,
        };
        let check = |next: &NextRecord| middle().check(7, next).map_err(|m| m.to_string());
        assert_eq!(check(&next(7, 0xab, Some(512))), Ok(()));
        assert_eq!(check(&next(7, 0xab, None)), Ok(()));
        let gone = "the record at offset 7 that it counts in is gone; the next is 9";
        assert_eq!(check(&next(9, 0xab, Some(512))), Err(gone.to_owned()));
        let other = "it counts in another record than the one at 7";
        assert_eq!(check(&next(7, 0xac, Some(512))), Err(other.to_owned()));
        let past = "position 512 is past the end";
        assert_eq!(check(&next(7, 0xab, Some(511))), Err(past.to_owned()));
        assert_eq!(Progress::start(batch()).check(7, &next(9, 1, None)), Ok(()));
    }

    #[test]
    #[should_panic(expected = "a hash exactly when something is done")]
    fn a_position_without_its_pointer_is_never_written() {
        let _ = Progress { pointer: None, ..middle() }.to_string();
    }

    fn any_progress() -> impl Strategy<Value = Progress> {
        let number = || prop_oneof![Just(0), 0..=i64::MAX];
        let attempts = prop_oneof![Just(0), any::<u32>()];
        (number(), attempts, number(), any::<[u8; 16]>(), any::<[u8; 8]>()).prop_map(
            |(position, attempts, crash_end, batch, hash)| {
                let start = Progress {
                    position,
                    attempts,
                    crash_end,
                    batch: BatchId(batch),
                    pointer: None,
                };
                let pointer = (!start.is_start()).then_some(PointerHash(hash));
                Progress { pointer, ..start }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(progress in any_progress()) {
            let metadata = progress.to_string();
            prop_assert!(metadata.is_ascii() && !metadata.starts_with(['1', '2']));
            prop_assert_eq!(Progress::parse(metadata.as_bytes()), Ok(progress));
        }

        /// Whatever is read was spelled in the one way in which it is written.
        #[test]
        fn nothing_else_is_read(progress in any_progress(), at in 0..103_usize, byte: u8) {
            let mut metadata = progress.to_string().into_bytes();
            let at = at % metadata.len();
            metadata[at] = byte;
            if let Ok(read) = Progress::parse(&metadata) {
                prop_assert_eq!(read.to_string().into_bytes(), metadata);
            }
        }

        #[test]
        fn no_prefix_is_read(progress in any_progress(), len in 0..103_usize) {
            let metadata = progress.to_string();
            let cut = &metadata.as_bytes()[..len % metadata.len()];
            prop_assert!(Progress::parse(cut).is_err());
        }

        #[test]
        fn any_bytes_are_parsed_without_a_panic(metadata: Vec<u8>) {
            let _ = Progress::parse(&metadata);
        }
    }
}
