//! Offsets: what groups committed, and where partitions begin and end.

#![expect(unsafe_code, reason = "librdkafka's admin interface is not wrapped")]

use std::time::Duration;

use rdkafka::{
    Offset, TopicPartitionList, bindings as rd, client::NativeClient,
    error::RDKafkaErrorCode as Code,
};

use super::request::{Op, items, request};
use crate::{
    deadline::Deadline,
    ffi::{Entry, Owned, Refusal, SETTLE_EVERY, c_string, is_settling, raw_entries},
    log::{Committed, TopicPartition},
};

/// What to see of offsets that an open transaction holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// What was committed before it.
    Before,
    /// Nothing until it has ended: wait for that.
    Wait,
}

/// Everything that `group` has committed. Waits for a coordinator that is only just starting.
pub(crate) fn of_group(
    client: &NativeClient,
    group: &str,
    held: Held,
    timeout: Duration,
) -> Result<Vec<(TopicPartition, Committed)>, Refusal> {
    settled(timeout, |remaining| of_group_now(client, group, held, remaining))
}

/// How long one asking may take. On a broker that has just started librdkafka can wait for ever for
/// the coordinator it was told of first; asked anew, it looks again.
const ASK_MAX: Duration = Duration::from_secs(3);

/// Asks until the brokers have settled, or `timeout` is over.
pub(super) fn settled<T>(
    timeout: Duration,
    ask: impl Fn(Duration) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let deadline = Deadline::after(timeout);
    loop {
        match ask(deadline.slice(ASK_MAX)) {
            Err(refusal)
                if (is_settling(refusal.code) || is_passing(refusal.code))
                    && !deadline.passed() =>
            {
                std::thread::sleep(deadline.slice(SETTLE_EVERY));
            }
            answer => return answer,
        }
    }
}

/// No answer in time, or a transaction that holds what was asked for.
fn is_passing(code: Code) -> bool {
    matches!(code, Code::OperationTimedOut | Code::UnstableOffsetCommit)
}

fn of_group_now(
    client: &NativeClient,
    group: &str,
    held: Held,
    timeout: Duration,
) -> Result<Vec<(TopicPartition, Committed)>, Refusal> {
    let name = c_string(group);
    // SAFETY: the name lives for the call; null asks for all partitions; the object is ours.
    let query = unsafe {
        Owned::new(
            rd::rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), std::ptr::null()),
            rd::rd_kafka_ListConsumerGroupOffsets_destroy,
        )
    };
    let Some(query) = query else { return Ok(Vec::new()) };
    let mut queries = [query.ptr()];
    let entries = request(
        client,
        Op::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS,
        timeout,
        // SAFETY: options and query live for the calls; the latter copies the query. Only options
        // of another request refuse the setting, and return an error that would leak.
        |r| unsafe {
            let is_stable = (held == Held::Wait).into();
            rd::rd_kafka_AdminOptions_set_require_stable_offsets(r.options, is_stable);
            rd::rd_kafka_ListConsumerGroupOffsets(
                r.client,
                queries.as_mut_ptr(),
                queries.len(),
                r.options,
                r.queue,
            );
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_ListConsumerGroupOffsets_result(event);
            let mut count = 0;
            let groups =
                rd::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &raw mut count);
            group_entries(&items(groups, count))
        },
    )?;
    entries
        .into_iter()
        .filter(|entry| entry.offset >= 0 || entry.refusal.is_some())
        .map(committed)
        .collect()
}

fn committed(entry: Entry) -> Result<(TopicPartition, Committed), Refusal> {
    match entry.refusal {
        Some(refusal) => Err(refusal),
        None => Ok((entry.at, Committed { offset: entry.offset, metadata: entry.metadata })),
    }
}

/// Sets what an empty group has committed. A group with members refuses it.
pub(super) fn set(
    client: &NativeClient,
    group: &str,
    offsets: &[(TopicPartition, Committed)],
    timeout: Duration,
) -> Result<(), Refusal> {
    let list = with_metadata(offsets);
    let name = c_string(group);
    // SAFETY: name and list live for the call, which copies them; the object is ours.
    let change = unsafe {
        Owned::new(
            rd::rd_kafka_AlterConsumerGroupOffsets_new(name.as_ptr(), list.ptr()),
            rd::rd_kafka_AlterConsumerGroupOffsets_destroy,
        )
    };
    let Some(change) = change else { return Ok(()) };
    let mut changes = [change.ptr()];
    let entries = request(
        client,
        Op::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
        timeout,
        // SAFETY: the change lives for the call, which copies it.
        |r| unsafe {
            rd::rd_kafka_AlterConsumerGroupOffsets(
                r.client,
                changes.as_mut_ptr(),
                changes.len(),
                r.options,
                r.queue,
            );
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_AlterConsumerGroupOffsets_result(event);
            let mut count = 0;
            let groups =
                rd::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &raw mut count);
            group_entries(&items(groups, count))
        },
    )?;
    entries.into_iter().find_map(|entry| entry.refusal).map_or(Ok(()), Err)
}

/// A native list with offsets and metadata. rust-rdkafka takes metadata that is text only.
fn with_metadata(offsets: &[(TopicPartition, Committed)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (index, (at, committed)) in offsets.iter().enumerate() {
        list.add_partition(&at.topic, at.partition)
            .set_offset(Offset::Offset(committed.offset))
            .expect("a committed offset is not negative");
        // SAFETY: the list has just got element `index`. Its metadata is freed by librdkafka with
        // the allocator that this function allocates it with.
        unsafe {
            let element = &mut *(*list.ptr()).elems.add(index);
            let size = committed.metadata.len();
            let copy = rd::rd_kafka_mem_malloc(std::ptr::null_mut(), size.max(1));
            if !copy.is_null() {
                copy.cast::<u8>().copy_from_nonoverlapping(committed.metadata.as_ptr(), size);
                element.metadata = copy;
                element.metadata_size = size;
            }
        }
    }
    list
}

/// # Safety
/// The results belong to a living event.
unsafe fn group_entries(
    groups: &[*const rd::rd_kafka_group_result_t],
) -> Result<Vec<Entry>, Refusal> {
    let mut entries = Vec::new();
    for &group in groups {
        // SAFETY: the caller's event is alive, and with it the group, its error and its list.
        unsafe {
            if let Some(refusal) = Refusal::of_error(rd::rd_kafka_group_result_error(group)) {
                return Err(refusal);
            }
            entries.extend(raw_entries(rd::rd_kafka_group_result_partitions(group)));
        }
    }
    Ok(entries)
}

/// One end of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first record that retention has left.
    Start,
    /// One past the last record, committed or not.
    End,
}

/// Where partitions begin or end. Waits for those that are only just made.
pub(super) fn ends(
    client: &NativeClient,
    partitions: &[TopicPartition],
    end: End,
    timeout: Duration,
) -> Result<Vec<(TopicPartition, i64)>, Refusal> {
    settled(timeout, |remaining| ends_now(client, partitions, end, remaining))
}

fn ends_now(
    client: &NativeClient,
    partitions: &[TopicPartition],
    end: End,
    timeout: Duration,
) -> Result<Vec<(TopicPartition, i64)>, Refusal> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    let offset = match end {
        End::Start => Offset::Beginning,
        End::End => Offset::End,
    };
    for at in partitions {
        list.add_partition_offset(&at.topic, at.partition, offset)
            .expect("both ends have a raw form");
    }
    let entries = request(
        client,
        Op::RD_KAFKA_ADMIN_OP_LISTOFFSETS,
        timeout,
        // SAFETY: the list lives for the call, which copies it.
        |r| unsafe { rd::rd_kafka_ListOffsets(r.client, list.ptr(), r.options, r.queue) },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe { Ok(listed(event)) },
    )?;
    entries.into_iter().map(|(at, offset, refusal)| refusal.map_or(Ok((at, offset)), Err)).collect()
}

/// # Safety
/// `event` is a living answer to ListOffsets.
unsafe fn listed(event: *mut rd::rd_kafka_event_t) -> Vec<(TopicPartition, i64, Option<Refusal>)> {
    // SAFETY: the event is alive, and with it all that it hands out; topics are C strings.
    unsafe {
        let result = rd::rd_kafka_event_ListOffsets_result(event);
        let mut count = 0;
        let infos = rd::rd_kafka_ListOffsets_result_infos(result, &raw mut count);
        items(infos, count)
            .into_iter()
            .map(|info| {
                let element = &*rd::rd_kafka_ListOffsetsResultInfo_topic_partition(info);
                let at = TopicPartition::new(crate::ffi::text(element.topic), element.partition);
                (at, element.offset, Refusal::of_code(element.err))
            })
            .collect()
    }
}
