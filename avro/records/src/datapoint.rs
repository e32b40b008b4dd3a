//! The log datapoint.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use crate::Digest;

/// One log line and where it came from.
///
/// Borrows from the decoded block, so that reading a payload copies no line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogDatapoint<'a> {
    /// Where the line came from; never changes on its way.
    #[serde(borrow)]
    pub origin: Origin<'a>,
    /// The line: one JSON object as it was received, without its line break.
    #[serde(with = "serde_bytes", borrow)]
    pub line: &'a [u8],
}

/// Where a log datapoint came from: the identity by which re-ingest, orphans and replays converge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Origin<'a> {
    /// A record of a file given to `cordon ingest`.
    #[serde(alias = "cordon.v1.File")]
    File(FileOrigin),
    /// A plain Kafka record that pack read.
    #[serde(borrow)]
    #[serde(alias = "cordon.v1.Log")]
    Log(LogOrigin<'a>),
}

/// A record of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileOrigin {
    /// SHA-256 of the whole file as it lay on disk, still packed if it was.
    pub sha256: Digest,
    /// Number of the record in the file from 0, members of an archive in their order.
    pub record: i64,
}

/// A Kafka record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogOrigin<'a> {
    /// The topic it was read from.
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
}

impl Origin<'_> {
    /// The same origin, owning its strings.
    pub fn into_owned(self) -> Origin<'static> {
        match self {
            Origin::File(file) => Origin::File(file),
            Origin::Log(log) => Origin::Log(LogOrigin {
                topic: Cow::Owned(log.topic.into_owned()),
                partition: log.partition,
                offset: log.offset,
            }),
        }
    }
}

/// For records that outlive the block they are read from.
pub(crate) fn owned_origin<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Origin<'static>, D::Error> {
    Origin::deserialize(deserializer).map(Origin::into_owned)
}
