//! The conformance suite's harness on a broker of this machine: SASL, ACLs, deny by default, and
//! an ordinary principal that may only what begins with the suite's prefix.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use cordon_kafka::{
    admin::{Acl, Admin, NewTopic, Operation, Resource},
    conformance::{Harness, PREFIX, run},
    local::{Broker, Options},
    log::{Committed, Log, TopicPartition},
    real::{RealLog, Settings},
    secret::Password,
};

/// Limits far below those of production, so that timeouts can be waited for; in the same order.
fn settings() -> Settings {
    let seconds = Duration::from_secs;
    Settings {
        commit_timeout: seconds(6),
        socket_timeout: seconds(7),
        transaction_timeout: seconds(8),
        // The least that a broker grants by default.
        session_timeout: seconds(9),
        max_poll_interval: seconds(10),
        ..Settings::default()
    }
}

/// How often the broker looks for overdue transactions; 10 s by default.
const OVERDUE_LOOK: Duration = Duration::from_secs(1);

/// A loaded machine with two cores may take so long for one rebalance.
const PATIENCE: Duration = Duration::from_secs(45);

/// Many times what a record or a rebalance takes to be seen.
const QUIET: Duration = Duration::from_millis(1500);

/// Between looks at whether a new topic has become visible, and how many.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS_MAX: u32 = 300;

/// They mostly wait, so more than there are cores.
const CASES_AT_ONCE: usize = 8;

const USER: &str = "conformance";

struct OnKafka {
    log: RealLog,
    admin: Admin,
    settings: Settings,
    names: AtomicU32,
    /// Declared last, so that it is dropped last.
    _broker: Broker,
}

impl OnKafka {
    fn start(options: &Options) -> Self {
        let broker = Broker::start_with(options).expect("a broker starts");
        let admin = Admin::new(&broker.admin()).expect("the admin connects");
        let password = Password::random().expect("randomness");
        admin.upsert_user(USER, &password).expect("a user is made");
        admin.create_acls(&acls()).expect("ACLs are made");
        let log = RealLog::with_settings(broker.connection(USER, password), settings());
        Self { log, admin, settings: settings(), names: AtomicU32::new(0), _broker: broker }
    }
}

/// What a stage has, and nothing more.
fn acls() -> Vec<Acl> {
    let grant = |operation, resource| Acl {
        principal: format!("User:{USER}"),
        operation,
        resource,
        name: PREFIX.to_owned(),
        prefixed: true,
    };
    vec![
        grant(Operation::Read, Resource::Topic),
        grant(Operation::Write, Resource::Topic),
        grant(Operation::Read, Resource::Group),
        grant(Operation::Write, Resource::TransactionalId),
    ]
}

impl Harness for OnKafka {
    type Log = RealLog;

    fn log(&self) -> &RealLog {
        &self.log
    }

    fn create_topic(&self, topic: &str, partitions: i32) {
        let new = NewTopic {
            name: topic.to_owned(),
            partitions,
            replication: 1,
            settings: BTreeMap::new(),
        };
        self.admin.create_topic(&new).expect("a topic is made");
        // The controller has made it; the broker hears of it a moment later.
        let seen = || self.log.partitions(&[topic]).is_ok_and(|seen| seen == [partitions]);
        let mut looks = (0..LOOKS_MAX).map(|_| thread::sleep(LOOK_EVERY));
        assert!(seen() || looks.any(|()| seen()), "{topic} does not show up");
    }

    fn commit_offset(&self, group: &str, at: TopicPartition, offset: Committed) {
        self.admin.set_group_offsets(group, &[(at, offset)]).expect("an offset is planted");
    }

    fn unique(&self, stem: &str) -> String {
        format!("{PREFIX}{stem}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn quiet(&self) -> Duration {
        QUIET
    }

    fn pass(&self, time: Duration) {
        thread::sleep(time);
    }

    fn transaction_age_max(&self) -> Duration {
        self.settings.transaction_timeout + 2 * OVERDUE_LOOK
    }

    fn silence_max(&self) -> Duration {
        self.settings.max_poll_interval + 2 * OVERDUE_LOOK
    }
}

/// Runs the suite on what `options` start. `looks`: the broker's properties for how often it looks
/// for overdue transactions.
#[expect(clippy::print_stdout, reason = "a test says how many cases it went through")]
pub(crate) fn conforms(what: &str, options: Options, looks: &[&str]) {
    let look = OVERDUE_LOOK.as_millis().to_string();
    let properties = looks.iter().map(|key| ((*key).to_owned(), look.clone())).collect();
    let reports = run(&OnKafka::start(&Options { properties, ..options }), CASES_AT_ONCE);
    for report in &reports {
        println!("{:6.1} s {}", report.took.as_secs_f64(), report.name);
    }
    println!("conformance: {} cases on {what}", reports.len());
    let failures: Vec<_> = reports
        .iter()
        .filter_map(|report| Some(format!("{}: {}", report.name, report.result.as_ref().err()?)))
        .collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Apache Kafka's names for it.
pub(crate) const KAFKA_LOOKS: &[&str] = &[
    "transaction.abort.timed.out.transaction.cleanup.interval.ms",
    "transaction.remove.expired.transaction.cleanup.interval.ms",
];
