//! The log seam over a real cluster, by librdkafka.
//!
//! What it adds to librdkafka, each with its reason at the place:
//!
//! - rebalances only signal; partitions start at offsets that the slot names (`rebalance`);
//! - committed metadata is read as bytes, and memberships are checked to be joined
//!   (`membership`);
//! - a transaction is done only when none of its requests is in limbo (`limbo`);
//! - errors become outcomes by what is certain (`verdict`), and denials name the missing ACL
//!   (`denial`);
//! - limits are in an order that is asserted ([`Settings`]).

mod bounds;
mod consumer;
mod deliveries;
mod denial;
mod events;
mod follower;
mod limbo;
mod membership;
mod native;
mod preflight;
mod producer;
mod reader;
mod rebalance;
mod record;
mod settings;
mod shipper;
mod verdict;

use std::{collections::BTreeMap, ops::Range, time::Duration};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};

pub use consumer::RealConsumer;
pub use follower::RealFollower;
pub use producer::RealProducer;
pub use reader::RealReader;
pub use settings::{
    COMMIT_TIMEOUT, CONNECT_TIMEOUT, INIT_TIMEOUT, MAX_POLL_INTERVAL, SESSION_TIMEOUT,
    SESSION_TIMEOUT_MAX, SESSION_TIMEOUT_MIN, SOCKET_TIMEOUT, Settings, TOPIC_REFRESH,
    TRANSACTION_TIMEOUT,
};
pub use shipper::{Delivered, Shipper};

use crate::{
    connection::Connection,
    log::{ConsumerError, Log, Record, TopicPartition},
};
use denial::{Asking, unmade};
use native::NativeProducer;
pub(crate) use rebalance::Signals;

/// For each question about a partition's ends.
const BOUNDS_TIMEOUT: Duration = Duration::from_secs(10);

/// A cluster, as one principal sees it.
#[derive(Clone, Debug)]
pub struct RealLog {
    connection: Connection,
    settings: Settings,
}

impl RealLog {
    /// Opens nothing yet.
    pub fn new(connection: Connection) -> Self {
        Self::with_settings(connection, Settings::default())
    }

    /// With other limits.
    ///
    /// # Panics
    /// When they are out of order: see [`Settings`].
    pub fn with_settings(connection: Connection, settings: Settings) -> Self {
        settings.assert_order();
        Self { connection, settings }
    }

    /// Whom it acts as, and where.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A membership without member or generation. A broker accepts offsets under it however many
    /// members the group has, so that it is for two uses alone: the administrator's, for offsets
    /// that are absent, and that of a program whose group nobody ever joins, and of which there is
    /// one, fenced by its `transactional.id`. `None` when memory is short.
    pub fn outsider(&self, group: &str) -> Option<crate::log::Membership> {
        membership::Member::outsider(group).map(membership::Member::into_membership)
    }

    /// The first offset of each partition of `topic`, and one past the last that is decided. Needs
    /// only the ACL Read on the topic.
    pub fn bounds(
        &self,
        topic: &str,
    ) -> Result<BTreeMap<TopicPartition, (i64, i64)>, ConsumerError> {
        let (client, asking, partitions) = self.open_topic(topic)?;
        let explain = |error| asking.explain_error(&error);
        let bounds = |at: TopicPartition| {
            let bounds = bounds::bounds(&client, &at, BOUNDS_TIMEOUT).map_err(explain)?;
            Ok((at, bounds))
        };
        partitions.into_iter().map(bounds).collect()
    }

    /// For each partition of `topic` the first offset whose record was written at this time, in
    /// milliseconds since the epoch, or later; `None` where there is none yet. Needs only the ACL
    /// Read on the topic.
    pub fn offsets_at(
        &self,
        topic: &str,
        time_ms: i64,
    ) -> Result<BTreeMap<TopicPartition, Option<i64>>, ConsumerError> {
        let (client, asking, partitions) = self.open_topic(topic)?;
        let times: Vec<_> = partitions.into_iter().map(|at| (at, time_ms.max(0))).collect();
        let found = client
            .offsets_for_times(consumer::positions(&times), BOUNDS_TIMEOUT)
            .map_err(|error| asking.explain_error(&error))?;
        let entry = |entry: crate::ffi::Entry| match entry.refusal {
            Some(refusal) => Err(asking.explain(refusal)),
            // Behind the last record it is the logical end, a negative number.
            None => Ok((entry.at, Some(entry.offset).filter(|offset| *offset >= 0))),
        };
        crate::ffi::entries(&found).into_iter().map(entry).collect()
    }

    /// A client, and the partitions of a topic that it may read.
    fn open_topic(
        &self,
        topic: &str,
    ) -> Result<(BaseConsumer<Signals>, Asking, Vec<TopicPartition>), ConsumerError> {
        let asking = self.asking("", &[topic]);
        let client = self.open(&self.settings.reader(&self.connection), &asking)?;
        let count = preflight::partitions(&client, &asking, topic, &self.settings)?;
        let partitions = (0..count).map(|partition| TopicPartition::new(topic, partition));
        Ok((client, asking, partitions.collect()))
    }

    /// All committed records of `topic` from its start to its end as of now. Needs only the ACL
    /// Read on the topic.
    pub fn reader(&self, topic: &str) -> Result<RealReader, ConsumerError> {
        let asking = self.asking("", &[topic]);
        let client = self.open(&self.settings.reader(&self.connection), &asking)?;
        let partitions = preflight::partitions(&client, &asking, topic, &self.settings)?;
        let whole = |partition| (TopicPartition::new(topic, partition), 0..i64::MAX);
        RealReader::new(client, asking, (0..partitions).map(whole).collect())
    }

    /// The committed records of one partition that lie in a range of offsets. Needs only the ACL
    /// Read on the topic.
    pub fn range_reader(
        &self,
        at: &TopicPartition,
        offsets: Range<i64>,
    ) -> Result<RealReader, ConsumerError> {
        self.ranges_reader(&at.topic, vec![(at.clone(), offsets)])
    }

    /// For each of these partitions of one topic, the first committed record at or behind an
    /// offset, where there is one by now. Needs only the ACL Read on the topic.
    pub fn next_records(
        &self,
        topic: &str,
        offsets: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<BTreeMap<TopicPartition, Record>, ConsumerError> {
        let wanted = offsets.into_iter().map(|(at, offset)| (at, offset..i64::MAX)).collect();
        let mut reader = self.ranges_reader(topic, wanted)?;
        let mut found = BTreeMap::new();
        while let Some(record) = reader.next() {
            let record = record?;
            reader.close(&record.at);
            found.insert(record.at.clone(), record);
        }
        Ok(found)
    }

    /// The committed records of some partitions of one topic, each in a range of offsets. Needs only
    /// the ACL Read on the topic.
    pub fn ranges_reader(
        &self,
        topic: &str,
        wanted: Vec<(TopicPartition, Range<i64>)>,
    ) -> Result<RealReader, ConsumerError> {
        let asking = self.asking("", &[topic]);
        let client = self.open(&self.settings.reader(&self.connection), &asking)?;
        preflight::partitions(&client, &asking, topic, &self.settings)?;
        RealReader::new(client, asking, wanted)
    }

    /// Everything that is committed to these topics from now on. Needs only the ACL Read on each.
    pub fn follower(&self, topics: &[&str]) -> Result<RealFollower, ConsumerError> {
        let asking = self.asking("", topics);
        let client = self.open(&self.settings.follower(&self.connection), &asking)?;
        let mut partitions = Vec::new();
        for topic in topics {
            let count = preflight::partitions(&client, &asking, topic, &self.settings)?;
            partitions.extend((0..count).map(|partition| TopicPartition::new(*topic, partition)));
        }
        RealFollower::new(client, asking, partitions)
    }

    /// A client that a broker has let in.
    fn open(
        &self,
        config: &ClientConfig,
        asking: &Asking,
    ) -> Result<BaseConsumer<Signals>, ConsumerError> {
        preflight::connect(config, &asking.principal, self.settings.connect_timeout)
    }

    fn asking(&self, group: &str, topics: &[&str]) -> Asking {
        Asking {
            principal: self.connection.principal(),
            group: group.to_owned(),
            topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
            operation: "Read",
        }
    }
}

/// A client that a broker has let in: for administration.
///
/// It has a group's name, which is never joined: asked for the offsets of a group whose coordinator
/// is only just starting, a client of librdkafka without one follows a null pointer
/// (`rd_kafka_handle_OffsetFetch` refreshes the coordinator of its own group).
pub(crate) fn connect(connection: &Connection) -> Result<BaseConsumer<Signals>, ConsumerError> {
    let settings = Settings::default();
    let config = settings.reader(connection);
    preflight::connect(&config, &connection.principal(), settings.connect_timeout)
}

impl Log for RealLog {
    type Consumer = RealConsumer;
    type Producer = RealProducer;

    /// Asks for topics and group first: a denied group would only show up as waiting for ever.
    fn consumer(&self, group: &str, topics: &[&str]) -> Result<RealConsumer, ConsumerError> {
        let asking = self.asking(group, topics);
        let client = self.open(&self.settings.consumer(&self.connection, group), &asking)?;
        for topic in topics {
            preflight::partitions(&client, &asking, topic, &self.settings)?;
        }
        preflight::group(&client, &asking, &self.settings)?;
        client.subscribe(topics).map_err(|error| ConsumerError::Fatal(error.to_string()))?;
        Ok(RealConsumer::new(client, asking))
    }

    fn producer(&self, transactional_id: &str) -> Result<RealProducer, ConsumerError> {
        let config = self.settings.producer(&self.connection, transactional_id);
        let native = NativeProducer::new(&config).map_err(|error| unmade(&config, &error))?;
        let (settings, connection) = (self.settings.clone(), self.connection.clone());
        Ok(RealProducer::new(native, settings, connection, transactional_id))
    }

    fn partitions(&self, topics: &[&str]) -> Result<Vec<i32>, ConsumerError> {
        let asking = Asking { operation: "Write", ..self.asking("", topics) };
        let client = self.open(&self.settings.groupless_consumer(&self.connection), &asking)?;
        let count = |topic: &&str| preflight::partitions(&client, &asking, topic, &self.settings);
        topics.iter().map(count).collect()
    }
}
