//! A plain producer: what a shipper is to cordon. For load that is generated; stages have
//! transactions.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::{DeliveryResult, Message as _},
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext},
    types::RDKafkaErrorCode as Code,
};

use super::{RealLog, denial::unmade};
use crate::log::ConsumerError;

/// Between looks for room in the queue.
const ROOM_EVERY: Duration = Duration::from_millis(10);

/// How long the last records may take.
const FINISH_MAX: Duration = Duration::from_secs(60);

/// Sends records outside of any transaction, each acknowledged by all replicas.
pub struct Shipper {
    producer: BaseProducer<Fates>,
}

/// What became of records.
#[derive(Default)]
struct Fates {
    /// Why the first record was not delivered.
    failure: Mutex<Option<String>>,
    /// Where marked records lie, until somebody takes them.
    delivered: Mutex<Vec<Delivered>>,
}

/// Where a marked record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its mark.
    pub mark: usize,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
}

/// The mark of records that nobody asks about.
const NO_MARK: usize = usize::MAX;

impl ClientContext for Fates {
    /// What went wrong is told by the record that it went wrong with.
    fn log(&self, _: RDKafkaLogLevel, facility: &str, words: &str) {
        tracing::debug!(facility, words, "librdkafka");
    }

    fn error(&self, error: KafkaError, words: &str) {
        tracing::debug!(%error, words, "librdkafka");
    }
}

impl ProducerContext for Fates {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, mark: usize) {
        match result {
            Ok(_) if mark == NO_MARK => {}
            Ok(message) => {
                let (partition, offset) = (message.partition(), message.offset());
                lock(&self.delivered).push(Delivered { mark, partition, offset });
            }
            Err((error, _)) => {
                lock(&self.failure).get_or_insert_with(|| error.to_string());
            }
        }
    }
}

impl RealLog {
    /// A plain producer of this principal's. Connects with the first record.
    ///
    /// # Errors
    ///
    /// The connection's settings make no client.
    pub fn shipper(&self) -> Result<Shipper, ConsumerError> {
        let config = self.settings.shipper(&self.connection);
        let producer = config.create_with_context(Fates::default());
        Ok(Shipper { producer: producer.map_err(|error| unmade(&config, &error))? })
    }
}

impl Shipper {
    /// Sends a record without a key; the partition is any. Waits for room where there is none.
    ///
    /// # Errors
    ///
    /// A record, this or an earlier one, cannot be delivered.
    pub fn send(&mut self, topic: &str, value: &[u8]) -> Result<(), ConsumerError> {
        self.send_marked(topic, value, NO_MARK)
    }

    /// The same for a record whose place is asked for: see [`Shipper::take_delivered`].
    ///
    /// # Errors
    ///
    /// As [`Shipper::send`].
    pub fn send_marked(
        &mut self,
        topic: &str,
        value: &[u8],
        mark: usize,
    ) -> Result<(), ConsumerError> {
        let mut record = BaseRecord::<(), [u8], usize>::with_opaque_to(topic, mark).payload(value);
        loop {
            self.check()?;
            record = match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(Code::QueueFull), record)) => record,
                Err((error, _)) => return Err(ConsumerError::Unavailable(error.to_string())),
            };
            self.producer.poll(ROOM_EVERY);
        }
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    /// Waits until everything is delivered.
    ///
    /// # Errors
    ///
    /// A record could not be delivered, or not in a minute.
    pub fn finish(&mut self) -> Result<(), ConsumerError> {
        let flushed = self.producer.flush(FINISH_MAX);
        self.check()?;
        flushed.map_err(|error| ConsumerError::Unavailable(error.to_string()))
    }

    /// Where marked records lie that were delivered since the last call, in any order.
    pub fn take_delivered(&mut self) -> Vec<Delivered> {
        std::mem::take(&mut *lock(&self.producer.context().delivered))
    }

    /// Hears what became of records, and waits for at most so long.
    pub fn hear(&mut self, timeout: Duration) {
        self.producer.poll(timeout);
    }

    fn check(&self) -> Result<(), ConsumerError> {
        match &*lock(&self.producer.context().failure) {
            Some(words) => {
                Err(ConsumerError::Unavailable(format!("a record is not delivered: {words}")))
            }
            None => Ok(()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
