//! Reading topics as they grow, for whoever measures.

use std::time::Duration;

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    error::RDKafkaErrorCode as Code,
    message::Message as _,
};

use super::{
    BOUNDS_TIMEOUT, bounds::bounds, consumer::positions, denial::Asking, rebalance::Signals,
    record::record,
};
use crate::log::{ConsumerError, Record, TopicPartition};

/// Committed records of some topics, from where their ends were when this was made. Belongs to no
/// group.
pub struct RealFollower {
    client: BaseConsumer<Signals>,
    asking: Asking,
}

impl RealFollower {
    pub(super) fn new(
        client: BaseConsumer<Signals>,
        asking: Asking,
        partitions: Vec<TopicPartition>,
    ) -> Result<Self, ConsumerError> {
        let mut starts = Vec::new();
        for at in partitions {
            let (_, end) = bounds(&client, &at, BOUNDS_TIMEOUT)
                .map_err(|error| asking.explain_error(&error))?;
            starts.push((at, end));
        }
        client
            .assign(&positions(&starts))
            .map_err(|error| ConsumerError::Fatal(error.to_string()))?;
        Ok(Self { client, asking })
    }

    /// The next record, waited for at most so long.
    ///
    /// # Errors
    ///
    /// Something that does not pass: a denial, or a record that was deleted before it was read.
    pub fn next_within(&mut self, timeout: Duration) -> Result<Option<Record>, ConsumerError> {
        match self.client.poll(timeout) {
            None => Ok(None),
            Some(Ok(message)) => {
                let at = TopicPartition::new(message.topic(), message.partition());
                Ok(Some(record(at, &message)))
            }
            // librdkafka looks for the coordinator of a group that nobody may use.
            Some(Err(error))
                if error.rdkafka_error_code() == Some(Code::GroupAuthorizationFailed) =>
            {
                Ok(None)
            }
            Some(Err(error)) => match self.asking.explain_error(&error) {
                ConsumerError::Unavailable(words) => {
                    tracing::warn!(words, "kafka follower");
                    Ok(None)
                }
                error => Err(error),
            },
        }
    }
}
