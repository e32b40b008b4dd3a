//! Object keys.

use std::fmt;

/// A key that may name a payload: `<topic>/[<shard>/]<timestamp_ms>-<uuidv4>`.
///
/// Nothing else is ever fetched or stored. Topic and shard hold only Kafka's topic characters,
/// and no segment is `.` or `..`, so that no key can escape its prefix in a directory store.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Longer than [`ObjectKey::BYTES_MAX`].
    #[error("the key is longer than {} bytes", ObjectKey::BYTES_MAX)]
    TooLong,
    /// Not two or three segments.
    #[error("the key is not <topic>/[<shard>/]<timestamp_ms>-<uuid>")]
    Shape,
    /// A segment is empty, `.`, `..`, or has a character outside `[A-Za-z0-9._-]`.
    #[error("a segment of the key has a character that is not allowed")]
    Segment,
    /// The last segment is not a timestamp and a version 4 UUID.
    #[error("the key does not end in <timestamp_ms>-<uuidv4>")]
    Name,
}

impl ObjectKey {
    /// A topic has at most 249 characters (Kafka), a shard few, the name 50.
    pub const BYTES_MAX: usize = 384;

    /// Makes a key from its parts. `prefix` is a topic, or `<topic>/<shard>`, or `dead/<stage>`.
    pub fn new(prefix: &str, timestamp_ms: i64, id: uuid::Uuid) -> Result<Self, KeyFault> {
        Self::parse(&format!("{prefix}/{timestamp_ms}-{}", id.hyphenated()))
    }

    /// Checks a key from outside.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        if text.len() > Self::BYTES_MAX {
            return Err(KeyFault::TooLong);
        }
        let (prefix, name) = text.rsplit_once('/').ok_or(KeyFault::Shape)?;
        let segments = prefix.split('/').count();
        if segments > 2 {
            return Err(KeyFault::Shape);
        }
        if !prefix.split('/').all(is_segment) {
            return Err(KeyFault::Segment);
        }
        let (timestamp_ms, id) = name.split_once('-').ok_or(KeyFault::Name)?;
        let is_time = (1..=15).contains(&timestamp_ms.len())
            && timestamp_ms.bytes().all(|b| b.is_ascii_digit());
        let is_id = id.len() == 36
            && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
            && uuid::Uuid::try_parse(id).is_ok_and(|id| id.get_version_num() == 4);
        if is_time && is_id { Ok(Self(text.to_owned())) } else { Err(KeyFault::Name) }
    }

    /// The whole key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment: the topic whose pointers name it.
    pub fn topic(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty()
        && segment != "."
        && segment != ".."
        && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectKey({})", self.0)
    }
}
