//! One broker for a whole test binary, and principals with exactly what a test grants them.

use std::{
    collections::BTreeMap,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use cordon_kafka::{
    admin::{Acl, Admin, NewTopic, Operation, Resource},
    connection::Connection,
    local::Broker,
    log::{Consumer, Log, NewRecord, Outcome, Polled, Producer, Record, TopicPartition},
    real::{RealConsumer, RealLog, RealProducer},
    secret::Password,
};

/// The broker. It is never dropped: the kernel kills it when this process ends.
pub(crate) static BROKER: LazyLock<Broker> =
    LazyLock::new(|| Broker::start().expect("a local Kafka"));

/// An administrator's connection.
pub(crate) fn admin() -> Admin {
    Admin::new(&BROKER.admin()).expect("an administrator")
}

/// A name that no other test uses.
pub(crate) fn unique(stem: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{stem}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Makes a topic with a name of its own.
pub(crate) fn topic(stem: &str, partitions: i32) -> String {
    let name = unique(stem);
    let topic =
        NewTopic { name: name.clone(), partitions, replication: 1, settings: BTreeMap::new() };
    assert!(admin().create_topic(&topic).unwrap());
    // A controller makes it; the broker that a client asks learns of it a moment later.
    let log = RealLog::new(BROKER.admin());
    let deadline = now() + Duration::from_secs(10);
    while let Err(error) = log.partitions(&[&name]) {
        assert!(now() < deadline, "{error}");
    }
    name
}

/// A principal that may do nothing yet.
pub(crate) struct Principal {
    pub(crate) name: String,
    pub(crate) connection: Connection,
}

impl Principal {
    pub(crate) fn new(stem: &str) -> Self {
        let name = unique(stem);
        let password = Password::random().unwrap();
        admin().upsert_user(&name, &password).unwrap();
        Self { connection: BROKER.connection(&name, password), name }
    }

    /// A stage: its input, its group, its outputs and its transactional ids, all by its name.
    pub(crate) fn stage(stem: &str, input: &str, outputs: &[&str]) -> Self {
        let principal = Self::new(stem);
        let mut acls = vec![
            principal.acl(Operation::Read, Resource::Topic, input),
            principal.acl(Operation::Read, Resource::Group, &principal.name),
            Acl {
                prefixed: true,
                ..principal.acl(Operation::Write, Resource::TransactionalId, &principal.name)
            },
        ];
        acls.extend(outputs.iter().map(|o| principal.acl(Operation::Write, Resource::Topic, o)));
        admin().create_acls(&acls).unwrap();
        principal
    }

    pub(crate) fn acl(&self, operation: Operation, resource: Resource, name: &str) -> Acl {
        let principal = format!("User:{}", self.name);
        Acl { principal, operation, resource, name: name.to_owned(), prefixed: false }
    }

    pub(crate) fn log(&self) -> RealLog {
        RealLog::new(self.connection.clone())
    }

    pub(crate) fn consumer(&self, topics: &[&str]) -> RealConsumer {
        self.log().consumer(&self.name, topics).expect("a consumer")
    }

    /// Open, with the stage's transactional id of this slot.
    pub(crate) fn producer(&self, slot: u32) -> RealProducer {
        let mut producer = self.log().producer(&format!("{}-{slot}", self.name)).unwrap();
        assert_eq!(producer.init(), Outcome::Done);
        producer
    }
}

/// The whole test waits so long for one thing to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Polls until something of interest happens.
pub(crate) fn poll_until<T>(
    consumer: &mut RealConsumer,
    mut pick: impl FnMut(Polled) -> Option<T>,
) -> T {
    let polls = PATIENCE.as_millis() / 100;
    for _ in 0..polls {
        if let Some(found) = pick(consumer.poll(Duration::from_millis(100)).expect("a poll")) {
            return found;
        }
    }
    panic!("nothing within {PATIENCE:?}");
}

/// Waits for an assignment that is not empty.
pub(crate) fn assigned(consumer: &mut RealConsumer) -> Vec<TopicPartition> {
    poll_until(consumer, |polled| match polled {
        Polled::Assigned(partitions) if !partitions.is_empty() => Some(partitions),
        _ => None,
    })
}

/// Waits for a record.
pub(crate) fn next_record(consumer: &mut RealConsumer) -> Record {
    poll_until(consumer, |polled| match polled {
        Polled::Record(record) => Some(record),
        _ => None,
    })
}

/// A record of text for one partition.
pub(crate) fn text(topic: &str, partition: i32, value: &str) -> NewRecord {
    NewRecord {
        topic: topic.into(),
        partition: Some(partition),
        key: None,
        value: Bytes::copy_from_slice(value.as_bytes()),
        headers: Vec::new(),
    }
}

/// Writes records in one transaction as the administrator.
pub(crate) fn fill(records: impl IntoIterator<Item = NewRecord>) {
    let mut producer = RealLog::new(BROKER.admin()).producer(&unique("fill")).unwrap();
    assert_eq!(producer.init(), Outcome::Done);
    assert_eq!(producer.begin(), Outcome::Done);
    for record in records {
        assert_eq!(producer.produce(record), Outcome::Done);
    }
    assert_eq!(producer.commit(), Outcome::Done);
}

/// The time, for tests that something is quick enough.
#[expect(clippy::disallowed_methods, reason = "a real broker takes real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
