//! `check` on a real cluster: clean after `apply`, every planted difference named, and clean again
//! after doing what it says.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use cordon_kafka::{
    admin::{Acl, Admin, Operation, Resource},
    local::Broker,
    secret::Password,
    topology::{ApplyOptions, CheckOptions, CheckReport, Drift, DriftKind, Topology},
};

/// A cluster of its own: what other tests make would be drift.
struct World {
    broker: Broker,
    admin: Admin,
    topology: Topology,
    dir: tempfile::TempDir,
}

impl World {
    fn start() -> Self {
        let broker = Broker::start().expect("a local Kafka");
        let admin = Admin::new(&broker.admin()).expect("an administrator");
        let dir = tempfile::tempdir().unwrap();
        Self { broker, admin, topology: Topology::embedded(), dir }
    }

    fn apply(&self) {
        let options = ApplyOptions { replication: Some(1), ..ApplyOptions::default() };
        self.topology.apply(&self.broker.admin(), self.dir.path(), &options).expect("it applies");
    }

    fn check(&self) -> CheckReport {
        let options = CheckOptions { replication: Some(1) };
        self.topology.check(&self.broker.admin(), &options).expect("it checks")
    }

    fn is_clean(&self) {
        let report = self.check();
        assert!(report.is_clean(), "{report:#?}");
    }

    /// Runs a command of Kafka's own, as the administrator, and as a person would type it.
    fn shell(&self, command: &str) {
        let bin = self.dir.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        tool(&bin.join("kafka-acls.sh"), &self.broker, "org.apache.kafka.tools.AclCommand --force");
        tool(&bin.join("kafka-configs.sh"), &self.broker, "kafka.admin.ConfigCommand");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let output =
            Command::new("sh").args(["-ec", command]).env("PATH", path).output().expect("a shell");
        assert!(output.status.success(), "{command}: {output:?}");
    }
}

/// A script in the place of one that Kafka's distribution has, and Maven does not.
fn tool(path: &Path, broker: &Broker, class: &str) {
    let properties = broker.dir().join("client.properties");
    let libs = std::env::var("CORDON_KAFKA_LIBS").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../.cache/kafka/libs").to_owned()
    });
    let script = format!(
        "#!/bin/sh\nexec java -XX:TieredStopAtLevel=1 -cp '{libs}/*' {class} --bootstrap-server {} \
         --command-config {} \"$@\"\n",
        broker.bootstrap(),
        properties.display()
    );
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn find<'a>(report: &'a CheckReport, kind: DriftKind, what: &str) -> Vec<&'a Drift> {
    report.drift.iter().filter(|drift| drift.kind == kind && drift.what == what).collect()
}

/// Finds exactly one difference, and what to do about it.
fn only<'a>(report: &'a CheckReport, kind: DriftKind, what: &str) -> &'a Drift {
    match find(report, kind, what)[..] {
        [one] => one,
        _ => panic!("not one {kind} {what}: {report:#?}"),
    }
}

/// One cluster, and so one order: each step ends clean.
#[test]
fn what_is_planted_is_named_and_cured() {
    let world = World::start();
    let before = world.check();
    assert_eq!(find(&before, DriftKind::Missing, "topic logs").len(), 1, "nothing is applied");
    world.apply();
    let clean = world.check();
    assert!(clean.is_clean(), "{clean:#?}");
    // An authorizer's settings are told to nobody.
    let [open, super_users] = &clean.unchecked[..] else { panic!("{clean:#?}") };
    assert!(open.starts_with("broker 1: it does not tell allow.everyone.if.no.acl.found"));
    assert!(super_users.starts_with("broker 1: it does not tell super.users"));

    applying_again_cures_what_is_missing(&world);
    grants_of_others_are_named(&world);
    users_of_others_are_named(&world);
    settings_of_others_are_named(&world);
    partitions_and_topics_of_others_are_named(world);
}

fn applying_again_cures_what_is_missing(world: &World) {
    let grant = Acl {
        principal: "User:merge".to_owned(),
        operation: Operation::Write,
        resource: Resource::Topic,
        name: "merged".to_owned(),
        prefixed: false,
    };
    assert_eq!(world.admin.delete_acls(&[grant]).unwrap(), 1);
    assert!(world.admin.delete_user("lister").unwrap());
    assert!(world.admin.delete_topic("subgraphs.replay").unwrap());
    world
        .admin
        .set_topic_settings("logs", &[("retention.ms".into(), "86400000".into())].into())
        .unwrap();

    let report = world.check();
    let missing = |what: &str| only(&report, DriftKind::Missing, what);
    for what in ["ACL User:merge Write topic merged", "user lister", "topic subgraphs.replay"] {
        assert_eq!(missing(what).remedy, "run `cordon topology apply`");
    }
    let retention = only(&report, DriftKind::Different, "topic logs");
    assert_eq!(retention.why, "retention.ms is 86400000, and 259200000 is declared");
    assert_eq!(report.drift.len(), 4, "{report:#?}");

    world.apply();
    world.is_clean();
}

/// Of every kind that a broker knows, made by Kafka's own tool; each removed by the command that
/// the report gives.
fn grants_of_others_are_named(world: &World) {
    for rule in [
        "--allow-principal User:merge --operation Read --topic merged",
        "--allow-principal User:mallory --operation Read --topic '*'",
        "--allow-principal 'User:*' --operation Describe --group cordon. --resource-pattern-type prefixed",
        "--allow-principal User:reader --operation Alter --cluster",
        "--deny-principal User:pack --deny-host 10.0.0.1 --operation All --transactional-id 'it'\\''s'",
    ] {
        world.shell(&format!("kafka-acls.sh --add {rule}"));
    }
    let report = world.check();
    let extra = [
        "ACL User:merge Read topic merged",
        "ACL User:mallory Read topic *",
        "ACL User:* Describe group cordon.*",
        "ACL User:reader Alter cluster kafka-cluster",
        "ACL User:pack denied All transactional id it's from 10.0.0.1",
    ]
    .map(|what| only(&report, DriftKind::Extra, what));
    assert_eq!(report.drift.len(), extra.len(), "{report:#?}");
    for drift in extra {
        world.shell(drift.remedy.strip_prefix("remove it: ").unwrap());
    }
    world.is_clean();
}

fn users_of_others_are_named(world: &World) {
    world.admin.upsert_user("mallory", &Password::random().unwrap()).unwrap();
    let report = world.check();
    let mallory = only(&report, DriftKind::Extra, "user mallory");
    world.shell(mallory.remedy.strip_prefix("delete it: ").unwrap());
    world.is_clean();
}

fn settings_of_others_are_named(world: &World) {
    let forever =
        [("retention.ms".into(), "-1".into()), ("segment.bytes".into(), "1048576".into())];
    world.admin.set_topic_settings("receipts.pack", &forever.into()).unwrap();
    let report = world.check();
    let whys: Vec<&str> = find(&report, DriftKind::Different, "topic receipts.pack")
        .iter()
        .map(|drift| drift.why.as_str())
        .collect();
    let [retention, expiry] = whys[..] else { panic!("{report:#?}") };
    assert_eq!(retention, "retention.ms is -1, and 1209600000 is declared");
    assert!(expiry.starts_with("it keeps pointers for ever"), "{expiry}");
    let own = only(&report, DriftKind::Extra, "topic receipts.pack");
    assert_eq!(own.why, "segment.bytes is set to 1048576, and nothing declares it");
    let command = own.remedy.strip_prefix("take it back: ").unwrap();
    world.shell(&format!("{command} --entity-type topics --entity-name receipts.pack"));
    world.apply();
    world.is_clean();
}

/// Nothing makes a partition go away, so that this comes last.
fn partitions_and_topics_of_others_are_named(mut world: World) {
    world.admin.grow_topic("logs", 5).unwrap();
    let topics = world.admin.topics().unwrap();
    assert!(topics.contains_key("__consumer_offsets"), "internal topics are listed, and no drift");
    let report = world.check();
    let grown = only(&report, DriftKind::Different, "topic logs");
    assert_eq!(grown.why, "it has 5 partitions, and 4 are declared");
    // The stages that read it have no first offset there.
    for group in ["cordon.generate", "cordon.match"] {
        only(&report, DriftKind::Missing, &format!("first offset of group {group} at logs/4"));
    }
    assert_eq!(report.drift.len(), 3, "{report:#?}");
    world.topology.topics.get_mut("logs").unwrap().partitions = 5;
    world.apply();
    world.is_clean();

    // A topology that no longer declares what it applied.
    world.topology.topics.remove("findings");
    only(&world.check(), DriftKind::Extra, "topic findings");
}
