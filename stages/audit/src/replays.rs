//! Was each pointer that a replay was asked for emitted again, and once?

use std::collections::{BTreeMap, BTreeSet};

use cordon_records::Source;

use super::{Evidence, PointerRecord, StageWiring, report::Faults, report::StageAudit};

/// A partition of one replay: its name, the topic, the partition.
type Lane<'e> = (&'e str, &'e str, i32);

/// Checks the receipts of the replayer: within one replay no pointer of the range is missing and
/// none is there twice, and no letter is driven again twice.
///
/// What is consumed here keeps its fate, so that it counts as nobody's datapoints.
pub(crate) fn check(
    evidence: &Evidence,
    stage: &StageWiring,
    audit: &mut StageAudit,
    faults: &mut Faults,
) {
    let mut emitted: BTreeMap<Lane<'_>, BTreeMap<i64, i64>> = BTreeMap::new();
    let mut redriven: BTreeSet<&str> = BTreeSet::new();
    for receipt in evidence.receipts_of(&stage.stage) {
        audit.batches += 1;
        for input in &receipt.inputs {
            let Source::PointerSource { topic, partition, offset, .. } = &input.source else {
                audit.phantom += 1;
                faults.push(|| format!("{}: a receipt speaks of no pointer", stage.stage));
                continue;
            };
            if input.redrives.is_empty() {
                let lane = (receipt.slot.as_str(), topic.as_str(), *partition);
                *emitted.entry(lane).or_default().entry(*offset).or_default() += 1;
                continue;
            }
            for letter in &input.redrives {
                if !redriven.insert(letter) {
                    audit.duplicated += input.output.count();
                    faults.push(|| format!("{}: {letter} is driven again twice", stage.stage));
                }
            }
        }
    }
    for (lane, offsets) in &emitted {
        check_lane(evidence, stage, lane, offsets, audit, faults);
    }
}

fn check_lane(
    evidence: &Evidence,
    stage: &StageWiring,
    (replay, topic, partition): &Lane<'_>,
    offsets: &BTreeMap<i64, i64>,
    audit: &mut StageAudit,
    faults: &mut Faults,
) {
    let (Some((first, _)), Some((last, _))) = (offsets.first_key_value(), offsets.last_key_value())
    else {
        return;
    };
    let records = evidence.pointers.get(*topic).map_or(&[][..], Vec::as_slice);
    let own = |record: &&PointerRecord| record.partition == *partition;
    let range = records.iter().filter(own).filter(|r| (first..=last).contains(&&r.offset));
    for (offset, pointer) in range.filter_map(|r| Some((r.offset, r.pointer.as_ref()?))) {
        let n = pointer.datapoints.unwrap_or(1);
        match offsets.get(&offset) {
            Some(1) => {}
            Some(times) => {
                audit.duplicated += n * (times - 1);
                audit.overlaps += 1;
                faults.push(|| {
                    format!(
                        "{}: {replay} emitted {topic}/{partition}@{offset} {times} times",
                        stage.stage
                    )
                });
            }
            None => {
                audit.lost += n;
                audit.gaps += 1;
                faults.push(|| {
                    format!("{}: {replay} left out {topic}/{partition}@{offset}", stage.stage)
                });
            }
        }
    }
}
