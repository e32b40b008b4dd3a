//! Where a topic ends, and groups that begin there: what was written before is not their work.

use std::collections::BTreeMap;

use anyhow::Result;
use cordon_kafka::{
    admin::{Admin, End},
    log::{Committed, TopicPartition},
    progress::Progress,
};
use cordon_records::BatchId;

/// An offset of each partition.
pub(super) type Offsets = BTreeMap<TopicPartition, i64>;

/// One past the last record of each partition, markers of transactions included.
pub(super) fn ends(admin: &Admin, topic: &str, partitions: i32) -> Result<Offsets> {
    let all: Vec<_> = (0..partitions).map(|number| TopicPartition::new(topic, number)).collect();
    Ok(admin.ends(&all, End::End)?)
}

/// Lets a group begin at these offsets, with this metadata.
pub(super) fn begin_at(
    admin: &Admin,
    group: &str,
    offsets: Offsets,
    metadata: &[u8],
) -> Result<()> {
    let begin = |(at, offset)| (at, Committed { offset, metadata: metadata.to_vec() });
    let offsets: Vec<_> = offsets.into_iter().map(begin).collect();
    Ok(admin.set_group_offsets(group, &offsets)?)
}

/// The metadata of a stage that is at the beginning of a payload.
pub(super) fn progress() -> Vec<u8> {
    Progress::start(BatchId::default()).to_string().into_bytes()
}
