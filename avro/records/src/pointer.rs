//! The pointer event.

use serde::{Deserialize, Serialize};

use crate::{Digest, KeyFault, ObjectKey, Runs};

/// The small Kafka record that names a payload.
///
/// Everything in it is untrusted until [`Pointer::check`] passed: whoever can write to a topic
/// can forge one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// The object's bucket.
    pub bucket: String,
    /// The object's key; see [`ObjectKey`].
    pub key: String,
    /// First byte of the range inside the object.
    pub range_start_bytes: i64,
    /// Length of the range.
    pub range_bytes: i64,
    /// SHA-256 of exactly that range. Only the lister, which cannot read, leaves it out.
    pub digest: Option<Digest>,
    /// Datapoints in the range: n. Left out where the digest is.
    pub datapoints: Option<i64>,
    /// Size of the range after decompression; 0 when unknown.
    pub decoded_bytes: i64,
    /// CRC-64-AVRO fingerprint of the writer schema, as a signed long.
    pub schema: i64,
    /// Earliest event time inside, milliseconds since the epoch.
    pub time_min_ms: Option<i64>,
    /// Latest event time inside.
    pub time_max_ms: Option<i64>,
    /// The stage that wrote it.
    pub stage: String,
    /// That stage's version.
    pub stage_version: String,
    /// Indexes to process; `None` means all.
    pub selection: Option<Runs>,
    /// Ids of the dead letters that this pointer drives again.
    pub redrives: Vec<String>,
}

/// What a reader accepts in a pointer.
#[derive(Clone, Debug)]
pub struct PointerLimits<'a> {
    /// The only bucket this stage reads from.
    pub bucket: &'a str,
    /// First segments of the keys this stage may read: its input topics.
    pub topics: &'a [String],
    /// Longest range.
    pub range_bytes_max: i64,
    /// Largest decoded size.
    pub decoded_bytes_max: i64,
    /// Most datapoints.
    pub datapoints_max: i64,
}

/// Why a pointer was refused before any GET.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerFault {
    /// It names another bucket.
    #[error("the bucket is not this stage's input bucket")]
    Bucket,
    /// Its key is malformed.
    #[error("{0}")]
    Key(#[from] KeyFault),
    /// Its key belongs to a topic that this stage does not read.
    #[error("the key is outside this stage's input prefixes")]
    Prefix,
    /// A size or range is negative, empty or beyond its limit.
    #[error("{0} is outside its limits")]
    Limit(&'static str),
    /// Digest and count must be given or left out together.
    #[error("a pointer without digest has no count, and the other way round")]
    Digestless,
    /// The selection is not an ascending list of indexes below n.
    #[error("the selection is not an ascending list inside the payload")]
    Selection,
}

impl Pointer {
    /// Checks everything that can be checked without a GET, and returns the parsed key.
    pub fn check(&self, limits: &PointerLimits<'_>) -> Result<ObjectKey, PointerFault> {
        if self.bucket != limits.bucket {
            return Err(PointerFault::Bucket);
        }
        let key = ObjectKey::parse(&self.key)?;
        if !limits.topics.iter().any(|topic| topic == key.topic()) {
            return Err(PointerFault::Prefix);
        }
        within("range_bytes", self.range_bytes, 1, limits.range_bytes_max)?;
        within("range_start_bytes", self.range_start_bytes, 0, i64::MAX - limits.range_bytes_max)?;
        within("decoded_bytes", self.decoded_bytes, 0, limits.decoded_bytes_max)?;
        if self.digest.is_some() != self.datapoints.is_some() {
            return Err(PointerFault::Digestless);
        }
        let n = self.datapoints.unwrap_or(limits.datapoints_max);
        within("datapoints", n, 0, limits.datapoints_max)?;
        match &self.selection {
            Some(selection) if !selection.is_valid_within(0, n) => Err(PointerFault::Selection),
            _ => Ok(key),
        }
    }
}

fn within(name: &'static str, value: i64, min: i64, max: i64) -> Result<(), PointerFault> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(PointerFault::Limit(name)) }
}
