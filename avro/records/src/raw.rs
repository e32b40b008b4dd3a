//! How a courier hands plain Kafka records to a cell, without looking inside.
//!
//! `topic length u16, topic, partition i32`, then for each record `offset i64, value length u32,
//! value`; all little endian. It never leaves the machine, and the reader still checks
//! every length: the values are hostile, and a bug in framing must not become one in parsing.

use serde::Deserialize;

/// Frames the records of one partition.
pub fn frame<'a>(
    topic: &str,
    partition: i32,
    records: impl Iterator<Item = (i64, &'a [u8])>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A topic name has at most 249 characters (Kafka).
    bytes.extend_from_slice(&(topic.len() as u16).to_le_bytes());
    bytes.extend_from_slice(topic.as_bytes());
    bytes.extend_from_slice(&partition.to_le_bytes());
    for (offset, value) in records {
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
        bytes.extend_from_slice(value);
    }
    bytes
}

/// A plain Kafka record, as a stage sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct RawRecord<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its value: hostile.
    #[serde(with = "serde_bytes")]
    pub value: &'a [u8],
}

/// Framed records of one partition.
#[derive(Clone, Debug)]
pub struct RawRecords<'a> {
    /// Their topic.
    pub topic: &'a str,
    /// Their partition.
    pub partition: i32,
    rest: &'a [u8],
}

/// Framed bytes that end in the middle of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the framed records are cut short")]
pub struct Truncated;

impl<'a> RawRecords<'a> {
    /// Reads the head.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Truncated> {
        let mut rest = bytes;
        let topic_bytes = u16::from_le_bytes(take_array(&mut rest)?);
        let topic = take(&mut rest, usize::from(topic_bytes))?;
        let topic = std::str::from_utf8(topic).map_err(|_| Truncated)?;
        let partition = i32::from_le_bytes(take_array(&mut rest)?);
        Ok(Self { topic, partition, rest })
    }

    fn record(&mut self) -> Result<RawRecord<'a>, Truncated> {
        let offset = i64::from_le_bytes(take_array(&mut self.rest)?);
        let value_bytes = u32::from_le_bytes(take_array(&mut self.rest)?);
        let value = take(&mut self.rest, value_bytes as usize)?;
        Ok(RawRecord { topic: self.topic, partition: self.partition, offset, value })
    }
}

impl<'a> Iterator for RawRecords<'a> {
    type Item = Result<RawRecord<'a>, Truncated>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = self.record();
        if record.is_err() {
            self.rest = &[];
        }
        Some(record)
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Truncated> {
    let (taken, left) = rest.split_at_checked(count).ok_or(Truncated)?;
    *rest = left;
    Ok(taken)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Truncated> {
    take(rest, N)?.try_into().map_err(|_| Truncated)
}
