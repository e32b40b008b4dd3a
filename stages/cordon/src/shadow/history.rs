//! The records that a shadow is about, and how far receipts have come with them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use cordon_kafka::real::RealLog;
use cordon_records::{Digest, Input, Pointer, Receipt, Source, single_object};

use super::plan::Plan;

/// A record of the range: partition and offset.
pub(crate) type Place = (i32, i64);

/// Every committed record of a plan's range; `None` where it is no pointer.
pub(crate) struct History {
    topic: String,
    records: BTreeMap<Place, Option<Pointer>>,
}

impl History {
    pub(crate) fn read(plan: &Plan, log: &RealLog) -> Result<Self> {
        let mut records = BTreeMap::new();
        let wanted = plan.wanted();
        if !wanted.is_empty() {
            for record in log.ranges_reader(&plan.topic, wanted)? {
                let record = record?;
                let pointer = single_object::decode(&record.value).ok();
                records.insert((record.at.partition, record.offset), pointer);
            }
        }
        Ok(Self { topic: plan.topic.clone(), records })
    }

    #[cfg(test)]
    pub(crate) fn of(topic: &str, records: impl IntoIterator<Item = (Place, Pointer)>) -> Self {
        let records = records.into_iter().map(|(place, pointer)| (place, Some(pointer))).collect();
        Self { topic: topic.to_owned(), records }
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// How many datapoints their pointers name.
    pub(crate) fn datapoints(&self) -> i64 {
        self.records.values().flatten().filter_map(|pointer| pointer.datapoints).sum()
    }

    /// What the range's pointers name: by it an input of a replay lane is known again.
    pub(crate) fn payloads(&self) -> BTreeMap<(&str, Option<Digest>), &Pointer> {
        let pointers = self.records.values().flatten();
        pointers.map(|pointer| ((pointer.key.as_str(), pointer.digest), pointer)).collect()
    }

    /// How many records receipts have not come to the end of.
    pub(crate) fn undone(&self, receipts: &[Receipt]) -> usize {
        let mut done: BTreeSet<Place> = BTreeSet::new();
        for input in receipts.iter().flat_map(|receipt| &receipt.inputs) {
            if let Source::PointerSource { topic, partition, offset, key, datapoints, .. } =
                &input.source
            {
                let is_whole = key.is_empty() || datapoints.is_some_and(|n| input.to >= n);
                if is_whole && *topic == self.topic {
                    done.insert((*partition, *offset));
                }
            }
        }
        self.records.keys().filter(|place| !done.contains(place)).count()
    }

    /// What receipts say of datapoints of the range, in the lane of its topic.
    pub(crate) fn told(&self, receipts: &[Receipt]) -> Told {
        let mut told = Told::default();
        for receipt in receipts {
            let inputs = receipt.inputs.iter().filter(|input| self.has(input));
            for input in inputs {
                told.datapoints += input.datapoints();
                told.dead += input.dead.count();
                told.versions.insert(receipt.stage_version.clone());
            }
        }
        told
    }

    fn has(&self, input: &Input) -> bool {
        let Source::PointerSource { topic, partition, offset, .. } = &input.source else {
            return false;
        };
        *topic == self.topic && self.records.contains_key(&(*partition, *offset))
    }
}

/// What receipts say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Datapoints with a fate.
    pub(crate) datapoints: i64,
    /// Those with a letter.
    pub(crate) dead: i64,
    /// Whose work it was.
    pub(crate) versions: BTreeSet<String>,
}

/// All receipts of a topic. Those that cannot be read are the audit's business.
pub(crate) fn receipts(log: &RealLog, topic: &str) -> Result<Vec<Receipt>> {
    let mut receipts = Vec::new();
    for record in log.reader(topic)? {
        receipts.extend(single_object::decode::<Receipt>(&record?.value));
    }
    Ok(receipts)
}

#[cfg(test)]
mod tests {
    use cordon_records::Runs;

    use super::*;
    use crate::fixture::{self, input, pointer, source};

    fn history() -> History {
        let pointer = Pointer { datapoints: Some(100), ..pointer() };
        let records = BTreeMap::from([
            ((0, 5), Some(pointer.clone())),
            ((0, 7), Some(pointer)),
            ((1, 2), None),
        ]);
        History { topic: "logs".to_owned(), records }
    }

    /// The last datapoint is dead.
    fn receipt(topic: &str, (partition, offset): Place, key: &str, from: i64, to: i64) -> Receipt {
        fixture::receipt(vec![Input {
            output: Runs::range(from, to - 1),
            dead: Runs::range(to - 1, to),
            ..input(source(topic, partition, offset, key), from, to)
        }])
    }

    #[test]
    fn receipts_say_what_is_still_to_be_done() {
        let history = history();
        assert_eq!((history.len(), history.datapoints()), (3, 200));
        let half = receipt("logs", (0, 5), "k", 0, 60);
        let rest = receipt("logs", (0, 5), "k", 60, 100);
        let refused = receipt("logs", (1, 2), "", 0, 1);
        let elsewhere = receipt("logs.replay", (0, 7), "k", 0, 100);
        let behind = receipt("logs", (0, 9), "k", 0, 100);
        assert_eq!(history.undone(&[]), 3);
        assert_eq!(history.undone(std::slice::from_ref(&half)), 3);
        let all = [half, rest, refused, elsewhere, behind];
        assert_eq!(history.undone(&all), 1);
        let told = history.told(&all);
        assert_eq!((told.datapoints, told.dead), (101, 3));
        assert_eq!(told.versions.len(), 1);
    }
}
