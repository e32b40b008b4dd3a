//! librdkafka's settings, and the limits that hold them together.

use std::time::Duration;

use rdkafka::ClientConfig;

use crate::connection::Connection;

/// How long one call to end a transaction, or to add offsets, may take before its outcome counts
/// as unknown. Below [`SOCKET_TIMEOUT`], so that librdkafka's own retry after a request timeout
/// cannot begin while the caller still waits and would take its answer for that of the first.
pub const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a single request may take.
pub const SOCKET_TIMEOUT: Duration = Duration::from_secs(12);

/// When the broker aborts an idle transaction by itself. It bounds how long a dead slot holds
/// back readers of its output and its own committed offsets.
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(15);

/// When the group gives up a silent member. Above the transaction timeout: a partition must not
/// move while its last owner's transaction may still be open.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(45);

/// The shortest session timeout: brokers refuse less unless told otherwise
/// (`group.min.session.timeout.ms`, 6 s), and [`Settings::for_session`] needs room for the limits
/// below it.
pub const SESSION_TIMEOUT_MIN: Duration = Duration::from_secs(6);

/// The longest: below [`MAX_POLL_INTERVAL`].
pub const SESSION_TIMEOUT_MAX: Duration = Duration::from_secs(240);

/// What lies between two limits of which one must be the longer.
const STEP: Duration = Duration::from_secs(1);

/// When the group gives up a member that stopped polling: far above any batch.
pub const MAX_POLL_INTERVAL: Duration = Duration::from_secs(300);

/// How long opening a producer may take: a predecessor's open transaction is aborted first.
pub const INIT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait for brokers when a client is opened.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a client looks for partitions that were added; librdkafka's default is 5 minutes.
pub const TOPIC_REFRESH: Duration = Duration::from_secs(30);

/// The default of 100 ms makes every back-to-back transaction cost as much: the coordinator
/// answers "concurrent transactions" until the last one's markers are written, 2 to 5 ms.
const RETRY_BACKOFF_MS: &str = "2";

/// Pause after retries that go on failing: an unreachable broker is not hammered.
const RETRY_BACKOFF_MAX_MS: &str = "1000";

/// Records of a shipper wait so long for company.
const SHIPPER_LINGER_MS: &str = "5";

/// A fetch answers at once when there is anything, and otherwise waits this long.
const FETCH_WAIT_MAX_MS: &str = "100";

/// Client-side queue of records, per consumer. Pointers are below 1 KiB, so that this holds
/// minutes of work; raw records of shippers may be large.
const QUEUED_KIB_MAX: &str = "16384";

/// When the queue above is full, fetching pauses for so long. librdkafka's default of a second is
/// longer than a slot takes to empty it.
const QUEUED_BACKOFF_MS: &str = "10";

/// Client-side queue of records to be sent, per producer. A full batch's pointers, letters and
/// receipt are far below; more is a fault, and blocks.
const BUFFERED_KIB_MAX: &str = "65536";

/// The broker's default `message.max.bytes`, minus nothing: a larger record is refused locally.
const RECORD_BYTES_MAX: &str = "1000000";

/// Limits that tests shorten. Their order is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// See [`COMMIT_TIMEOUT`].
    pub commit_timeout: Duration,
    /// See [`SOCKET_TIMEOUT`].
    pub socket_timeout: Duration,
    /// See [`TRANSACTION_TIMEOUT`].
    pub transaction_timeout: Duration,
    /// See [`SESSION_TIMEOUT`].
    pub session_timeout: Duration,
    /// See [`MAX_POLL_INTERVAL`].
    pub max_poll_interval: Duration,
    /// See [`INIT_TIMEOUT`].
    pub init_timeout: Duration,
    /// See [`CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
    /// See [`TOPIC_REFRESH`].
    pub topic_refresh: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            commit_timeout: COMMIT_TIMEOUT,
            socket_timeout: SOCKET_TIMEOUT,
            transaction_timeout: TRANSACTION_TIMEOUT,
            session_timeout: SESSION_TIMEOUT,
            max_poll_interval: MAX_POLL_INTERVAL,
            init_timeout: INIT_TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            topic_refresh: TOPIC_REFRESH,
        }
    }
}

impl Settings {
    /// With this session timeout, and where it is short, with the limits below it in their order.
    ///
    /// A member that was killed holds its partitions for the session timeout. A shorter one gives
    /// them back sooner, and gives up a member that is merely slow sooner, too.
    ///
    /// # Panics
    /// When it is outside [`SESSION_TIMEOUT_MIN`] to [`SESSION_TIMEOUT_MAX`].
    pub fn for_session(session_timeout: Duration) -> Self {
        assert!(
            (SESSION_TIMEOUT_MIN..=SESSION_TIMEOUT_MAX).contains(&session_timeout),
            "a session timeout from {SESSION_TIMEOUT_MIN:?} to {SESSION_TIMEOUT_MAX:?}"
        );
        Self {
            commit_timeout: COMMIT_TIMEOUT.min(session_timeout - 3 * STEP),
            socket_timeout: SOCKET_TIMEOUT.min(session_timeout - 2 * STEP),
            transaction_timeout: TRANSACTION_TIMEOUT.min(session_timeout - STEP),
            session_timeout,
            ..Self::default()
        }
    }

    /// # Panics
    /// When the limits are out of order: then no reasoning about outcomes holds.
    pub(super) fn assert_order(&self) {
        assert!(self.commit_timeout < self.socket_timeout, "commit < socket timeout");
        assert!(self.socket_timeout < self.transaction_timeout, "socket < transaction timeout");
        assert!(self.transaction_timeout < self.session_timeout, "transaction < session timeout");
        assert!(self.session_timeout < self.max_poll_interval, "session timeout < poll interval");
    }

    pub(super) fn consumer(&self, connection: &Connection, group: &str) -> ClientConfig {
        let mut config = self.groupless_consumer(connection);
        config
            .set("group.id", group)
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", millis(self.session_timeout))
            .set("heartbeat.interval.ms", millis(self.session_timeout / 15))
            .set("max.poll.interval.ms", millis(self.max_poll_interval));
        config
    }

    /// For reading by explicit assignment, and for questions about topics.
    pub(super) fn groupless_consumer(&self, connection: &Connection) -> ClientConfig {
        let mut config = self.base(connection);
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("allow.auto.create.topics", "false")
            .set("fetch.wait.max.ms", FETCH_WAIT_MAX_MS)
            .set("queued.max.messages.kbytes", QUEUED_KIB_MAX)
            .set("fetch.queue.backoff.ms", QUEUED_BACKOFF_MS);
        config
    }

    /// For reading a topic once through: reports the end of each partition.
    pub(super) fn reader(&self, connection: &Connection) -> ClientConfig {
        let mut config = self.groupless_consumer(connection);
        config
            // librdkafka assigns nothing without a group's name. The group is never joined, and
            // nothing is committed in it.
            .set("group.id", format!("{}-reads-without-a-group", connection.username))
            .set("enable.partition.eof", "true");
        config
    }

    /// For reading topics without end: the broker answers as soon as there is anything.
    pub(super) fn follower(&self, connection: &Connection) -> ClientConfig {
        let mut config = self.reader(connection);
        config.set("enable.partition.eof", "false");
        config
    }

    pub(super) fn producer(&self, connection: &Connection, transactional_id: &str) -> ClientConfig {
        let mut config = self.base_producer(connection);
        config
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", millis(self.transaction_timeout))
            .set("message.timeout.ms", millis(self.transaction_timeout));
        config
    }

    /// For records outside transactions. Not idempotent: that needs nothing more of the broker,
    /// but a principal should hold exactly its four ACLs on clusters older than 3.0 as well.
    pub(super) fn plain_producer(&self, connection: &Connection) -> ClientConfig {
        let mut config = self.base_producer(connection);
        config
            .set("enable.idempotence", "false")
            .set("acks", "1")
            .set("queue.buffering.max.messages", "1000")
            .set("message.timeout.ms", millis(self.transaction_timeout));
        config
    }

    /// A producer that is no stage's: batches are as large as they come, and none is repeated.
    pub(super) fn shipper(&self, connection: &Connection) -> ClientConfig {
        let mut config = self.base_producer(connection);
        config
            .set("enable.idempotence", "true")
            .set("linger.ms", SHIPPER_LINGER_MS)
            .set("message.timeout.ms", millis(self.transaction_timeout));
        config
    }

    fn base_producer(&self, connection: &Connection) -> ClientConfig {
        let mut config = self.base(connection);
        config
            // Every topic is uncompressed, so that the broker unpacks what others compressed;
            // what couriers write is pointers to compressed objects.
            .set("compression.type", "none")
            // A batch's records come at once; waiting for more only delays the commit.
            .set("linger.ms", "0")
            .set("message.max.bytes", RECORD_BYTES_MAX)
            .set("queue.buffering.max.kbytes", BUFFERED_KIB_MAX)
            // The partitioner of Kafka's Java client, so that any client finds the same partition.
            .set("partitioner", "murmur2_random");
        config
    }

    fn base(&self, connection: &Connection) -> ClientConfig {
        let mut config = connection.client_config();
        config
            .set("socket.timeout.ms", millis(self.socket_timeout))
            .set("socket.nagle.disable", "true")
            .set("topic.metadata.refresh.interval.ms", millis(self.topic_refresh))
            .set("retry.backoff.ms", RETRY_BACKOFF_MS)
            .set("retry.backoff.max.ms", RETRY_BACKOFF_MAX_MS)
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "2000");
        config
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_order() {
        Settings::default().assert_order();
        assert_eq!(Settings::for_session(SESSION_TIMEOUT), Settings::default());
    }

    #[test]
    fn every_session_timeout_keeps_the_order() {
        for seconds in SESSION_TIMEOUT_MIN.as_secs()..=SESSION_TIMEOUT_MAX.as_secs() {
            Settings::for_session(Duration::from_secs(seconds)).assert_order();
        }
    }

    #[test]
    fn extra_settings_cannot_weaken_exactly_once() {
        let mut connection =
            Connection::plaintext("127.0.0.1:1", "pack", crate::secret::Password::new("x"));
        connection.extra.insert("isolation.level".to_owned(), "read_uncommitted".to_owned());
        connection.extra.insert("client.rack".to_owned(), "a".to_owned());
        let config = Settings::default().consumer(&connection, "pack");
        assert_eq!(config.get("isolation.level"), Some("read_committed"));
        assert_eq!(config.get("client.rack"), Some("a"));
    }
}
