//! Brokers that die and answers that get lost: nothing is guessed, and everything recovers.

use std::{
    sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use cordon_kafka::{
    admin::{Admin, NewTopic},
    connection::Connection,
    local::{
        Broker, Options, Proxy,
        proxy::{
            Strike,
            api_key::{ADD_OFFSETS_TO_TXN, END_TXN, TXN_OFFSET_COMMIT},
        },
    },
    log::{
        Committed, Consumer, ConsumerError, Log, NewOffset, Outcome, Polled, Producer,
        TopicPartition,
    },
    real::{RealConsumer, RealLog, RealProducer, Settings},
};

use crate::support::{PATIENCE, assigned, now, text, unique};

/// In the order of the defaults, and short.
fn settings() -> Settings {
    let seconds = Duration::from_secs;
    Settings {
        commit_timeout: seconds(4),
        socket_timeout: seconds(5),
        transaction_timeout: seconds(6),
        session_timeout: seconds(10),
        // Above a restart, during which nobody polls.
        max_poll_interval: seconds(120),
        ..Settings::default()
    }
}

/// A broker that clients reach through a proxy only.
struct Place {
    broker: Broker,
    proxy: Proxy,
    log: RealLog,
}

/// One for all tests of this file, which take turns: what one breaks would strike another.
static PLACE: LazyLock<Mutex<Place>> = LazyLock::new(|| Mutex::new(Place::new()));

fn place() -> MutexGuard<'static, Place> {
    PLACE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    fn new() -> Self {
        let behind = Arc::new(OnceLock::new());
        let address = Arc::clone(&behind);
        let proxy = Proxy::start(move || address.get().copied()).unwrap();
        let bootstrap = proxy.address().to_string();
        let properties = vec![("advertised.listeners".to_owned(), format!("CLIENT://{bootstrap}"))];
        // Clients follow what is advertised, so that the broker's own port stays hidden.
        let broker = Broker::start_with(&Options { properties, ..Options::default() }).unwrap();
        behind.get_or_init(|| broker.address());
        let connection = Connection { bootstrap, ..broker.admin() };
        Self { broker, proxy, log: RealLog::with_settings(connection, settings()) }
    }

    fn slot(&self) -> Slot {
        let name = unique("slot");
        let topic =
            NewTopic { name: name.clone(), partitions: 1, replication: 1, settings: [].into() };
        let connection = self.log.connection();
        assert!(Admin::new(connection).unwrap().create_topic(&topic).unwrap());
        let mut consumer = self.log.consumer(&name, &[&name]).unwrap();
        let at = assigned(&mut consumer).remove(0);
        let producer = self.producer(&name);
        Slot { name, at, consumer, producer }
    }

    fn producer(&self, name: &str) -> RealProducer {
        let mut producer = self.log.producer(name).unwrap();
        assert_eq!(producer.init(), Outcome::Done);
        producer
    }

    fn values(&self, topic: &str) -> Vec<Bytes> {
        self.log.reader(topic).unwrap().map(|record| record.unwrap().value).collect()
    }
}

/// A consumer and a producer on a topic of their own.
struct Slot {
    name: String,
    at: TopicPartition,
    consumer: RealConsumer,
    producer: RealProducer,
}

impl Slot {
    /// A transaction with one record and one offset, up to its end.
    fn transact(&mut self, value: &str, offset: i64) {
        let at = self.at.clone();
        let membership = self.consumer.membership().unwrap();
        let offset = NewOffset { at, offset, metadata: value.to_owned() };
        assert_eq!(self.producer.begin(), Outcome::Done);
        assert_eq!(self.producer.produce(text(&self.name, 0, value)), Outcome::Done);
        assert_eq!(self.producer.send_offsets(&[offset], &membership), Outcome::Done);
    }

    fn committed(&mut self) -> Option<Committed> {
        let at = std::slice::from_ref(&self.at);
        self.consumer.committed(at, Duration::from_secs(20)).unwrap().remove(0).1
    }
}

fn is_unknown(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(_))
}

/// librdkafka sends EndTxn again and reports success. The first one may still be on its way.
#[test]
fn a_commit_whose_answer_was_lost_is_unknown_and_found_done() {
    let place = place();
    let mut slot = place.slot();
    slot.transact("a", 1);
    let before = place.proxy.struck();
    place.proxy.strike(END_TXN, Strike::LoseAnswer);
    let outcome = slot.producer.commit();
    assert_eq!(place.proxy.struck(), before + 1);
    assert!(is_unknown(&outcome), "{outcome:?}");
    // Whoever goes on all the same is stopped here.
    assert_eq!(slot.producer.begin(), outcome);

    slot.producer = place.producer(&slot.name);
    let expected = Committed { offset: 1, metadata: b"a".to_vec() };
    assert_eq!(slot.committed(), Some(expected));
    slot.transact("b", 2);
    assert_eq!(slot.producer.commit(), Outcome::Done);
    assert_eq!(place.values(&slot.name), ["a", "b"]);
}

#[test]
fn an_abort_whose_answer_was_lost_is_unknown_and_found_undone() {
    let place = place();
    let mut slot = place.slot();
    slot.transact("a", 1);
    place.proxy.strike(END_TXN, Strike::LoseAnswer);
    let outcome = slot.producer.abort();
    assert!(is_unknown(&outcome), "{outcome:?}");
    slot.producer = place.producer(&slot.name);
    assert_eq!(slot.committed(), None);
    slot.transact("b", 2);
    assert_eq!(slot.producer.commit(), Outcome::Done);
    assert_eq!(place.values(&slot.name), ["b"]);
}

/// A late TxnOffsetCommit would move the next transaction's offsets back.
#[test]
fn offsets_whose_answer_was_lost_make_the_commit_unknown() {
    let place = place();
    for api_key in [ADD_OFFSETS_TO_TXN, TXN_OFFSET_COMMIT] {
        let mut slot = place.slot();
        let before = place.proxy.struck();
        place.proxy.strike(api_key, Strike::LoseAnswer);
        slot.transact("a", 1);
        assert_eq!(place.proxy.struck(), before + 1);
        let outcome = slot.producer.commit();
        assert!(is_unknown(&outcome), "{outcome:?}");
        slot.producer = place.producer(&slot.name);
        assert_eq!(slot.committed().map(|c| c.offset), Some(1));
    }
}

/// The producer gives up within its limits; after the restart a new one settles what was open,
/// and the same consumer reads on.
#[test]
fn a_broker_that_dies_and_comes_back_is_waited_for() {
    let mut place = place();
    let mut slot = place.slot();
    slot.transact("a", 1);
    assert_eq!(slot.producer.commit(), Outcome::Done);
    slot.consumer.start(&[(slot.at.clone(), 0)]).unwrap();
    slot.transact("b", 2);
    place.broker.kill();
    let begin = now();
    let outcome = slot.producer.commit();
    assert!(is_unknown(&outcome), "{outcome:?}");
    let limit = settings().commit_timeout + Duration::from_secs(2);
    assert!(begin.elapsed() < limit, "{:?}", begin.elapsed());
    drop(slot.producer);

    place.broker.restart().unwrap();
    let restarted = now();
    slot.producer = place.producer(&slot.name);
    let opened = restarted.elapsed();
    // Nobody's EndTxn arrived: the new producer aborted it.
    assert_eq!(slot.committed().map(|c| c.offset), Some(1));
    let committed = restarted.elapsed();
    let mut read = Vec::new();
    let patience = now() + PATIENCE;
    while read != ["a"] && now() < patience {
        match slot.consumer.poll(Duration::from_millis(100)) {
            Ok(Polled::Record(record)) => read.push(record.value),
            Ok(Polled::Revoked(partitions) | Polled::Lost(partitions)) => {
                slot.consumer.release(&partitions).unwrap();
            }
            Ok(Polled::Assigned(partitions)) => {
                let starts: Vec<_> = partitions.into_iter().map(|at| (at, 0)).collect();
                slot.consumer.start(&starts).unwrap();
                read.clear();
            }
            Ok(Polled::Nothing) | Err(ConsumerError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(read, ["a"]);
    println!(
        "after the restart: producer open {opened:?}, offsets read {committed:?}, records read {:?}",
        restarted.elapsed()
    );
    assert_eq!(place.values(&slot.name), ["a"]);
}

/// A courier that stops must not wait for a broker that is gone.
#[test]
fn clients_close_while_the_broker_is_dead() {
    const CLOSED_WITHIN: Duration = Duration::from_secs(15);
    let mut place = place();
    let mut slot = place.slot();
    slot.consumer.start(&[(slot.at.clone(), 0)]).unwrap();
    slot.transact("a", 1);
    place.broker.kill();
    let begin = now();
    drop(slot.producer);
    let producer = begin.elapsed();
    drop(slot.consumer);
    let consumer = begin.elapsed() - producer;
    place.broker.restart().unwrap();
    println!("closing without a broker: producer {producer:?}, consumer {consumer:?}");
    assert!(producer + consumer < CLOSED_WITHIN, "{producer:?} and {consumer:?}");
}
