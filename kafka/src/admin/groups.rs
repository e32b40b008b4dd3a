//! Groups: who is in them, and their end.

#![expect(unsafe_code, reason = "librdkafka's admin interface is not wrapped")]

use std::time::Duration;

use rdkafka::{bindings as rd, client::NativeClient, error::RDKafkaErrorCode as Code};

use super::{
    offsets::settled,
    request::{Op, items, make, request},
};
use crate::ffi::{Refusal, c_string, text};

/// A member of a group, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// What its client calls itself.
    pub client: String,
    /// Where it connects from, as the broker sees it.
    pub host: String,
}

/// The members of a group. Waits for a coordinator that is only just starting.
pub(super) fn members(
    client: &NativeClient,
    group: &str,
    timeout: Duration,
) -> Result<Vec<GroupMember>, Refusal> {
    match settled(timeout, |remaining| members_now(client, group, remaining)) {
        // Newer brokers say so of a group that never committed anything.
        Err(refusal) if refusal.code == Code::GroupIdNotFound => Ok(Vec::new()),
        answer => answer,
    }
}

fn members_now(
    client: &NativeClient,
    group: &str,
    timeout: Duration,
) -> Result<Vec<GroupMember>, Refusal> {
    let name = c_string(group);
    let mut names = [name.as_ptr()];
    request(
        client,
        Op::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
        timeout,
        // SAFETY: the names live for the call, which copies them.
        |r| unsafe {
            let (array, count) = (names.as_mut_ptr(), names.len());
            rd::rd_kafka_DescribeConsumerGroups(r.client, array, count, r.options, r.queue);
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_DescribeConsumerGroups_result(event);
            let mut count = 0;
            let groups = rd::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
            let mut members = Vec::new();
            for group in items(groups, count) {
                let error = rd::rd_kafka_ConsumerGroupDescription_error(group);
                Refusal::of_error(error).map_or(Ok(()), Err)?;
                members.extend(members_of(group));
            }
            Ok(members)
        },
    )
}

/// # Safety
/// `group` belongs to a living event.
unsafe fn members_of(group: *const rd::rd_kafka_ConsumerGroupDescription_t) -> Vec<GroupMember> {
    // SAFETY: the caller's event is alive, and with it its members and their strings.
    unsafe {
        (0..rd::rd_kafka_ConsumerGroupDescription_member_count(group))
            .map(|index| {
                let member = rd::rd_kafka_ConsumerGroupDescription_member(group, index);
                GroupMember {
                    client: text(rd::rd_kafka_MemberDescription_client_id(member)),
                    host: text(rd::rd_kafka_MemberDescription_host(member)),
                }
            })
            .collect()
    }
}

/// Deletes a group with all that it has committed; `false` when there is none. One with members is
/// refused.
pub(super) fn delete(
    client: &NativeClient,
    group: &str,
    timeout: Duration,
) -> Result<bool, Refusal> {
    match settled(timeout, |remaining| delete_now(client, group, remaining)) {
        Ok(()) => Ok(true),
        Err(refusal) if refusal.code == Code::GroupIdNotFound => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

fn delete_now(client: &NativeClient, group: &str, timeout: Duration) -> Result<(), Refusal> {
    let name = c_string(group);
    // SAFETY: the name lives for the call, which copies it.
    let native = unsafe {
        make(|_, _| rd::rd_kafka_DeleteGroup_new(name.as_ptr()), rd::rd_kafka_DeleteGroup_destroy)
    }?;
    let mut groups = [native.ptr()];
    request(
        client,
        Op::RD_KAFKA_ADMIN_OP_DELETEGROUPS,
        timeout,
        // SAFETY: the array and the group live for the call, which copies them.
        |r| unsafe {
            rd::rd_kafka_DeleteGroups(r.client, groups.as_mut_ptr(), 1, r.options, r.queue);
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_DeleteGroups_result(event);
            let mut count = 0;
            let groups = rd::rd_kafka_DeleteGroups_result_groups(result, &raw mut count);
            for group in items(groups, count) {
                Refusal::of_error(rd::rd_kafka_group_result_error(group)).map_or(Ok(()), Err)?;
            }
            Ok(())
        },
    )
}
