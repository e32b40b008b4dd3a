//! On one group: its members, its offsets, and what is known of it.

use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, DeleteGroupsRequest,
    DescribeGroupsRequest, FindCoordinatorRequest, HeartbeatRequest, JoinGroupRequest,
    LeaveGroupRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
    ShareGroupDescribeRequest, ShareGroupHeartbeatRequest, SyncGroupRequest,
    join_group_request::JoinGroupRequestProtocol,
    leave_group_request::MemberIdentity,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
    offset_fetch_request::OffsetFetchRequestGroup,
};

use crate::{
    attempt::{Attempt, group, group_id, topic, topic_name},
    rights::Right,
    wire::{Client, text},
};

/// A member that no group has, so that nothing happens.
pub(super) const NOBODY: &str = "nobody";
/// Of a group that never had so many.
pub(super) const GENERATION: i32 = 7_777;
/// 22, 25, 69, 110, 113: no such generation, member, group, epoch.
pub(super) const NO_MEMBER: &[i16] = &[22, 25, 69, 110, 113];
/// A partition that no topic here has.
const NO_PARTITION: i32 = 9_999;

/// All of them on one group, and on its offsets in every topic.
pub(crate) fn on(name: &str, topics: &[String]) -> Vec<Attempt> {
    let mut attempts = classic_members(name);
    attempts.extend(other_members(name));
    attempts.extend(knowledge(name));
    attempts.extend(topics.iter().flat_map(|topic| offsets(name, topic)));
    attempts
}

fn classic_members(name: &str) -> Vec<Attempt> {
    let own = name.to_owned();
    let join = move |client: &mut Client| {
        let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
        let request = JoinGroupRequest::default()
            .with_group_id(group_id(&own))
            .with_session_timeout_ms(6_000)
            .with_rebalance_timeout_ms(6_000)
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol]);
        Ok(vec![client.ask(7, &request)?.error_code])
    };
    let own = name.to_owned();
    let sync = move |client: &mut Client| {
        let request = SyncGroupRequest::default()
            .with_group_id(group_id(&own))
            .with_generation_id(GENERATION)
            .with_member_id(text(NOBODY))
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(Some(text("range")));
        Ok(vec![client.ask(5, &request)?.error_code])
    };
    let own = name.to_owned();
    let heartbeat = move |client: &mut Client| {
        let request = HeartbeatRequest::default()
            .with_group_id(group_id(&own))
            .with_generation_id(GENERATION)
            .with_member_id(text(NOBODY));
        Ok(vec![client.ask(4, &request)?.error_code])
    };
    let own = name.to_owned();
    let leave = move |client: &mut Client| {
        let member = MemberIdentity::default().with_member_id(text(NOBODY));
        let request =
            LeaveGroupRequest::default().with_group_id(group_id(&own)).with_members(vec![member]);
        let answer = client.ask(4, &request)?;
        let members = answer.members.iter().map(|member| member.error_code);
        Ok([answer.error_code].into_iter().chain(members).collect())
    };
    let read = || [group(Right::Read, name)];
    vec![
        // 79: who may join is told its member id first, and asks again with it.
        Attempt::new("JoinGroup", read(), join).passing(&[79]),
        Attempt::new("SyncGroup", read(), sync).passing(NO_MEMBER),
        Attempt::new("Heartbeat", read(), heartbeat).passing(NO_MEMBER),
        Attempt::new("LeaveGroup", read(), leave).passing(NO_MEMBER),
    ]
}

/// The protocols that brokers lead. Epoch -1 leaves.
fn other_members(name: &str) -> Vec<Attempt> {
    let own = name.to_owned();
    let consume = move |client: &mut Client| {
        let request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(group_id(&own))
            .with_member_id(text(NOBODY))
            .with_member_epoch(-1);
        Ok(vec![client.ask(0, &request)?.error_code])
    };
    let own = name.to_owned();
    let share = move |client: &mut Client| {
        let request = ShareGroupHeartbeatRequest::default()
            .with_group_id(group_id(&own))
            .with_member_id(text(NOBODY))
            .with_member_epoch(-1);
        Ok(vec![client.ask(1, &request)?.error_code])
    };
    let read = || [group(Right::Read, name)];
    vec![
        Attempt::new("ConsumerGroupHeartbeat", read(), consume).passing(NO_MEMBER),
        Attempt::new("ShareGroupHeartbeat", read(), share).passing(NO_MEMBER),
    ]
}

fn knowledge(name: &str) -> Vec<Attempt> {
    let own = name.to_owned();
    let describe = move |client: &mut Client| {
        let request = DescribeGroupsRequest::default().with_groups(vec![group_id(&own)]);
        Ok(client.ask(5, &request)?.groups.iter().map(|group| group.error_code).collect())
    };
    let own = name.to_owned();
    let describe_consumers = move |client: &mut Client| {
        let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group_id(&own)]);
        Ok(client.ask(0, &request)?.groups.iter().map(|group| group.error_code).collect())
    };
    let own = name.to_owned();
    let describe_sharers = move |client: &mut Client| {
        let request = ShareGroupDescribeRequest::default().with_group_ids(vec![group_id(&own)]);
        Ok(client.ask(1, &request)?.groups.iter().map(|group| group.error_code).collect())
    };
    let own = name.to_owned();
    let find = move |client: &mut Client| {
        let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(&own)]);
        Ok(client.ask(4, &request)?.coordinators.iter().map(|found| found.error_code).collect())
    };
    let own = name.to_owned();
    let read_offsets = move |client: &mut Client| {
        let asked =
            OffsetFetchRequestGroup::default().with_group_id(group_id(&own)).with_topics(None);
        let answer = client.ask(8, &OffsetFetchRequest::default().with_groups(vec![asked]))?;
        Ok(answer.groups.iter().map(|group| group.error_code).collect())
    };
    let own = name.to_owned();
    let delete = move |client: &mut Client| {
        let request = DeleteGroupsRequest::default().with_groups_names(vec![group_id(&own)]);
        Ok(client.ask(2, &request)?.results.iter().map(|group| group.error_code).collect())
    };
    let known = || [group(Right::Describe, name)];
    vec![
        Attempt::new("DescribeGroups", known(), describe),
        Attempt::new("ConsumerGroupDescribe", known(), describe_consumers).passing(NO_MEMBER),
        Attempt::new("ShareGroupDescribe", known(), describe_sharers).passing(NO_MEMBER),
        Attempt::new("FindCoordinator", known(), find),
        Attempt::new("OffsetFetch", known(), read_offsets),
        Attempt::new("DeleteGroups", [group(Right::Delete, name)], delete)
            .passing(NO_MEMBER)
            .harmful(),
    ]
}

/// What a group has committed in one topic.
fn offsets(name: &str, of: &str) -> Vec<Attempt> {
    let own = (name.to_owned(), of.to_owned());
    let commit = move |client: &mut Client| {
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(7);
        let asked = OffsetCommitRequestTopic::default()
            .with_name(topic_name(&own.1))
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(group_id(&own.0))
            .with_generation_id_or_member_epoch(GENERATION)
            .with_member_id(text(NOBODY))
            .with_topics(vec![asked]);
        let answer = client.ask(8, &request)?;
        Ok(answer.topics.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect())
    };
    let own = (name.to_owned(), of.to_owned());
    let forget = move |client: &mut Client| {
        let partition = OffsetDeleteRequestPartition::default().with_partition_index(NO_PARTITION);
        let asked = OffsetDeleteRequestTopic::default()
            .with_name(topic_name(&own.1))
            .with_partitions(vec![partition]);
        let request =
            OffsetDeleteRequest::default().with_group_id(group_id(&own.0)).with_topics(vec![asked]);
        let answer = client.ask(0, &request)?;
        let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
        Ok([answer.error_code].into_iter().chain(partitions.map(|p| p.error_code)).collect())
    };
    let needs = |right| [group(right, name), topic(Right::Read, of)];
    vec![
        Attempt::new("OffsetCommit", needs(Right::Read), commit).passing(NO_MEMBER),
        Attempt::new("OffsetDelete", needs(Right::Delete), forget).passing(&[3, 69]),
    ]
}
