//! What an administrator sees of a group, and what may be committed for it from outside.

use std::collections::BTreeMap;

use cordon_kafka::{
    admin::{Admin, Operation, Resource},
    log::{Committed, Consumer as _, NewOffset, TopicPartition},
    real::RealLog,
};

use crate::support::{BROKER, PATIENCE, Principal, admin, assigned, fill, text, topic, unique};

fn committed(offset: i64, metadata: &str) -> Committed {
    Committed { offset, metadata: metadata.into() }
}

#[test]
fn only_absent_offsets_are_committed_under_members() {
    let input = topic("in", 1);
    fill([text(&input, 0, "a")]);
    let stage = Principal::stage("stage", &input, &[]);
    let (at, group) = (TopicPartition::new(input.as_str(), 0), stage.name.as_str());
    let admin = admin();
    assert_eq!(admin.group_members(&unique("no-such-group")), Ok(Vec::new()));
    assert_eq!(admin.group_members(group), Ok(Vec::new()));

    let mut consumer = stage.consumer(&[&input]);
    assigned(&mut consumer);
    let members = admin.group_members(group).unwrap();
    assert_eq!(members.len(), 1);
    assert!(members[0].host.contains("127.0.0.1"), "{members:?}");
    let planted = admin.set_group_offsets(group, &[(at.clone(), committed(1, "x"))]);
    assert!(planted.is_err(), "a group with members took an offset from outside");

    let offset = NewOffset { at: at.clone(), offset: 1, metadata: "first".to_owned() };
    admin.commit_absent_offsets(group, &[offset]).unwrap();
    // Asked for by name, it is waited for until the transaction's marker is written; a list of all
    // offsets leaves out one that never had another before.
    let first = consumer.committed(std::slice::from_ref(&at), PATIENCE).unwrap();
    assert_eq!(first, [(at.clone(), Some(committed(1, "first")))]);
    let expected = BTreeMap::from([(at.clone(), committed(1, "first"))]);
    assert_eq!(admin.settled_group_offsets(group), Ok(expected));

    drop(consumer);
    let expected = BTreeMap::from([(at.clone(), committed(0, "again"))]);
    admin.set_group_offsets(group, &[(at.clone(), committed(0, "again"))]).unwrap();
    assert_eq!(admin.group_offsets(group), Ok(expected));
}

/// To look takes Describe, and gives no more than a look.
#[test]
fn who_may_describe_a_group_may_not_change_it() {
    let input = topic("in", 1);
    fill([text(&input, 0, "a")]);
    let (at, group) = (TopicPartition::new(input.as_str(), 0), unique("group"));
    admin().set_group_offsets(&group, &[(at.clone(), committed(1, "x"))]).unwrap();
    let operator = Principal::new("operator");
    admin().create_acls(&[operator.acl(Operation::Read, Resource::Topic, &input)]).unwrap();
    let as_operator = Admin::new(&operator.connection).unwrap();
    let refused = as_operator.group_offsets(&group).unwrap_err().to_string();
    assert!(refused.contains("authorization failed"), "{refused}");
    assert!(as_operator.group_members(&group).is_err());

    admin().create_acls(&[operator.acl(Operation::Describe, Resource::Group, &group)]).unwrap();
    let known = BTreeMap::from([(at.clone(), committed(1, "x"))]);
    assert_eq!(as_operator.group_offsets(&group), Ok(known.clone()));
    assert_eq!(as_operator.group_members(&group), Ok(Vec::new()));
    assert!(as_operator.set_group_offsets(&group, &[(at.clone(), committed(0, ""))]).is_err());
    let offset = NewOffset { at, offset: 0, metadata: "x".to_owned() };
    assert!(as_operator.commit_absent_offsets(&group, &[offset]).is_err());
    assert_eq!(admin().group_offsets(&group), Ok(known));
}

#[test]
fn records_are_read_from_the_middle() {
    let topic = topic("in", 3);
    // Two transactions, so that a control record lies between.
    fill([text(&topic, 0, "a"), text(&topic, 0, "b"), text(&topic, 2, "c")]);
    fill([text(&topic, 0, "d")]);
    let log = RealLog::new(BROKER.admin());
    let at = |partition| TopicPartition::new(topic.as_str(), partition);
    let values = |partition, offsets| -> Vec<String> {
        let reader = log.range_reader(&at(partition), offsets).unwrap();
        reader.map(|r| String::from_utf8(r.unwrap().value.to_vec()).unwrap()).collect()
    };
    assert_eq!(values(0, 1..2), ["b"]);
    assert_eq!(values(0, 1..4), ["b", "d"]);
    assert_eq!(values(0, 2..3), [""; 0]);
    assert_eq!(values(0, 0..i64::MAX), ["a", "b", "d"]);
    assert_eq!(values(1, 0..9), [""; 0]);

    let next = log.next_records(&topic, [(at(0), 2), (at(1), 0), (at(2), 0)]).unwrap();
    let next: Vec<_> = next.into_values().map(|r| (r.at.partition, r.offset, r.value)).collect();
    assert_eq!(next, [(0, 3, "d".into()), (2, 0, "c".into())]);
    assert!(log.next_records(&topic, [(at(0), 4), (at(2), 99)]).unwrap().is_empty());
}
