//! Do the receipts of a stage tile what it was given?

use std::collections::BTreeMap;

use cordon_records::{Input, Runs, Source};

use super::{Evidence, StageKind, StageWiring, report::Faults, report::StageAudit};

/// What one thing to consume consists of: a payload, the records of a raw partition, a file.
struct Whole {
    name: String,
    /// Indexes that need a fate; `None` where only the receipts know (a file's records).
    wanted: Option<Runs>,
    /// Index behind the last; a letter for a surplus may stand here.
    end: i64,
}

pub(crate) fn check(
    evidence: &Evidence,
    stage: &StageWiring,
    audit: &mut StageAudit,
    faults: &mut Faults,
) {
    let mut inputs: BTreeMap<Place, Vec<&Input>> = BTreeMap::new();
    for receipt in evidence.receipts_of(&stage.stage) {
        audit.batches += 1;
        audit.elements_in += receipt.elements_in;
        audit.elements_out += receipt.elements_out;
        for input in &receipt.inputs {
            inputs.entry(Place::of(&input.source)).or_default().push(input);
        }
    }
    let is_file = |place: &Place| matches!(place, Place::File(_));
    let files: Vec<Place> = inputs.keys().filter(|p| is_file(p)).cloned().collect();
    for place in files {
        let covered = inputs.remove(&place).unwrap_or_default();
        check_file(&place, &covered, audit, faults);
    }
    for topic in &stage.inputs {
        if stage.kind == StageKind::Records {
            check_raw_topic(evidence, topic, &mut inputs, audit, faults);
        } else {
            check_pointer_topic(evidence, topic, &mut inputs, audit, faults);
        }
    }
    for (place, inputs) in inputs {
        let count: i64 = inputs.iter().map(|input| input.to - input.from).sum();
        audit.phantom += count.max(1);
        faults
            .push(|| format!("{}: a receipt speaks of {place:?}, which is not there", stage.stage));
    }
}

/// Where the indexes of an input count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Pointer(String, i32, i64),
    Raw(String, i32),
    File(String),
}

impl Place {
    fn of(source: &Source) -> Self {
        match source {
            Source::PointerSource { topic, partition, offset, .. } => {
                Self::Pointer(topic.clone(), *partition, *offset)
            }
            Source::RawSource { topic, partition } => Self::Raw(topic.clone(), *partition),
            Source::FileSource { sha256, .. } => Self::File(sha256.to_string()),
        }
    }
}

fn check_pointer_topic(
    evidence: &Evidence,
    topic: &str,
    inputs: &mut BTreeMap<Place, Vec<&Input>>,
    audit: &mut StageAudit,
    faults: &mut Faults,
) {
    let records = evidence.pointers.get(topic).map_or(&[][..], Vec::as_slice);
    let last_touched = last_touched(inputs, topic);
    for record in records {
        let place = Place::Pointer(topic.to_owned(), record.partition, record.offset);
        let covered = inputs.remove(&place).unwrap_or_default();
        let refused = covered.iter().any(
            |input| matches!(&input.source, Source::PointerSource { key, .. } if key.is_empty()),
        );
        let (n, selection) = match &record.pointer {
            // A refused pointer is one datapoint, whatever it claims.
            Some(pointer) if !refused => (pointer.datapoints, pointer.selection.clone()),
            _ => (Some(1), None),
        };
        let n = n.or_else(|| covered.iter().find_map(|input| told_datapoints(input))).unwrap_or(0);
        let wanted = selection.map_or_else(|| Runs::range(0, n), |chosen| chosen.clip(0, n));
        let name = format!("{topic}/{}@{}", record.partition, record.offset);
        let is_behind =
            last_touched.get(&record.partition).is_none_or(|last| record.offset >= *last);
        let whole = Whole { name, wanted: Some(wanted), end: n };
        check_whole(&whole, &covered, is_behind, audit, faults);
    }
}

fn told_datapoints(input: &Input) -> Option<i64> {
    match &input.source {
        Source::PointerSource { datapoints, .. } => *datapoints,
        _ => None,
    }
}

/// The last offset of each partition that any receipt speaks of: what lies behind has its turn
/// still to come.
fn last_touched(inputs: &BTreeMap<Place, Vec<&Input>>, topic: &str) -> BTreeMap<i32, i64> {
    let mut last = BTreeMap::new();
    for place in inputs.keys() {
        if let Place::Pointer(of, partition, offset) = place
            && of == topic
        {
            let known = last.entry(*partition).or_insert(*offset);
            *known = (*known).max(*offset);
        }
    }
    last
}

fn check_raw_topic(
    evidence: &Evidence,
    topic: &str,
    inputs: &mut BTreeMap<Place, Vec<&Input>>,
    audit: &mut StageAudit,
    faults: &mut Faults,
) {
    let partitions = evidence.raw.iter().filter(|((of, _), _)| of == topic);
    for ((_, partition), offsets) in partitions {
        let covered = inputs.remove(&Place::Raw(topic.to_owned(), *partition)).unwrap_or_default();
        let mut offsets = offsets.clone();
        offsets.sort_unstable();
        let end = offsets.last().map_or(0, |last| last + 1);
        let wanted = Some(offsets.into_iter().collect());
        let whole = Whole { name: format!("{topic}/{partition}"), wanted, end };
        check_whole(&whole, &covered, true, audit, faults);
    }
}

/// A file has no pointer that says how long it is, and may be ingested again: later rounds over
/// the same records are *reingested*, since the origin makes them converge downstream.
fn check_file(place: &Place, covered: &[&Input], audit: &mut StageAudit, faults: &mut Faults) {
    let mut sorted: Vec<&Input> = covered.to_vec();
    sorted.sort_by_key(|input| (input.from, input.to));
    let mut end = 0;
    for input in sorted {
        check_outcomes(&format!("{place:?}"), input, audit, faults);
        if input.from > end {
            audit.gaps += 1;
            audit.lost += input.from - end;
            faults.push(|| format!("{place:?}: records {end}..{} are missing", input.from));
        }
        audit.reingested += (input.to.min(end) - input.from).max(0);
        end = end.max(input.to);
    }
}

/// Ranges must follow each other without gap or overlap, and every wanted index have one fate.
fn check_whole(
    whole: &Whole,
    covered: &[&Input],
    may_be_pending: bool,
    audit: &mut StageAudit,
    faults: &mut Faults,
) {
    let mut sorted: Vec<&Input> = covered.to_vec();
    sorted.sort_by_key(|input| (input.from, input.to));
    let wanted = whole.wanted.clone().unwrap_or_default();
    let count = |from: i64, to: i64| wanted.clip(from, to).count();
    let mut end = 0;
    for input in sorted {
        check_outcomes(&whole.name, input, audit, faults);
        if count(end, input.from) > 0 {
            audit.gaps += 1;
            audit.lost += count(end, input.from);
            faults.push(|| format!("{}: {end}..{} has no receipt", whole.name, input.from));
        }
        let twice = count(input.from, input.to.min(end));
        if twice > 0 {
            audit.overlaps += 1;
            audit.duplicated += twice;
            faults.push(|| format!("{}: {}..{} twice", whole.name, input.from, input.to.min(end)));
        }
        if input.to > whole.end {
            audit.phantom += input.to - whole.end;
            faults.push(|| format!("{}: fates behind the end, {}", whole.name, whole.end));
        }
        let strangers = fates(input).iter().filter(|index| !wanted.contains(*index)).count();
        audit.phantom += strangers as i64;
        end = end.max(input.to);
    }
    let rest = count(end, whole.end);
    if rest > 0 && may_be_pending {
        audit.pending += rest;
    } else if rest > 0 {
        audit.gaps += 1;
        audit.lost += rest;
        faults.push(|| format!("{}: {end}..{} has no receipt", whole.name, whole.end));
    }
}

/// Indexes that went into an output or are not mapped. A letter may speak for the rest of a
/// payload, and so for indexes outside a selection.
fn fates(input: &Input) -> Runs {
    Runs::union([&input.output, &input.not_mapped])
}

/// Within one receipt, every index it covers has exactly one outcome.
fn check_outcomes(name: &str, input: &Input, audit: &mut StageAudit, faults: &mut Faults) {
    let outcomes = [&input.output, &input.dead, &input.not_mapped];
    let union = Runs::union(outcomes);
    let sum: i64 = outcomes.iter().map(|runs| runs.count()).sum();
    audit.output += input.output.count();
    audit.not_mapped += input.not_mapped.count();
    audit.dead += input.dead.count();
    audit.datapoints += union.count();
    if sum > union.count() {
        audit.both += sum - union.count();
        faults.push(|| format!("{name}: {} indexes have two outcomes", sum - union.count()));
    }
    let is_raw = matches!(input.source, Source::RawSource { .. });
    let wanted = match &input.selection {
        Some(selection) => selection.clip(input.from, input.to),
        // Offsets may have holes, so that a raw range says nothing of how many there are.
        None if is_raw => union.clip(input.from, input.to),
        None => Runs::range(input.from, input.to),
    };
    let missing = wanted.iter().filter(|index| !union.contains(*index)).count() as i64;
    if missing > 0 {
        audit.lost += missing;
        faults.push(|| format!("{name}: {missing} indexes of a receipt have no outcome"));
    }
    let outside = union.count() - union.clip(input.from, input.to).count();
    if outside > 0 {
        audit.phantom += outside;
        faults.push(|| format!("{name}: {outside} outcomes outside the receipt's range"));
    }
}
