//! A saved Kafka record.

use serde::{Deserialize, Serialize};

/// One committed record of a topic, as a demo saves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its timestamp, milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Its key.
    #[serde(with = "serde_bytes")]
    pub key: Option<Vec<u8>>,
    /// Its value.
    #[serde(with = "serde_bytes")]
    pub value: Vec<u8>,
}
