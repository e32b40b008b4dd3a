//! What lies in Kafka afterwards, as the principal *reader* finds it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use cordon_records::{BatchId, Pointer, Receipt, single_object};
use cordon_tests::world::World;

/// Committed receipts and pointers.
pub(crate) struct Evidence {
    /// Batches that committed receipts name.
    pub(crate) committed: BTreeSet<BatchId>,
    /// How many pointers name each object, as `bucket/key`.
    pub(crate) pointers: BTreeMap<String, u64>,
}

impl Evidence {
    /// Reads all receipts and pointers.
    pub(crate) fn read(world: &World) -> Result<Self> {
        let topology = world.topology();
        let producers = topology.producers.iter().map(|(name, producer)| (name, &producer.output));
        let stages = topology.stages.iter().map(|(name, stage)| (name, &stage.output));
        let log = world.log("reader")?;
        let (mut committed, mut pointers) = (BTreeSet::new(), BTreeMap::new());
        let mut topics = BTreeSet::new();
        for (name, output) in producers.chain(stages) {
            for record in log.reader(&format!("receipts.{name}"))? {
                let receipt: Receipt = single_object::decode(&record?.value)?;
                committed.insert(receipt.batch);
            }
            topics.insert(output);
        }
        for topic in topics {
            for record in log.reader(topic)? {
                let pointer: Pointer = single_object::decode(&record?.value)?;
                *pointers.entry(format!("{}/{}", pointer.bucket, pointer.key)).or_default() += 1;
            }
        }
        Ok(Self { committed, pointers })
    }
}
