//! The comparison, over a cluster made up to be exactly as declared and then changed.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::{
    CheckOptions, CheckReport, Observed, Shadow, Topology,
    observed::{ObservedTopic, Settings},
};
use crate::{
    admin::{Acl, AclRule, Operation, Resource, ScramUser, Setting, TopicShape},
    log::TopicPartition,
    topology::settings,
};

fn own(value: &str) -> Setting {
    Setting { value: value.to_owned(), is_own: true }
}

fn rule(acl: &Acl) -> AclRule {
    AclRule {
        principal: acl.principal.clone(),
        host: "*".to_owned(),
        allows: true,
        operation: match acl.operation {
            Operation::Read => "Read",
            Operation::Write => "Write",
            Operation::Describe => "Describe",
        },
        resource: match acl.resource {
            Resource::Topic => "topic",
            Resource::Group => "group",
            Resource::TransactionalId => "transactional id",
        },
        name: acl.name.clone(),
        prefixed: acl.prefixed,
    }
}

/// A cluster that is exactly as the topology says.
fn declared(topology: &Topology) -> Observed {
    let replicas = topology.replication;
    let topics = topology.all_topics().into_iter().map(|(name, spec)| {
        let settings = settings::declared(&spec, replicas).into_iter();
        let settings = settings.map(|(name, value)| (name, own(&value))).collect();
        let shape = TopicShape { partitions: spec.partitions, replicas };
        (name, ObservedTopic { shape, settings })
    });
    let offsets = topology.stages.iter().map(|(stage, spec)| {
        let inputs = spec.inputs();
        let partitions = inputs.flat_map(|topic| {
            let count = topology.topics[topic].partitions;
            (0..count).map(|partition| TopicPartition::new(topic.as_str(), partition))
        });
        (stage.clone(), partitions.collect())
    });
    let users = topology.principals.keys();
    let broker = BTreeMap::from([
        ("authorizer.class.name".to_owned(), own("Authorizer")),
        ("allow.everyone.if.no.acl.found".to_owned(), own("false")),
        ("super.users".to_owned(), own("User:admin")),
        ("transaction.max.timeout.ms".to_owned(), own("60000")),
    ]);
    Observed {
        topics: topics.collect(),
        acls: topology.acls().iter().map(rule).collect(),
        users: Ok(users.map(|name| ScramUser { name: name.clone(), by_sha_512: true }).collect()),
        offsets: offsets.collect(),
        brokers: Ok(BTreeMap::from([(1, broker)])),
    }
}

fn report(change: impl FnOnce(&mut Observed)) -> CheckReport {
    let topology = Topology::embedded();
    let mut observed = declared(&topology);
    change(&mut observed);
    topology.compare(&observed, &CheckOptions::default())
}

fn check(change: impl FnOnce(&mut Observed), expected: Expect) {
    let CheckReport { drift, unchecked, .. } = report(change);
    let drift = drift.iter().map(|d| format!("{} {}: {}\n- {}\n", d.kind, d.what, d.why, d.remedy));
    let unchecked = unchecked.iter().map(|words| format!("not checked {words}\n"));
    expected.assert_eq(&drift.chain(unchecked).collect::<String>());
}

fn set(observed: &mut Observed, topic: &str, name: &str, value: &str) {
    settings_of(observed, topic).insert(name.to_owned(), own(value));
}

fn settings_of<'a>(observed: &'a mut Observed, topic: &str) -> &'a mut Settings {
    &mut observed.topics.get_mut(topic).unwrap().settings
}

#[test]
fn a_cluster_as_declared_is_clean() {
    check(|_| {}, expect![]);
}

#[test]
fn topics_differ_in_every_way() {
    check(
        |observed| {
            observed.topics.remove("metrics.merge");
            observed.topics.get_mut("merged").unwrap().shape.partitions = 3;
            observed.topics.get_mut("raw").unwrap().shape =
                TopicShape { partitions: 5, replicas: 1 };
            let raw = observed.topics["raw"].clone();
            observed.topics.insert("payroll".to_owned(), raw.clone());
            observed.topics.insert("__consumer_offsets".to_owned(), raw);
        },
        expect![[r#"
            different topic merged: it has 3 partitions, and 4 are declared
            - run `cordon topology apply`
            missing topic metrics.merge: it is declared, and does not exist
            - run `cordon topology apply`
            different topic raw: it has 5 partitions, and 4 are declared
            - declare partitions: 5 and run `cordon topology apply`: a partition cannot be taken away
            different topic raw: it has 1 replicas, and 3 are declared
            - move its replicas with kafka-reassign-partitions.sh, or name their number with --replication
            extra topic payroll: nothing declares it
            - declare it in the topology, or delete it
            missing first offset of group cordon.pack at raw/4: a stage without it stops
            - run `cordon topology apply`
        "#]],
    );
}

#[test]
fn settings_differ_in_every_way() {
    check(
        |observed| {
            set(observed, "raw", "compression.type", "zstd");
            set(observed, "raw", "segment.bytes", "1048576");
            settings_of(observed, "raw").remove("min.insync.replicas");
        },
        expect![[r#"
            different topic raw: compression.type is zstd, and uncompressed is declared
            - run `cordon topology apply`
            extra topic raw: segment.bytes is set to 1048576, and nothing declares it
            - take it back: kafka-configs.sh --alter --delete-config segment.bytes
            not checked topic raw: the broker does not tell min.insync.replicas
        "#]],
    );
}

/// Plain records and metrics name no payload, so that they may be kept for ever.
#[test]
fn pointers_must_not_outlive_payloads() {
    let days = |days: u64| (days * 24 * 60 * 60 * 1000).to_string();
    check(
        |observed| {
            set(observed, "logs", "retention.ms", &days(20));
            set(observed, "merged", "retention.ms", &days(19));
            set(observed, "receipts.pack", "retention.ms", "-1");
            set(observed, "metrics.pack", "retention.ms", "-1");
            set(observed, "raw", "retention.ms", "-1");
        },
        expect![[r#"
            different topic logs: retention.ms is 1728000000, and 259200000 is declared
            - run `cordon topology apply`
            different topic logs: it keeps pointers for 20 days, and payloads expire after 21 days of which a stage may lag 2: pointers would name nothing
            - shorten the retention, or raise payload_expiry_days and the bucket's lifecycle with it
            different topic merged: retention.ms is 1641600000, and 1209600000 is declared
            - run `cordon topology apply`
            different topic metrics.pack: retention.ms is -1, and 86400000 is declared
            - run `cordon topology apply`
            different topic raw: retention.ms is -1, and 259200000 is declared
            - run `cordon topology apply`
            different topic receipts.pack: retention.ms is -1, and 1209600000 is declared
            - run `cordon topology apply`
            different topic receipts.pack: it keeps pointers for ever, and payloads expire after 21 days of which a stage may lag 2: pointers would name nothing
            - shorten the retention, or raise payload_expiry_days and the bucket's lifecycle with it
        "#]],
    );
}

#[test]
fn rules_differ_in_every_way() {
    check(
        |observed| {
            observed.acls.retain(|rule| rule.to_string() != "User:merge Write topic merged");
            let base = rule(&Acl {
                principal: "User:merge".to_owned(),
                operation: Operation::Read,
                resource: Resource::Topic,
                name: "merged".to_owned(),
                prefixed: false,
            });
            let cluster = |rule: AclRule| AclRule {
                resource: "cluster",
                name: "kafka-cluster".to_owned(),
                ..rule
            };
            let as_ = |principal: &str| AclRule { principal: principal.to_owned(), ..base.clone() };
            observed.acls.extend([
                base.clone(),
                AclRule { name: "*".to_owned(), ..as_("User:mallory") },
                AclRule { prefixed: true, ..as_("User:*") },
                cluster(AclRule { operation: "Alter", ..as_("User:reader") }),
                AclRule { resource: "unknown", ..as_("User:reader") },
                AclRule { allows: false, host: "10.0.0.1".to_owned(), ..as_("User:admin") },
                AclRule { name: "it's; rm".to_owned(), ..as_("User:pack") },
                as_("User:admin"),
            ]);
        },
        expect![[r#"
            missing ACL User:merge Write topic merged: it is declared, and not granted: whoever needs it is refused
            - run `cordon topology apply`
            extra ACL User:merge Read topic merged: the topology gives this principal no such right
            - remove it: kafka-acls.sh --remove --allow-principal User:merge --allow-host '*' --operation Read --topic merged
            extra ACL User:mallory Read topic *: nobody of this name is declared, and for every topic
            - remove it: kafka-acls.sh --remove --allow-principal User:mallory --allow-host '*' --operation Read --topic '*'
            extra ACL User:* Read topic merged*: it is about everyone
            - remove it: kafka-acls.sh --remove --allow-principal 'User:*' --allow-host '*' --operation Read --topic merged --resource-pattern-type prefixed
            extra ACL User:reader Alter cluster kafka-cluster: the topology gives this principal no such right
            - remove it: kafka-acls.sh --remove --allow-principal User:reader --allow-host '*' --operation Alter --cluster
            extra ACL User:reader Read unknown merged: the topology gives this principal no such right
            - find it with kafka-acls.sh --list, and remove it
            extra ACL User:admin denied Read topic merged from 10.0.0.1: nothing declares it; it denies, which overrules what is granted
            - remove it: kafka-acls.sh --remove --deny-principal User:admin --deny-host 10.0.0.1 --operation Read --topic merged
            extra ACL User:pack Read topic it's; rm: the topology gives this principal no such right
            - remove it: kafka-acls.sh --remove --allow-principal User:pack --allow-host '*' --operation Read --topic 'it'\''s; rm'
        "#]],
    );
}

#[test]
fn users_differ_in_every_way() {
    check(
        |observed| {
            let users = observed.users.as_mut().unwrap();
            users.retain(|user| user.name != "lister");
            users.iter_mut().find(|user| user.name == "pack").unwrap().by_sha_512 = false;
            users.push(ScramUser { name: "mallory".to_owned(), by_sha_512: true });
        },
        expect![[r#"
            missing user lister: it is declared, and cannot authenticate
            - run `cordon topology apply`
            different user pack: it has no SCRAM-SHA-512 credentials, the only ones that cordon uses
            - run kafka-configs.sh --alter --entity-type users --entity-name pack --delete-config SCRAM-SHA-256 and `cordon topology apply`
            extra user mallory: it can authenticate, and nothing declares it
            - delete it: kafka-configs.sh --alter --entity-type users --entity-name mallory --delete-config SCRAM-SHA-512
        "#]],
    );
}

/// Makes a shadow of match, whole.
fn shadow(observed: &mut Observed) {
    let topology = Topology::embedded();
    let shadow = Shadow::of(&topology, &"new".parse().unwrap(), "match").unwrap();
    let findings = observed.topics["findings"].clone();
    for topic in shadow.topics(&topology).into_keys() {
        observed.topics.insert(topic, findings.clone());
    }
    observed.acls.extend(shadow.acls(&topology).iter().map(rule));
    let user = ScramUser { name: shadow.principal().to_owned(), by_sha_512: true };
    observed.users.as_mut().unwrap().push(user);
}

#[test]
fn a_living_shadow_is_named_and_no_drift() {
    check(shadow, expect![]);
    let shadows = report(shadow).shadows;
    assert_eq!(shadows, BTreeMap::from([("new".to_owned(), "match".to_owned())]));
}

#[test]
fn a_shadow_that_is_not_whole_is_drift() {
    check(
        |observed| {
            shadow(observed);
            observed.topics.remove("shadow-new.dead");
            observed.acls.retain(|rule| {
                rule.to_string() != "User:shadow-new Write topic shadow-new.receipts"
            });
            observed.users.as_mut().unwrap().retain(|user| user.name != "shadow-new");
            let more = observed.acls.iter().find(|rule| rule.principal == "User:shadow-new");
            let more = AclRule { name: "merged".to_owned(), ..more.unwrap().clone() };
            observed.acls.push(more);
        },
        expect![[r#"
            missing topic shadow-new.dead: its shadow is not whole without it
            - remove it with `cordon shadow remove new`, and make it again
            missing user shadow-new: its shadow cannot authenticate
            - remove it with `cordon shadow remove new`, and make it again
            missing ACL User:shadow-new Write topic shadow-new.receipts: its shadow is not whole without it
            - remove it with `cordon shadow remove new`, and make it again
            extra ACL User:shadow-new Read topic merged: nobody of this name is declared
            - remove it: kafka-acls.sh --remove --allow-principal User:shadow-new --allow-host '*' --operation Read --topic merged
        "#]],
    );
    check(
        |observed| {
            shadow(observed);
            observed.topics.remove("shadow-new.match");
            observed.acls.retain(|rule| !rule.to_string().contains("shadow-new"));
        },
        expect![[r#"
            extra topic shadow-new.dead: it is of a shadow that is half gone, or of another topology
            - run `cordon shadow remove new`
            extra topic shadow-new.metrics: it is of a shadow that is half gone, or of another topology
            - run `cordon shadow remove new`
            extra topic shadow-new.plan: it is of a shadow that is half gone, or of another topology
            - run `cordon shadow remove new`
            extra topic shadow-new.receipts: it is of a shadow that is half gone, or of another topology
            - run `cordon shadow remove new`
            extra user shadow-new: it can authenticate, and nothing declares it
            - delete it: kafka-configs.sh --alter --entity-type users --entity-name shadow-new --delete-config SCRAM-SHA-512
        "#]],
    );
}

#[test]
fn a_first_offset_is_missing() {
    check(
        |observed| {
            observed.offsets.get_mut("match").unwrap().remove(&TopicPartition::new("logs", 2));
        },
        expect![[r#"
            missing first offset of group cordon.match at logs/2: a stage without it stops
            - run `cordon topology apply`
        "#]],
    );
}

#[test]
fn brokers_are_open_to_everyone() {
    check(
        |observed| {
            let broker = observed.brokers.as_mut().unwrap().get_mut(&1).unwrap();
            broker.insert("authorizer.class.name".to_owned(), own(""));
            broker.insert("allow.everyone.if.no.acl.found".to_owned(), own("true"));
            broker.insert("super.users".to_owned(), own("User:admin;User:mallory"));
            broker.insert("transaction.max.timeout.ms".to_owned(), own("900000"));
        },
        expect![[r#"
            different broker 1: authorizer.class.name is empty: nobody looks at ACLs
            - set it in the broker's configuration
            different broker 1: allow.everyone.if.no.acl.found is true, and must be false: what has no ACL is open to everyone who can connect
            - set it in the broker's configuration
            different broker 1: super.users is User:admin;User:mallory, and must be User:admin: a super user may do everything, whatever the ACLs say
            - set it in the broker's configuration
            different broker 1: transaction.max.timeout.ms is 900000, and must be 60000: a principal can hold back all readers of its output for so long with one open transaction
            - set it in the broker's configuration
        "#]],
    );
}

/// Other brokers know neither users nor settings of this kind.
#[test]
fn what_is_not_told_is_no_drift() {
    check(
        |observed| {
            observed.users = Err("unsupported".to_owned());
            observed.brokers = Ok(BTreeMap::from([(7, BTreeMap::new())]));
        },
        expect![[r#"
            not checked users: unsupported
            not checked broker 7: it does not tell allow.everyone.if.no.acl.found, which must be false: what has no ACL is open to everyone who can connect
            not checked broker 7: it does not tell super.users, which must be User:admin: a super user may do everything, whatever the ACLs say
            not checked broker 7: it does not tell transaction.max.timeout.ms, which must be 60000: a principal can hold back all readers of its output for so long with one open transaction
        "#]],
    );
}
