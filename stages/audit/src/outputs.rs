//! Is each output pointer in exactly one receipt, and each dead index in exactly one letter?

use std::collections::{BTreeMap, BTreeSet};

use cordon_records::{Digest, Letter, Output, Pointer, Runs, Source};

use super::{Evidence, StageKind, StageWiring, report::Faults, report::StageAudit};

/// A pointer as receipts name it.
pub type PointerPlace = (String, String, i64, i64);

/// A pointer of a topic: what it names, and the digest of that. A pointer without one, which is the
/// lister's or drives one of those again, has zeros: it is another than a stage's to the same bytes.
type Place = (String, PointerPlace, Digest);

/// The pointers that lie in topics, as far as no receipt accounts for them.
///
/// Lanes share topics: in a replay lane lie what a stage made of that lane, and what was emitted
/// again from the live topic, each promised by the receipt of whoever wrote it.
pub(crate) struct Found {
    pointers: BTreeMap<Place, FoundPointer>,
}

struct FoundPointer {
    /// How often it lies there without anybody having promised it.
    times: i64,
    /// Who made the payload, in the pointer's own words.
    stage: String,
    datapoints: i64,
    is_promised: bool,
}

impl Found {
    /// All pointers of all outputs.
    pub(crate) fn of(evidence: &Evidence, stages: &[StageWiring]) -> Self {
        let topics: BTreeSet<&String> = stages.iter().flat_map(|stage| &stage.outputs).collect();
        let mut pointers: BTreeMap<Place, FoundPointer> = BTreeMap::new();
        for topic in topics {
            let records = evidence.pointers.get(topic).map_or(&[][..], Vec::as_slice);
            for pointer in records.iter().filter_map(|record| record.pointer.as_ref()) {
                let digest = pointer.digest.unwrap_or_default();
                let place = (topic.clone(), place_of(pointer), digest);
                let found = pointers.entry(place).or_insert_with(|| FoundPointer {
                    times: 0,
                    stage: pointer.stage.clone(),
                    datapoints: pointer.datapoints.unwrap_or(1),
                    is_promised: false,
                });
                found.times += 1;
            }
        }
        Self { pointers }
    }

    /// Takes out what a receipt promises; gives how many are not there.
    fn take(&mut self, place: &Place, times: i64) -> i64 {
        let Some(found) = self.pointers.get_mut(place) else { return times };
        found.is_promised = true;
        let taken = times.min(found.times);
        found.times -= taken;
        times - taken
    }

    /// What is left of pointers to a stage's payloads: nobody's receipt has it. Pointers of nobody
    /// who writes receipts, such as the lister, come from outside.
    pub(crate) fn check_rest(&self, stage: &str, audit: &mut StageAudit, faults: &mut Faults) {
        let of_stage = self.pointers.iter().filter(|(_, found)| found.stage == stage);
        for ((topic, place, _), found) in of_stage.filter(|(_, found)| found.times > 0) {
            if found.is_promised {
                audit.duplicated += found.datapoints * found.times;
                faults.push(|| {
                    let times = found.times;
                    format!("{stage}: the pointer to {} stands in {topic} {times} times more than in receipts", place.1)
                });
            } else {
                audit.phantom += found.times;
                faults.push(|| {
                    format!("{stage}: no receipt has the pointer to {} in {topic}", place.1)
                });
            }
        }
    }
}

pub(crate) fn check(
    evidence: &Evidence,
    stage: &StageWiring,
    found: &mut Found,
    audit: &mut StageAudit,
    faults: &mut Faults,
) {
    check_pointers(evidence, stage, found, audit, faults);
    check_letters(evidence, stage, audit, faults);
}

fn check_pointers(
    evidence: &Evidence,
    stage: &StageWiring,
    found: &mut Found,
    audit: &mut StageAudit,
    faults: &mut Faults,
) {
    let mut promised: BTreeMap<Place, (i64, &Output)> = BTreeMap::new();
    for output in evidence.receipts_of(&stage.stage).iter().flat_map(|r| &r.outputs) {
        audit.pointers_out += 1;
        let place = (output.topic.clone(), place_of_output(output), output.digest);
        let (times, _) = promised.entry(place).or_insert((0, output));
        if *times > 0 && stage.kind != StageKind::Replayer {
            audit.duplicated += output.datapoints;
            faults.push(|| format!("{}: {} stands in two receipts", stage.stage, output.key));
        } else {
            // Emitted again as often as somebody asked for it.
            *times += 1;
        }
    }
    for (place, (times, output)) in &promised {
        let missing = found.take(place, *times);
        if missing > 0 {
            audit.lost += output.datapoints * missing;
            faults.push(|| {
                format!("{}: no pointer to {} in {}", stage.stage, output.key, output.topic)
            });
        }
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
        let offset = if stage.kind == StageKind::Records { 0 } else { letter.offset };
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
