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
    message::DeliveryResult,
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
    producer: BaseProducer<FirstFailure>,
}

/// Why the first record was not delivered.
#[derive(Default)]
struct FirstFailure(Mutex<Option<String>>);

impl ClientContext for FirstFailure {
    /// What went wrong is told by the record that it went wrong with.
    fn log(&self, _: RDKafkaLogLevel, facility: &str, words: &str) {
        tracing::debug!(facility, words, "librdkafka");
    }

    fn error(&self, error: KafkaError, words: &str) {
        tracing::debug!(%error, words, "librdkafka");
    }
}

impl ProducerContext for FirstFailure {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| error.to_string());
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
        let producer = config.create_with_context(FirstFailure::default());
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
        let mut record = BaseRecord::<(), [u8]>::to(topic).payload(value);
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

    fn check(&self) -> Result<(), ConsumerError> {
        let first = &self.producer.context().0;
        match &*first.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(words) => {
                Err(ConsumerError::Unavailable(format!("a record is not delivered: {words}")))
            }
            None => Ok(()),
        }
    }
}
