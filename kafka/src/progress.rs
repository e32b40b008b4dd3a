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

impl Progress {
    /// The beginning of a record nobody has touched.
    pub fn start(batch: BatchId) -> Self {
        Self { batch, ..Self::default() }
    }

    /// Whether nothing of the next record is done, so that no record need exist.
    pub fn is_start(&self) -> bool {
        self.position == 0 && self.attempts == 0 && self.crash_end == 0
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
        let batch = BatchId::from_hex(field("batch id")?).ok_or(Malformed("batch id"))?;
        let pointer = match field("pointer hash")? {
            "-" => None,
            hash => {
                let mut bytes = [0; 8];
                hex::decode_to_slice(hash, &mut bytes).map_err(|_| Malformed("pointer hash"))?;
                Some(PointerHash(bytes))
            }
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
