//! Is each output pointer in exactly one receipt, and each dead index in exactly one letter?

use std::collections::BTreeMap;

use cordon_records::{Letter, Output, Pointer, Runs, Source};

use super::{Evidence, StageWiring, report::Faults, report::StageAudit};

/// A pointer as receipts name it.
pub type PointerPlace = (String, String, i64, i64);

pub(crate) fn check(
    evidence: &Evidence,
    stage: &StageWiring,
    audit: &mut StageAudit,
    faults: &mut Faults,
) {
    check_pointers(evidence, stage, audit, faults);
    check_letters(evidence, stage, audit, faults);
}

fn check_pointers(
    evidence: &Evidence,
    stage: &StageWiring,
    audit: &mut StageAudit,
    faults: &mut Faults,
) {
    let mut promised: BTreeMap<PointerPlace, &Output> = BTreeMap::new();
    for output in evidence.receipts_of(&stage.stage).iter().flat_map(|r| &r.outputs) {
        audit.pointers_out += 1;
        if promised.insert(place_of_output(output), output).is_some() {
            audit.duplicated += output.datapoints;
            faults.push(|| format!("{}: {} stands in two receipts", stage.stage, output.key));
        }
    }
    let records = evidence.pointers.get(&stage.output).map_or(&[][..], Vec::as_slice);
    let mut seen: BTreeMap<PointerPlace, i64> = BTreeMap::new();
    for pointer in records.iter().filter_map(|r| r.pointer.as_ref()) {
        if pointer.stage == stage.stage {
            *seen.entry(place_of(pointer)).or_default() += 1;
        }
    }
    for (place, output) in &promised {
        match seen.remove(place) {
            Some(1) => {}
            Some(times) => {
                audit.duplicated += output.datapoints * (times - 1);
                faults.push(|| {
                    format!("{}: the pointer to {} stands {times} times", stage.stage, output.key)
                });
            }
            None => {
                audit.lost += output.datapoints;
                faults.push(|| format!("{}: no pointer to {}", stage.stage, output.key));
            }
        }
    }
    for (place, times) in seen {
        audit.phantom += times;
        faults.push(|| format!("{}: no receipt has the pointer to {}", stage.stage, place.1));
    }
}

/// Where a pointer points.
pub fn place_of(pointer: &Pointer) -> PointerPlace {
    let Pointer { bucket, key, range_start_bytes, range_bytes, .. } = pointer;
    (bucket.clone(), key.clone(), *range_start_bytes, *range_bytes)
}

fn place_of_output(output: &Output) -> PointerPlace {
    let Output { bucket, key, range_start_bytes, range_bytes, .. } = output;
    (bucket.clone(), key.clone(), *range_start_bytes, *range_bytes)
}

/// A letter names its batch, so that letters and receipts are compared batch by batch.
fn check_letters(
    evidence: &Evidence,
    stage: &StageWiring,
    audit: &mut StageAudit,
    faults: &mut Faults,
) {
    let mut letters: BTreeMap<(String, i32, i64, String), Vec<&Letter>> = BTreeMap::new();
    for letter in evidence.letters_of(&stage.stage) {
        let offset = if stage.is_raw { 0 } else { letter.offset };
        let batch = letter.batch.to_string();
        letters
            .entry((letter.topic.clone(), letter.partition, offset, batch))
            .or_default()
            .push(letter);
    }
    for receipt in evidence.receipts_of(&stage.stage) {
        for input in &receipt.inputs {
            let (topic, partition, offset) = match &input.source {
                Source::PointerSource { topic, partition, offset, .. } => {
                    (topic.clone(), *partition, *offset)
                }
                Source::RawSource { topic, partition } => (topic.clone(), *partition, 0),
                Source::FileSource { sha256, .. } => (format!("file:{sha256}"), 0, 0),
            };
            let written = letters
                .remove(&(topic, partition, offset, receipt.batch.to_string()))
                .unwrap_or_default();
            let ranges: Vec<Runs> = written.iter().map(|l| Runs::range(l.from, l.to)).collect();
            let told = Runs::union(&ranges);
            let missing = input.dead.iter().filter(|index| !told.contains(*index)).count() as i64;
            let surplus = told.iter().filter(|index| !input.dead.contains(*index)).count() as i64;
            let twice: i64 = ranges.iter().map(Runs::count).sum::<i64>() - told.count();
            if missing + surplus + twice > 0 {
                faults.push(|| {
                    format!(
                        "{}: letters and dead indexes of batch {} differ",
                        stage.stage, receipt.batch
                    )
                });
            }
            audit.lost += missing;
            audit.phantom += surplus;
            audit.duplicated += twice;
        }
    }
    for ((topic, partition, offset, _), strays) in letters {
        audit.phantom += strays.len() as i64;
        faults.push(|| {
            format!("{}: no receipt has the letters for {topic}/{partition}@{offset}", stage.stage)
        });
    }
}
