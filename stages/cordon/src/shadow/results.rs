//! What a stage, or a shadow of it, made of a range of history.

use std::collections::BTreeMap;

use anyhow::Result;
use cordon_audit::{PointerPlace, place_of};
use cordon_kafka::{
    real::RealLog,
    topology::{Shadow, Topology},
};
use cordon_records::{Output, Pointer, Receipt, Source, single_object};

use super::history::{History, Told, receipts};
use crate::wiring::SideTopics;

/// Pointers to results, and what they lack.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// To payloads with results of the range alone.
    pub(crate) whole: Vec<Pointer>,
    /// To payloads that also hold results of what a batch took along from outside the range.
    pub(crate) mixed: Vec<Pointer>,
    /// What those batches took from within the range: whatever came of its lines is of the range.
    pub(crate) witnesses: Vec<Pointer>,
    /// Batches that reach beyond the range.
    pub(crate) mixed_batches: usize,
    /// Records of the range that are not processed yet.
    pub(crate) undone: usize,
    /// Payloads that receipts name, and no pointer any more: retention took them.
    pub(crate) gone: usize,
    pub(crate) told: Told,
}

impl Results {
    /// Of a shadow: all that it made is of the range.
    pub(crate) fn of_shadow(shadow: &Shadow, history: &History, log: &RealLog) -> Result<Self> {
        let receipts = receipts(log, &shadow.receipts())?;
        let pointers = pointers(log, &shadow.output())?;
        Ok(Self {
            whole: pointers.into_values().collect(),
            undone: history.undone(&receipts),
            told: history.told(&receipts),
            ..Self::default()
        })
    }

    /// Of the stage itself: what its receipts name of the range's payloads, in any lane. Receipts
    /// are read first, and the pointers that each of them names are there since it is.
    pub(crate) fn of_stage(
        stage: &str,
        topology: &Topology,
        history: &History,
        log: &RealLog,
    ) -> Result<Self> {
        let receipts = receipts(log, &SideTopics::of(stage).receipts)?;
        let mut known = BTreeMap::new();
        for topic in topology.stages[stage].outputs() {
            known.extend(pointers(log, &topic)?);
        }
        Ok(Self::among(&receipts, &known, history))
    }

    fn among(
        receipts: &[Receipt],
        known: &BTreeMap<PointerPlace, Pointer>,
        history: &History,
    ) -> Self {
        let mut results = Self {
            undone: history.undone(receipts),
            told: history.told(receipts),
            ..Self::default()
        };
        let payloads = history.payloads();
        for receipt in receipts {
            let mut witnesses = Vec::new();
            for input in &receipt.inputs {
                let Source::PointerSource { key, digest, .. } = &input.source else { continue };
                witnesses.extend(payloads.get(&(key.as_str(), *digest)).copied().cloned());
            }
            if witnesses.is_empty() || receipt.outputs.is_empty() {
                continue;
            }
            let is_mixed = witnesses.len() < receipt.inputs.len();
            let found = receipt.outputs.iter().map(|output| known.get(&place(output)));
            let (found, count) = (found.flatten().cloned(), receipt.outputs.len());
            let into = if is_mixed { &mut results.mixed } else { &mut results.whole };
            let before = into.len();
            into.extend(found);
            results.gone += count - (into.len() - before);
            if is_mixed {
                results.mixed_batches += 1;
                results.witnesses.extend(witnesses);
            }
        }
        results
    }
}

fn place(output: &Output) -> PointerPlace {
    let Output { bucket, key, range_start_bytes, range_bytes, .. } = output;
    (bucket.clone(), key.clone(), *range_start_bytes, *range_bytes)
}

/// The pointers of a topic, each once.
fn pointers(log: &RealLog, topic: &str) -> Result<BTreeMap<PointerPlace, Pointer>> {
    let mut pointers = BTreeMap::new();
    for record in log.reader(topic)? {
        if let Ok(pointer) = single_object::decode::<Pointer>(&record?.value) {
            pointers.insert(place_of(&pointer), pointer);
        }
    }
    Ok(pointers)
}

#[cfg(test)]
mod tests {
    use cordon_records::{Digest, Input};

    use super::*;
    use crate::fixture::{self, pointer, source};

    fn input(topic: &str, offset: i64, key: &str) -> Input {
        fixture::input(source(topic, 0, offset, key), 0, 100)
    }

    fn receipt(inputs: Vec<Input>, output: &str) -> Receipt {
        let output = Output {
            topic: "findings".to_owned(),
            partition: 0,
            bucket: "cordon".to_owned(),
            key: output.to_owned(),
            range_start_bytes: 0,
            range_bytes: 9,
            digest: Digest::default(),
            datapoints: 1,
        };
        Receipt { outputs: vec![output], ..fixture::receipt(inputs) }
    }

    #[test]
    fn results_of_the_range_are_told_from_those_beside_it() {
        let keyed = |key: &str| Pointer { key: key.to_owned(), datapoints: Some(100), ..pointer() };
        let history = History::of("logs", [((0, 1), keyed("a")), ((0, 2), keyed("b"))]);
        let known: BTreeMap<_, _> =
            ["x", "y", "z"].map(|key| (place_of(&keyed(key)), keyed(key))).into();
        let receipts = [
            receipt(vec![input("logs", 1, "a")], "x"),
            receipt(vec![input("logs", 2, "b"), input("logs", 3, "c")], "y"),
            // The same payload once more, in the replay lane; and one of another time.
            receipt(vec![input("logs.replay", 7, "a")], "z"),
            receipt(vec![input("logs", 3, "c")], "z"),
            receipt(vec![input("logs", 1, "a")], "deleted"),
        ];
        let results = Results::among(&receipts, &known, &history);
        let keys = |pointers: &[Pointer]| -> Vec<String> {
            pointers.iter().map(|pointer| pointer.key.clone()).collect()
        };
        assert_eq!(keys(&results.whole), ["x", "z"]);
        assert_eq!((keys(&results.mixed), results.mixed_batches), (vec!["y".to_owned()], 1));
        assert_eq!(keys(&results.witnesses), ["b"]);
        assert_eq!((results.gone, results.undone), (1, 0));
    }
}
