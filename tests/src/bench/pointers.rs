//! Pointers that are written again and again: payloads that lie there already, as new work.

use std::{sync::Arc, time::Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use cordon_kafka::{
    log::{Log as _, NewRecord, Outcome, Producer as _},
    real::RealProducer,
};
use cordon_records::{Pointer, single_object};

use super::{
    cluster::{Cluster, Skip},
    now,
};

/// What a topic's pointers name.
#[derive(Default)]
pub(super) struct Named {
    pub(super) records: Vec<Bytes>,
    pub(super) payload_bytes: i64,
    pub(super) datapoints: i64,
}

impl Named {
    /// Takes what is new in a topic.
    pub(super) fn read(&mut self, cluster: &Cluster, topic: &str, read: &mut Skip) -> Result<()> {
        for record in cluster.records(topic, read)? {
            let pointer: Pointer = single_object::decode(&record)?;
            self.payload_bytes += pointer.range_bytes;
            self.datapoints += pointer.datapoints.context("a pointer without count")?;
            self.records.push(record);
        }
        Ok(())
    }
}

/// The pointers of a corpus, and who writes them.
pub(super) struct Pointers {
    topic: Arc<str>,
    records: Vec<Bytes>,
    partitions: i32,
    producer: RealProducer,
}

impl Pointers {
    /// They go to all partitions of a topic in turn, by this `transactional.id`.
    pub(super) fn new(
        cluster: &Cluster,
        transactional_id: &str,
        topic: &str,
        records: Vec<Bytes>,
    ) -> Result<Self> {
        let partitions = cluster.log().partitions(&[topic])?[0];
        let mut producer = cluster.log().producer(transactional_id)?;
        done(producer.init())?;
        Ok(Self { topic: topic.into(), records, partitions, producer })
    }

    /// Each once.
    pub(super) fn records(&self) -> &[Bytes] {
        &self.records
    }

    /// Writes all of them, `laps` times, in one transaction: they are there all at once. Returns
    /// when that was.
    pub(super) fn write(&mut self, laps: usize) -> Result<Instant> {
        done(self.producer.begin())?;
        let all = (0..laps).flat_map(|_| &self.records).zip((0..self.partitions).cycle());
        for (pointer, partition) in all {
            done(self.producer.produce(NewRecord {
                topic: self.topic.clone(),
                partition: Some(partition),
                key: None,
                value: pointer.clone(),
                headers: Vec::new(),
            }))?;
        }
        let written = now();
        done(self.producer.commit())?;
        Ok(written)
    }
}

fn done(outcome: Outcome) -> Result<()> {
    (outcome == Outcome::Done).then_some(()).with_context(|| format!("Kafka: {outcome:?}"))
}
