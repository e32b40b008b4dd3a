//! The verdict over a run: the accounting by the audit, and the content by the plan.

use std::collections::BTreeMap;

use cordon_audit::{AuditReport, Evidence, StageKind, StageWiring};
use cordon_courier::event::PayloadRef;
use cordon_kafka::{log::TopicPartition, progress::Progress};
use cordon_records::{Lane, Letter, ObjectKey, Pointer, Reason, Receipt, Source, single_object};

use crate::{
    datapoint::{Datapoint, OUTPUT_BYTES},
    plan::{
        DEAD, GROUP, Health, INPUT, INPUT_REPLAY, OUTPUT, OUTPUT_REPLAY, PlannedInput, RECEIPTS,
        STAGE,
    },
    world::World,
};

/// What is wrong with what a run left behind.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// In words; nothing if all is well.
    pub(crate) faults: Vec<String>,
    pub(crate) lost: i64,
    pub(crate) duplicated: i64,
}

/// Judges a run.
pub(crate) fn verdict(world: &World) -> Verdict {
    let report = audit(world);
    let mut faults: Vec<String> = report.faults.iter().map(str::to_owned).collect();
    if !report.total.is_clean() || report.total.pending != 0 {
        faults.push(format!("the audit is not clean: {:?}", report.total));
    }
    let outputs = outputs(world, &mut faults);
    let letters = letters(world, &mut faults);
    for (input, place) in world.shared.plan.inputs.iter().zip(&world.places) {
        check_input(world, input, place, &outputs, &letters, &mut faults);
    }
    faults.extend(markers(world));
    faults.extend(lanes(world));
    faults.extend(world.shared.faults.iter().cloned());
    Verdict { faults, lost: report.total.lost, duplicated: report.total.duplicated }
}

/// Receipts and letters against the input.
fn audit(world: &World) -> AuditReport {
    let is_raw = world.shared.plan.is_raw();
    let mut evidence = Evidence::default();
    world.shared.log.drive(|broker| {
        for topic in [INPUT, INPUT_REPLAY] {
            for record in broker.committed_records(topic) {
                let partition = record.at.partition;
                if is_raw {
                    evidence.raw(topic, partition, record.offset);
                } else {
                    evidence.pointer(topic, partition, record.offset, &record.value);
                }
            }
        }
        for topic in [OUTPUT, OUTPUT_REPLAY] {
            for record in broker.committed_records(topic) {
                evidence.pointer(topic, record.at.partition, record.offset, &record.value);
            }
        }
        broker.committed_records(RECEIPTS).iter().for_each(|r| evidence.receipt(&r.value));
        broker.committed_records(DEAD).iter().for_each(|r| evidence.letter(&r.value));
    });
    let wiring = StageWiring {
        stage: STAGE.to_owned(),
        inputs: vec![INPUT.to_owned(), INPUT_REPLAY.to_owned()],
        kind: if is_raw { StageKind::Records } else { StageKind::Pointers },
        outputs: vec![OUTPUT.to_owned(), OUTPUT_REPLAY.to_owned()],
    };
    evidence.judge(&[wiring])
}

/// How often each datapoint is in an output that a committed pointer names.
fn outputs(world: &World, faults: &mut Vec<String>) -> BTreeMap<u32, u32> {
    let records = world.shared.log.drive(|broker| {
        [OUTPUT, OUTPUT_REPLAY].map(|topic| broker.committed_records(topic)).concat()
    });
    let mut outputs = BTreeMap::new();
    for record in records {
        let pointer: Pointer =
            single_object::decode(&record.value).expect("the courier wrote a pointer");
        let payload = PayloadRef {
            key: ObjectKey::parse(&pointer.key).expect("the courier wrote a key"),
            range_start_bytes: pointer.range_start_bytes,
            range_bytes: pointer.range_bytes,
            digest: pointer.digest,
        };
        match world.shared.objects.get(&payload) {
            Ok(bytes) => {
                for id in bytes.chunks_exact(OUTPUT_BYTES) {
                    let id = u32::from_be_bytes(id.try_into().expect("four bytes"));
                    if id as i32 % world.shared.plan.settings.output_partitions
                        != record.at.partition
                    {
                        faults.push(format!("datapoint {id} lies in {}", record.at));
                    }
                    *outputs.entry(id).or_default() += 1;
                }
            }
            Err(why) => faults.push(format!("{} names what is not there: {why:?}", record.at)),
        }
    }
    outputs
}

type Letters = BTreeMap<(TopicPartition, i64, i64), Vec<Reason>>;

/// The reasons of each dead index; a surplus letter stands at n.
fn letters(world: &World, faults: &mut Vec<String>) -> Letters {
    let mut letters = Letters::new();
    for record in world.shared.log.drive(|broker| broker.committed_records(DEAD)) {
        let letter: Letter = single_object::decode(&record.value).expect("the courier's letter");
        let Some(reason) = Reason::from_word(&letter.reason) else {
            faults.push(format!("a letter's reason is {}", letter.reason));
            continue;
        };
        let at = TopicPartition::new(letter.topic.as_str(), letter.partition);
        for index in letter.from..letter.to.max(letter.from + 1) {
            letters.entry((at.clone(), letter.offset, index)).or_default().push(reason);
        }
    }
    letters
}

fn check_input(
    world: &World,
    input: &PlannedInput,
    place: &(TopicPartition, i64),
    outputs: &BTreeMap<u32, u32>,
    letters: &Letters,
    faults: &mut Vec<String>,
) {
    let (at, offset) = place;
    let is_raw = world.shared.plan.is_raw();
    let reasons = |index: i64| -> &[Reason] {
        let index = if is_raw { *offset } else { index };
        letters.get(&(at.clone(), *offset, index)).map_or(&[], Vec::as_slice)
    };
    for index in input.wanted().iter() {
        let datapoint = usize::try_from(index).ok().and_then(|index| input.datapoints.get(index));
        let count = datapoint.map_or(0, |one| outputs.get(&one.id).copied().unwrap_or(0));
        let place = format!("{at}@{offset}[{index}] {datapoint:?} ({:?})", input.health);
        let is_war = world.shared.plan.rates.is_war;
        if is_war && count == 0 && reasons(index) == [Reason::Machine] {
            // So many couriers died over it that it could not be told from a killer.
            continue;
        }
        if let Some(fault) = judge(input.health, datapoint, count, reasons(index)) {
            faults.push(format!("{place}: {fault}; in {count} outputs, {:?}", reasons(index)));
        }
    }
    // What is outside a selection, or beyond what the pointer counts, is nobody's output.
    for (index, one) in (0..).zip(&input.datapoints) {
        if !input.wanted().contains(index) && outputs.contains_key(&one.id) {
            faults.push(format!("{at}@{offset}[{index}] was not asked for, and is an output"));
        }
    }
}

fn judge(
    health: Health,
    datapoint: Option<&Datapoint>,
    outputs: u32,
    reasons: &[Reason],
) -> Option<&'static str> {
    let expected: &[Reason] = match (health, datapoint) {
        (Health::Missing, _) => &[Reason::Missing],
        (Health::Damaged, _) => &[Reason::Digest],
        (Health::NoPointer, _) => &[Reason::Pointer],
        (Health::Sound, None) => &[Reason::Count],
        (Health::Sound, Some(one)) => one.nature.reasons(),
    };
    if outputs + reasons.len() as u32 > 1 {
        return Some("more than one fate");
    }
    if let [reason] = reasons {
        return (!expected.contains(reason)).then_some("dead for the wrong reason");
    }
    let may_come_through = match (health, datapoint) {
        (Health::Sound, Some(one)) => one.nature.may_come_through(),
        _ => false,
    };
    if outputs == 1 {
        return (!may_come_through).then_some("an output that should not be");
    }
    (may_come_through || !expected.is_empty()).then_some("neither in an output nor dead")
}

/// After a graceful stop no crash marker stands.
fn markers(world: &World) -> Vec<String> {
    let mut faults = Vec::new();
    for at in world.partitions() {
        let committed = world.shared.log.drive(|broker| broker.committed_offset(GROUP, &at));
        let metadata = committed.map(|committed| committed.metadata).unwrap_or_default();
        match Progress::parse(&metadata) {
            Ok(progress) if progress.is_start() => {}
            Ok(progress) => faults.push(format!("{at}: {progress} after a graceful stop")),
            Err(fault) => faults.push(format!("{at}: {fault}")),
        }
    }
    faults
}

/// A batch never mixes lanes, its receipt says which it was, and its output goes to the same.
fn lanes(world: &World) -> Vec<String> {
    let mut faults = Vec::new();
    for record in world.shared.log.drive(|broker| broker.committed_records(RECEIPTS)) {
        let receipt: Receipt = single_object::decode(&record.value).expect("the courier's receipt");
        let lane_of_output = if receipt.lane == Lane::Live { OUTPUT } else { OUTPUT_REPLAY };
        for output in receipt.outputs.iter().filter(|output| output.topic != lane_of_output) {
            faults.push(format!(
                "batch {} of {:?} wrote to {}",
                receipt.batch, receipt.lane, output.topic
            ));
        }
        for input in &receipt.inputs {
            let (Source::PointerSource { topic, .. } | Source::RawSource { topic, .. }) =
                &input.source
            else {
                faults.push(format!("batch {} consumed no topic", receipt.batch));
                continue;
            };
            let lane = if topic == INPUT { Lane::Live } else { Lane::Replay };
            if lane != receipt.lane {
                faults.push(format!(
                    "batch {} of {:?} took from {topic}",
                    receipt.batch, receipt.lane
                ));
            }
        }
    }
    faults
}
