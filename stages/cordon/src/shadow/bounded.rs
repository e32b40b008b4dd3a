//! A log that ends: what lies behind the range of a shadow is not there for its couriers.
//!
//! A partition at its end is paused, so that live traffic is not read only to be dropped. Whoever
//! resumes it meets the next record, and it is paused again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cordon_kafka::log::{
    Committed, Consumer, ConsumerError, Log, Membership, Polled, TopicPartition,
};

/// One past the last offset of each partition.
pub(crate) type Ends = Arc<BTreeMap<TopicPartition, i64>>;

/// A log whose consumers end there.
#[derive(Clone)]
pub(crate) struct Bounded<L> {
    log: L,
    ends: Ends,
}

impl<L> Bounded<L> {
    /// Partitions without an end are not read at all.
    pub(crate) fn new(log: L, ends: Ends) -> Self {
        Self { log, ends }
    }
}

impl<L: Log> Log for Bounded<L> {
    type Consumer = BoundedConsumer<L::Consumer>;
    type Producer = L::Producer;

    fn consumer(&self, group: &str, topics: &[&str]) -> Result<Self::Consumer, ConsumerError> {
        let consumer = self.log.consumer(group, topics)?;
        Ok(BoundedConsumer { consumer, ends: self.ends.clone() })
    }

    fn producer(&self, transactional_id: &str) -> Result<Self::Producer, ConsumerError> {
        self.log.producer(transactional_id)
    }

    fn partitions(&self, topics: &[&str]) -> Result<Vec<i32>, ConsumerError> {
        self.log.partitions(topics)
    }
}

/// A consumer that stops at each partition's end.
pub(crate) struct BoundedConsumer<C> {
    consumer: C,
    ends: Ends,
}

impl<C: Consumer> Consumer for BoundedConsumer<C> {
    fn poll(&mut self, timeout: Duration) -> Result<Polled, ConsumerError> {
        match self.consumer.poll(timeout)? {
            Polled::Record(record) => {
                if self.ends.get(&record.at).is_some_and(|end| record.offset < *end) {
                    return Ok(Polled::Record(record));
                }
                self.consumer.pause(std::slice::from_ref(&record.at))?;
                Ok(Polled::Nothing)
            }
            polled => Ok(polled),
        }
    }

    fn start(&mut self, starts: &[(TopicPartition, i64)]) -> Result<(), ConsumerError> {
        self.consumer.start(starts)
    }

    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError> {
        self.consumer.release(partitions)
    }

    fn committed(
        &mut self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<Vec<(TopicPartition, Option<Committed>)>, ConsumerError> {
        self.consumer.committed(partitions, timeout)
    }

    fn seek(&mut self, to: &[(TopicPartition, i64)]) -> Result<(), ConsumerError> {
        self.consumer.seek(to)
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError> {
        self.consumer.pause(partitions)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError> {
        self.consumer.resume(partitions)
    }

    fn membership(&self) -> Result<Membership, ConsumerError> {
        self.consumer.membership()
    }

    fn bounds(
        &mut self,
        partition: &TopicPartition,
        timeout: Duration,
    ) -> Result<(i64, i64), ConsumerError> {
        self.consumer.bounds(partition, timeout)
    }

    fn leave(&mut self) {
        self.consumer.leave();
    }
}

#[cfg(test)]
mod tests {
    use cordon_kafka::{
        log::{NewRecord, Producer as _},
        model::ModelLog,
    };

    use super::*;

    const RECORDS: i64 = 6;

    fn filled() -> ModelLog {
        let log = ModelLog::default();
        log.drive(|broker| broker.create_topic("logs", 2));
        let mut producer = log.producer("a").unwrap();
        producer.init();
        producer.begin();
        for n in 0..2 * RECORDS {
            let (topic, value) = ("logs".into(), vec![n as u8].into());
            let partition = Some((n % 2) as i32);
            producer.produce(NewRecord { topic, partition, key: None, value, headers: Vec::new() });
        }
        producer.commit();
        log
    }

    #[test]
    fn nothing_behind_the_end_is_seen_even_when_it_is_asked_for_again() {
        let (first, second) = (TopicPartition::new("logs", 0), TopicPartition::new("logs", 1));
        let ends = BTreeMap::from([(first.clone(), 4), (second.clone(), 1)]);
        let log = Bounded::new(filled(), Arc::new(ends));
        let mut consumer = log.consumer("g", &["logs"]).unwrap();
        let Polled::Assigned(_) = consumer.poll(Duration::ZERO).unwrap() else { panic!() };
        consumer.start(&[(first.clone(), 2), (second.clone(), 1)]).unwrap();
        let mut seen = Vec::new();
        for round in 0..40 {
            if let Polled::Record(record) = consumer.poll(Duration::ZERO).unwrap() {
                seen.push((record.at.partition, record.offset));
            }
            if round % 10 == 9 {
                consumer.resume(&[first.clone(), second.clone()]).unwrap();
            }
        }
        assert_eq!(seen, [(0, 2), (0, 3)]);
    }
}
