//! The log seam: everything cordon asks of Kafka, as two traits.
//!
//! A slot owns one [`Consumer`] and one [`Producer`]. Both block; the slot gives each a thread.
//! Two implementations exist: [`crate::real`] over librdkafka and [`crate::model`] in memory. One
//! conformance suite runs on both, so what holds here holds for either.
//!
//! The traits do not hide the traps, they name them:
//!
//! - A [`Membership`] is taken after an assignment and dies with the next rebalance. Offsets sent
//!   under a dead one are refused by the broker ([`Outcome::Aborted`]).
//! - An assignment starts nowhere by itself. [`Polled::Assigned`] asks the slot to read
//!   [`Consumer::committed`] and to answer with [`Consumer::start`]; a partition without a
//!   committed offset is the slot's decision, never a reset.
//! - Commit, abort and send_offsets may end as [`Outcome::Unknown`]. Then the producer is dropped,
//!   a new one with the same `transactional.id` is opened (which settles the old transaction one
//!   way or the other), and the truth is read from [`Consumer::committed`].

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;

/// One partition of a topic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
}

impl TopicPartition {
    /// A partition of `topic`.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A record as it was read, with its transaction committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it lies.
    pub at: TopicPartition,
    /// Its offset. Offsets of a partition go up, with gaps (control records, aborted records).
    pub offset: i64,
    /// Broker or client timestamp, milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The key, if any.
    pub key: Option<Bytes>,
    /// The value; empty for a null value.
    pub value: Bytes,
    /// Headers, in order.
    pub headers: Vec<(String, Bytes)>,
}

/// A record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition; `None` lets the client choose by key, or spread when there is none.
    pub partition: Option<i32>,
    /// The key, if any.
    pub key: Option<Bytes>,
    /// The value.
    pub value: Bytes,
    /// Headers, in order.
    pub headers: Vec<(String, Bytes)>,
}

/// What is committed for one partition of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Offset of the next record to read.
    pub offset: i64,
    /// The metadata string as bytes: a broker does not promise UTF-8.
    pub metadata: Vec<u8>,
}

/// An offset to commit within a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOffset {
    /// The partition; must be owned.
    pub at: TopicPartition,
    /// Offset of the next record to read.
    pub offset: i64,
    /// ASCII, at most [`METADATA_BYTES_MAX`].
    pub metadata: String,
}

/// Far below the broker's default `offset.metadata.max.bytes` (4096): Redpanda's limit is not
/// documented, and a longer string is an abortable error in librdkafka.
pub const METADATA_BYTES_MAX: usize = 512;

/// What one call to [`Consumer::poll`] brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// A record of a started partition.
    Record(Record),
    /// Partitions were added. Nothing is read from them until [`Consumer::start`]. It may be
    /// none: then the rebalance changed only the generation, and with it the [`Membership`].
    Assigned(Vec<TopicPartition>),
    /// Partitions must be given up: drop their work, then call [`Consumer::release`]. The group
    /// waits for it.
    Revoked(Vec<TopicPartition>),
    /// Partitions are gone already: session timed out, or the member was fenced. Call
    /// [`Consumer::release`] all the same.
    Lost(Vec<TopicPartition>),
    /// Nothing within the timeout.
    Nothing,
}

/// An opaque proof of group membership: member id and generation of one assignment.
#[derive(Clone)]
pub struct Membership(pub(crate) Arc<dyn std::any::Any + Send + Sync>);

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Membership")
    }
}

/// How a step of a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, and known to be done.
    Done,
    /// It is known not to be done, and the transaction must be aborted: a stale membership, a
    /// refused record. After [`Producer::abort`] the producer is good for the next one.
    Aborted(String),
    /// Nobody knows: a timeout, a dropped connection. Drop the producer.
    Unknown(String),
    /// Another producer with the same `transactional.id` took over. Drop the producer; its
    /// transaction is, or will be, aborted.
    Fenced(String),
    /// The broker denies it, and will go on doing so: a missing ACL, a misconfiguration.
    Denied(String),
}

/// Why a consumer cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsumerError {
    /// A broker or network trouble that passes; try again.
    #[error("kafka is not available: {0}")]
    Unavailable(String),
    /// The broker denies it; the message names what to grant.
    #[error("kafka denies it: {0}")]
    Denied(String),
    /// The committed offset is out of the log's range. A person must decide.
    #[error("the committed offset of {at} is outside the log: {detail}")]
    OutOfRange {
        /// The partition.
        at: TopicPartition,
        /// The broker's words.
        detail: String,
    },
    /// The client is beyond repair (fenced static member, fatal librdkafka error).
    #[error("the consumer is fenced or broken: {0}")]
    Fatal(String),
}

/// The reading half of a slot. All records are read committed.
pub trait Consumer {
    /// Waits at most `timeout` for the next thing to happen. Must be called often: it serves
    /// rebalances, and `max.poll.interval.ms` ends the membership of a slot that stopped.
    fn poll(&mut self, timeout: Duration) -> Result<Polled, ConsumerError>;

    /// Takes up partitions of an assignment, each from its offset.
    fn start(&mut self, starts: &[(TopicPartition, i64)]) -> Result<(), ConsumerError>;

    /// Gives up partitions of a revocation.
    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError>;

    /// Reads what the group has committed; `None` where nothing is. Waits while a transaction
    /// holds the offsets of a partition, at most `timeout` ([`ConsumerError::Unavailable`]).
    fn committed(
        &mut self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<Vec<(TopicPartition, Option<Committed>)>, ConsumerError>;

    /// Moves started partitions back, or forth, to these offsets.
    fn seek(&mut self, to: &[(TopicPartition, i64)]) -> Result<(), ConsumerError>;

    /// Stops delivering records of these partitions; they stay owned.
    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError>;

    /// Delivers them again.
    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError>;

    /// The membership now. Only meaningful after an assignment; its generation is checked to be
    /// a joined one, because a broker accepts the commit of a member that never joined.
    fn membership(&self) -> Result<Membership, ConsumerError>;

    /// The first and one past the last readable offset of a partition.
    fn bounds(
        &mut self,
        partition: &TopicPartition,
        timeout: Duration,
    ) -> Result<(i64, i64), ConsumerError>;

    /// Leaves the group, so that its partitions move at once.
    fn leave(&mut self);
}

/// The writing half of a slot: one `transactional.id`, one open transaction.
pub trait Producer {
    /// Opens the producer: fences predecessors with the same `transactional.id` and settles
    /// their transaction. Called once, first.
    fn init(&mut self) -> Outcome;

    /// Begins a transaction.
    fn begin(&mut self) -> Outcome;

    /// Adds a record to it. Delivery is known only at commit.
    fn produce(&mut self, record: NewRecord) -> Outcome;

    /// Adds offsets to it, under a membership.
    fn send_offsets(&mut self, offsets: &[NewOffset], membership: &Membership) -> Outcome;

    /// Ends it: all or nothing.
    fn commit(&mut self) -> Outcome;

    /// Ends it: nothing.
    fn abort(&mut self) -> Outcome;

    /// Writes records outside any transaction (metrics). Fire and forget.
    fn produce_plain(&mut self, record: NewRecord);
}

/// Opens both halves for one slot. The courier is generic over this.
pub trait Log: Send + Sync + 'static {
    /// Its consumer.
    type Consumer: Consumer + Send + 'static;
    /// Its producer.
    type Producer: Producer + Send + 'static;

    /// A consumer in `group`, subscribed to `topics`.
    fn consumer(&self, group: &str, topics: &[&str]) -> Result<Self::Consumer, ConsumerError>;

    /// A producer with this `transactional.id`; not yet open.
    fn producer(&self, transactional_id: &str) -> Result<Self::Producer, ConsumerError>;

    /// How many partitions each of these topics has. Asked by whoever is about to write them: a
    /// record for a topic that is not there is tried until its transaction times out, and nobody
    /// says which topic it was.
    fn partitions(&self, topics: &[&str]) -> Result<Vec<i32>, ConsumerError>;
}
