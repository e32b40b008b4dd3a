//! From records that were read to a transaction that emits them again.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Result, ensure};
use bytes::Bytes;
use cordon_courier::event::Transaction;
use cordon_kafka::{
    log::{Log, NewRecord, Record, TopicPartition},
    topology::Topology,
};
use cordon_records::{BatchId, Input, Lane, Output, Pointer, Receipt, Runs, Source, single_object};

use super::position::Position;
use crate::wiring::{self, SideTopics};

/// Pointers of one transaction. Each takes a line of some 300 bytes in the receipt as consumed, and
/// one as produced; ten times as many would come near Kafka's limit for a record.
pub(crate) const POINTERS_MAX: usize = 200;

/// Where emitted pointers go.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) topic: Arc<str>,
    pub(crate) partitions: i32,
    pub(crate) receipts: Arc<str>,
    /// The `transactional.id`.
    pub(crate) slot: String,
}

impl Destination {
    /// Finds a topic, and the receipts that tell of what is emitted into it.
    pub(crate) fn open(log: &impl Log, topic: &str, slot: String) -> Result<Self> {
        let receipts = SideTopics::of(Topology::REPLAYER).receipts;
        let partitions = log.partitions(&[topic, &receipts])?[0];
        ensure!(partitions > 0, "{topic} has no partition");
        Ok(Self { topic: topic.into(), partitions, receipts, slot })
    }
}

/// The pointer in a record, if there is one that can be processed again: to bytes with a digest.
pub(super) fn pointer_in(value: &[u8]) -> Option<Pointer> {
    let pointer: Option<Pointer> = single_object::decode(value).ok();
    pointer.filter(|pointer| pointer.digest.is_some())
}

/// What one transaction emits.
#[derive(Debug, Default)]
pub(crate) struct Emission {
    records: Vec<NewRecord>,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    /// One past the last record looked at, by partition.
    next: BTreeMap<i32, i64>,
    /// Records that are no pointers to bytes with a digest: nothing is processed again for them.
    pub(crate) skipped: u64,
    pub(crate) datapoints: i64,
}

impl Emission {
    pub(crate) fn pointers(&self) -> usize {
        self.records.len()
    }

    /// Takes in a record, to be emitted as it is.
    pub(crate) fn add(&mut self, record: &Record, to: &Destination) {
        self.next.insert(record.at.partition, record.offset + 1);
        let Some(pointer) = pointer_in(&record.value) else {
            self.skipped += 1;
            return;
        };
        let headers = record.headers.clone();
        self.emit(&pointer, record.value.clone(), headers, (&record.at, record.offset), to);
    }

    /// Emits a pointer that was found at a place.
    pub(crate) fn emit(
        &mut self,
        pointer: &Pointer,
        value: Bytes,
        headers: Vec<(String, Bytes)>,
        (at, offset): (&TopicPartition, i64),
        to: &Destination,
    ) {
        let n = pointer.datapoints.unwrap_or(0);
        let chosen = pointer.selection.clone().unwrap_or_else(|| Runs::range(0, n));
        let partition = at.partition.rem_euclid(to.partitions);
        self.datapoints += chosen.count();
        self.inputs.push(Input {
            source: Source::PointerSource {
                topic: at.topic.to_string(),
                partition: at.partition,
                offset,
                key: pointer.key.clone(),
                digest: pointer.digest,
                datapoints: pointer.datapoints,
            },
            from: 0,
            to: chosen.as_slice().last().map_or(n, |run| run.end().max(n)),
            output: chosen,
            dead: Runs::EMPTY,
            not_mapped: Runs::EMPTY,
            selection: pointer.selection.clone(),
            redrives: pointer.redrives.clone(),
        });
        self.outputs.push(Output {
            topic: to.topic.to_string(),
            partition,
            bucket: pointer.bucket.clone(),
            key: pointer.key.clone(),
            range_start_bytes: pointer.range_start_bytes,
            range_bytes: pointer.range_bytes,
            digest: pointer.digest.unwrap_or_default(),
            datapoints: n,
        });
        let (topic, partition) = (to.topic.clone(), Some(partition));
        self.records.push(NewRecord { topic, partition, key: None, value, headers });
    }

    /// Where the replay is once this is committed.
    pub(crate) fn after(&self, position: &Position) -> Position {
        let mut after = position.clone();
        after.next.extend(&self.next);
        after
    }

    /// The transaction that emits it: pointers, and the receipt. Offsets are the caller's.
    pub(crate) fn transaction(
        &self,
        to: &Destination,
        batch: BatchId,
        time_ms: i64,
    ) -> Transaction {
        let mut records = self.records.clone();
        if !records.is_empty() {
            let held = self.outputs.iter().map(|output| output.datapoints).sum();
            let receipt = Receipt {
                batch,
                stage: Topology::REPLAYER.to_owned(),
                stage_version: wiring::version().to_owned(),
                slot: to.slot.clone(),
                lane: Lane::Replay,
                time_ms,
                inputs: self.inputs.clone(),
                outputs: self.outputs.clone(),
                elements_in: held,
                elements_out: held,
            };
            // What is in it was read from records of this size.
            let value = single_object::encode(&receipt).expect("a receipt fits its schema");
            records.push(NewRecord {
                topic: to.receipts.clone(),
                partition: None,
                key: None,
                value: Bytes::from(value),
                headers: Vec::new(),
            });
        }
        Transaction { records, offsets: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use cordon_records::Digest;

    use super::*;
    use crate::{fixture::pointer, replay::plan::Plan};

    fn record(partition: i32, offset: i64, value: Vec<u8>) -> Record {
        Record {
            at: TopicPartition::new("logs", partition),
            offset,
            timestamp_ms: 0,
            key: None,
            value: value.into(),
            headers: vec![("traceparent".to_owned(), Bytes::from_static(b"00-1"))],
        }
    }

    #[test]
    fn pointers_are_emitted_as_they_are_and_told_of() {
        let to = Destination {
            topic: "logs.replay".into(),
            partitions: 2,
            receipts: "receipts.replay".into(),
            slot: "cordon.replay-a".to_owned(),
        };
        let value = {
            let digest = Some(Digest([7; 32]));
            single_object::encode(&Pointer { digest, datapoints: Some(10), ..pointer() }).unwrap()
        };
        let mut emission = Emission::default();
        emission.add(&record(3, 40, value.clone()), &to);
        emission.add(&record(0, 5, b"no pointer".to_vec()), &to);
        let digestless = single_object::encode(&pointer()).unwrap();
        emission.add(&record(0, 7, digestless), &to);
        assert_eq!((emission.pointers(), emission.skipped, emission.datapoints), (1, 2, 10));

        let transaction = emission.transaction(&to, BatchId([1; 16]), 9);
        let [again, told] = &transaction.records[..] else { panic!("{transaction:?}") };
        assert_eq!((&*again.topic, again.partition), ("logs.replay", Some(1)));
        assert_eq!((&again.value[..], again.headers.len()), (&value[..], 1));
        let receipt: Receipt = single_object::decode(&told.value).unwrap();
        assert_eq!((&*told.topic, receipt.slot.as_str()), ("receipts.replay", "cordon.replay-a"));
        assert_eq!((receipt.inputs.len(), receipt.outputs[0].partition), (1, 1));
        assert_eq!(receipt.inputs[0].output, Runs::range(0, 10));

        let ranges = BTreeMap::from([(0, 0..50), (3, 40..50)]);
        let (topic, destination) = ("logs".to_owned(), to.topic.to_string());
        let position = Position::start(Plan { topic, destination, ranges });
        assert_eq!(emission.after(&position).next, BTreeMap::from([(0, 8), (3, 41)]));
    }
}
