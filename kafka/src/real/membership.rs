//! Group membership and committed offsets: what rust-rdkafka wraps without what cordon needs.

#![expect(unsafe_code, reason = "reads the generation, and metadata that need not be UTF-8")]

use std::{sync::Arc, time::Duration};

use rdkafka::{TopicPartitionList, bindings as rd, client::NativeClient};

use crate::{
    ffi::{Entry, Owned, Refusal, entries, millis, text},
    log::{Membership, TopicPartition},
};

/// Member id and generation of one moment.
pub(super) struct Member(Owned<rd::rd_kafka_consumer_group_metadata_t>);

// SAFETY: the native object is immutable once made, holds no reference to its client, and is
// destroyed once, by whichever thread drops it.
unsafe impl Send for Member {}
// SAFETY: as above: nothing ever writes to it.
unsafe impl Sync for Member {}

impl Member {
    /// The consumer's membership now; `None` for a client without a group.
    pub(super) fn of(client: &NativeClient) -> Option<Self> {
        // SAFETY: the client lives for the call, and the copy it returns is ours.
        let copy = unsafe {
            Owned::new(
                rd::rd_kafka_consumer_group_metadata(client.ptr()),
                rd::rd_kafka_consumer_group_metadata_destroy,
            )
        };
        copy.map(Self)
    }

    /// The group alone, without member and generation. A broker accepts offsets under it however
    /// many members there are: only the administrator's first offsets may use it.
    pub(crate) fn outsider(group: &str) -> Option<Self> {
        let group = crate::ffi::c_string(group);
        // SAFETY: the string lives for the call, which copies it; the object is ours.
        let made = unsafe {
            Owned::new(
                rd::rd_kafka_consumer_group_metadata_new(group.as_ptr()),
                rd::rd_kafka_consumer_group_metadata_destroy,
            )
        };
        made.map(Self)
    }

    /// Negative unless the member has joined.
    pub(super) fn generation(&self) -> i32 {
        // SAFETY: the object is alive.
        unsafe { rd::rd_kafka_consumer_group_metadata_generation_id(self.ptr()) }
    }

    pub(super) fn group(&self) -> String {
        // SAFETY: the object is alive and owns the string, which is copied.
        unsafe { text(rd::rd_kafka_consumer_group_metadata_group_id(self.ptr())) }
    }

    pub(super) fn ptr(&self) -> *const rd::rd_kafka_consumer_group_metadata_t {
        self.0.ptr()
    }

    pub(super) fn into_membership(self) -> Membership {
        Membership(Arc::new(self))
    }
}

/// Asks the group's coordinator what is committed. Waits, at most `timeout`, while a transaction
/// holds any of these offsets: the client reads committed only.
pub(super) fn committed(
    client: &NativeClient,
    partitions: &[TopicPartition],
    timeout: Duration,
) -> Result<Vec<Entry>, Refusal> {
    let list = list_of(partitions);
    // SAFETY: client and list live for the call, which fills the list in.
    let code = unsafe { rd::rd_kafka_committed(client.ptr(), list.ptr(), millis(timeout)) };
    Refusal::of_code(code).map_or_else(|| Ok(entries(&list)), Err)
}

/// A native list of these partitions, without offsets.
pub(super) fn list_of(partitions: &[TopicPartition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for at in partitions {
        list.add_partition(&at.topic, at.partition);
    }
    list
}
