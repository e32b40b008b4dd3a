//! Reading a topic once through, for people and audits.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::Message as _,
};

use super::{
    BOUNDS_TIMEOUT, bounds::bounds, consumer::positions, denial::Asking, rebalance::Signals,
    record::record,
};
use crate::{
    deadline::Deadline,
    log::{ConsumerError, Record, TopicPartition},
};

/// Without any record or progress for so long, the broker is gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Between looks at the silence.
const LOOK_UP_EVERY: Duration = Duration::from_millis(500);

/// Committed records of a topic, up to where its end was when this was made. In order within each
/// partition. Belongs to no group.
pub struct RealReader {
    client: BaseConsumer<Signals>,
    asking: Asking,
    /// One past the last offset to read, of partitions that are not read to there yet.
    open: BTreeMap<TopicPartition, i64>,
    silent: Deadline,
}

impl RealReader {
    /// Reads these offsets of each partition, as far as there are records.
    pub(super) fn new(
        client: BaseConsumer<Signals>,
        asking: Asking,
        wanted: Vec<(TopicPartition, Range<i64>)>,
    ) -> Result<Self, ConsumerError> {
        let mut open = BTreeMap::new();
        let mut starts = Vec::new();
        for (at, offsets) in wanted {
            let (first, end) = bounds(&client, &at, BOUNDS_TIMEOUT)
                .map_err(|error| asking.explain_error(&error))?;
            let (from, to) = (offsets.start.max(first), offsets.end.min(end));
            if from < to {
                starts.push((at.clone(), from));
                open.insert(at, to);
            }
        }
        client
            .assign(&positions(&starts))
            .map_err(|error| ConsumerError::Fatal(error.to_string()))?;
        Ok(Self { client, asking, open, silent: Deadline::after(SILENCE_MAX) })
    }

    /// Reads no more of a partition.
    pub(super) fn close(&mut self, at: &TopicPartition) {
        self.open.remove(at);
    }

    fn read(&mut self) -> Result<Option<Record>, ConsumerError> {
        while !self.open.is_empty() {
            match self.client.poll(LOOK_UP_EVERY) {
                Some(Ok(message)) => {
                    self.silent = Deadline::after(SILENCE_MAX);
                    let at = TopicPartition::new(message.topic(), message.partition());
                    // Past its end a partition goes on being fetched until all are read.
                    let Some(&end) = self.open.get(&at) else { continue };
                    if message.offset() + 1 >= end {
                        self.open.remove(&at);
                    }
                    if message.offset() < end {
                        return Ok(Some(record(at, &message)));
                    }
                }
                // The last offsets of a partition are control records, which are not delivered.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.open.retain(|at, _| at.partition != partition);
                }
                // librdkafka looks for the coordinator of a group that nobody may use.
                Some(Err(error))
                    if error.rdkafka_error_code() == Some(Code::GroupAuthorizationFailed) => {}
                Some(Err(error)) => match self.asking.explain_error(&error) {
                    ConsumerError::Unavailable(words) => tracing::warn!(words, "kafka reader"),
                    error => return Err(error),
                },
                None if self.silent.passed() => {
                    let words = self.client.context().events.last_words();
                    return Err(ConsumerError::Unavailable(format!("no records: {words}")));
                }
                None => {}
            }
        }
        Ok(None)
    }
}

impl Iterator for RealReader {
    type Item = Result<Record, ConsumerError>;

    /// Ends after the last record, or after an error.
    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read().transpose();
        if matches!(read, Some(Err(_))) {
            self.open.clear();
        }
        read
    }
}
