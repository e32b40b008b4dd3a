//! Each kind of fault, planted in a clean pipeline, is found and named as what it is.

use cordon_records::{
    BatchId, Digest, Input, Lane, Letter, Output, Pointer, Receipt, Run, Runs, Source,
    single_object::encode,
};

use super::{AuditReport, Evidence, StageKind, StageWiring};

const KEY: &str = "logs/1700000000000-6f1ddc2a-58a4-4f0c-8d5d-3c1e0b8a9f10";
const OUT: &str = "subgraphs/1700000000000-6f1ddc2a-58a4-4f0c-8d5d-3c1e0b8a9f11";

fn wiring() -> Vec<StageWiring> {
    vec![StageWiring {
        stage: "generate".into(),
        inputs: vec!["logs".into()],
        kind: StageKind::Pointers,
        outputs: vec!["subgraphs".into(), "subgraphs.replay".into()],
    }]
}

fn pointer(stage: &str, key: &str, n: i64) -> Pointer {
    Pointer {
        bucket: "cordon".into(),
        key: key.into(),
        range_start_bytes: 0,
        range_bytes: 9,
        digest: Some(Digest([1; 32])),
        datapoints: Some(n),
        decoded_bytes: 9,
        schema: 0,
        time_min_ms: None,
        time_max_ms: None,
        stage: stage.into(),
        stage_version: "1".into(),
        selection: None,
        redrives: Vec::new(),
    }
}

fn input(from: i64, to: i64) -> Input {
    Input {
        source: Source::PointerSource {
            topic: "logs".into(),
            partition: 0,
            offset: 5,
            key: KEY.into(),
            digest: Some(Digest([1; 32])),
            datapoints: Some(10),
        },
        from,
        to,
        output: Runs::range(from, to),
        dead: Runs::EMPTY,
        not_mapped: Runs::EMPTY,
        selection: None,
        redrives: Vec::new(),
    }
}

fn output() -> Output {
    Output {
        topic: "subgraphs".into(),
        partition: 0,
        bucket: "cordon".into(),
        key: OUT.into(),
        range_start_bytes: 0,
        range_bytes: 9,
        digest: Digest([1; 32]),
        datapoints: 4,
    }
}

fn receipt(batch: u8, inputs: Vec<Input>, outputs: Vec<Output>) -> Receipt {
    Receipt {
        batch: BatchId([batch; 16]),
        stage: "generate".into(),
        stage_version: "1".into(),
        slot: "generate-0".into(),
        lane: Lane::Live,
        time_ms: 0,
        inputs,
        outputs,
        elements_in: 9,
        elements_out: 4,
    }
}

fn letter(batch: u8, index: i64) -> Letter {
    Letter {
        id: format!("generate/logs/0/5/{index}"),
        batch: BatchId([batch; 16]),
        stage: "generate".into(),
        stage_version: "1".into(),
        time_ms: 0,
        topic: "logs".into(),
        partition: 0,
        offset: 5,
        from: index,
        to: index + 1,
        bucket: "cordon".into(),
        key: KEY.into(),
        reason: "rejected".into(),
        detail: String::new(),
        attempts: 1,
        excerpt: Vec::new(),
        redrives: Vec::new(),
    }
}

/// One payload of ten datapoints in two batches: five mapped, one dead, four not mapped.
fn clean() -> (Vec<Receipt>, Vec<Letter>, Vec<Pointer>) {
    let mut second = input(5, 10);
    second.output = Runs::EMPTY;
    second.dead = Runs::range(5, 6);
    second.not_mapped = Runs::range(6, 10);
    let receipts =
        vec![receipt(1, vec![input(0, 5)], vec![output()]), receipt(2, vec![second], Vec::new())];
    (receipts, vec![letter(2, 5)], vec![pointer("generate", OUT, 4)])
}

fn judge(receipts: &[Receipt], letters: &[Letter], outputs: &[Pointer]) -> AuditReport {
    let mut evidence = Evidence::default();
    evidence.pointer("logs", 0, 5, &encode(&pointer("ingest", KEY, 10)).unwrap());
    for (offset, pointer) in outputs.iter().enumerate() {
        evidence.pointer("subgraphs", 0, offset as i64, &encode(pointer).unwrap());
    }
    receipts.iter().for_each(|receipt| evidence.receipt(&encode(receipt).unwrap()));
    letters.iter().for_each(|letter| evidence.letter(&encode(letter).unwrap()));
    evidence.judge(&wiring())
}

#[test]
fn a_clean_pipeline_is_clean() {
    let (receipts, letters, outputs) = clean();
    let report = judge(&receipts, &letters, &outputs);
    assert!(report.total.is_clean(), "{report:?}");
    let stage = report.stage("generate");
    assert_eq!((stage.datapoints, stage.output, stage.dead, stage.not_mapped), (10, 5, 1, 4));
    assert_eq!((stage.pending, stage.batches, stage.pointers_out), (0, 2, 1));
}

#[test]
fn a_gap_is_lost() {
    let (mut receipts, letters, outputs) = clean();
    receipts[0].inputs[0] = input(0, 3);
    let total = judge(&receipts, &letters, &outputs).total;
    assert_eq!((total.lost, total.gaps, total.duplicated), (2, 1, 0));
}

#[test]
fn an_overlap_is_duplicated() {
    let (mut receipts, letters, outputs) = clean();
    receipts[0].inputs[0] = input(0, 7);
    let total = judge(&receipts, &letters, &outputs).total;
    assert_eq!((total.duplicated, total.overlaps, total.lost), (2, 1, 0));
}

#[test]
fn two_outcomes_are_both() {
    let (mut receipts, letters, outputs) = clean();
    receipts[0].inputs[0].not_mapped = Runs::range(2, 4);
    assert_eq!(judge(&receipts, &letters, &outputs).total.both, 2);
}

#[test]
fn an_index_without_outcome_is_lost() {
    let (mut receipts, letters, outputs) = clean();
    receipts[1].inputs[0].not_mapped = Runs::range(6, 9);
    assert_eq!(judge(&receipts, &letters, &outputs).total.lost, 1);
}

#[test]
fn fates_of_what_is_not_there_are_phantoms() {
    let (mut receipts, letters, outputs) = clean();
    receipts[1].inputs[0].to = 12;
    receipts[1].inputs[0].not_mapped = Runs::range(6, 12);
    assert!(judge(&receipts, &letters, &outputs).total.phantom >= 2);

    let (mut receipts, letters, outputs) = clean();
    if let Source::PointerSource { offset, .. } = &mut receipts[0].inputs[0].source {
        *offset = 99;
    }
    assert_eq!(judge(&receipts, &letters, &outputs).total.phantom, 5);
}

#[test]
fn what_comes_after_the_last_receipt_is_pending_not_lost() {
    let (receipts, _, outputs) = clean();
    let total = judge(&receipts[..1], &[], &outputs).total;
    assert_eq!((total.pending, total.lost), (5, 0));
}

#[test]
fn a_missing_output_pointer_is_lost_and_a_stray_one_a_phantom() {
    let (receipts, letters, outputs) = clean();
    assert_eq!(judge(&receipts, &letters, &[]).total.lost, 4);
    let twice = [outputs[0].clone(), outputs[0].clone()];
    assert_eq!(judge(&receipts, &letters, &twice).total.duplicated, 4);
    let stray = pointer("generate", &OUT.replace("f11", "f12"), 4);
    assert_eq!(judge(&receipts, &letters, &[outputs[0].clone(), stray]).total.phantom, 1);
}

#[test]
fn letters_and_dead_indexes_must_be_the_same() {
    let (receipts, letters, outputs) = clean();
    assert_eq!(judge(&receipts, &[], &outputs).total.lost, 1);
    let twice = [letters[0].clone(), letters[0].clone()];
    assert_eq!(judge(&receipts, &twice, &outputs).total.duplicated, 1);
    let stray = [letters[0].clone(), letter(2, 7)];
    assert_eq!(judge(&receipts, &stray, &outputs).total.phantom, 1);
    let foreign = [letters[0].clone(), letter(9, 7)];
    assert_eq!(judge(&receipts, &foreign, &outputs).total.phantom, 1);
}

#[test]
fn outside_a_selection_nobody_is_missed() {
    let (_, _, outputs) = clean();
    let selection = Runs::from_iter([1, 2, 8]);
    let mut pointer = pointer("ingest", KEY, 10);
    pointer.selection = Some(selection.clone());
    let mut only = input(0, 10);
    only.output = selection.clone();
    only.selection = Some(selection);
    let receipts = [receipt(1, vec![only], vec![output()])];
    let mut evidence = Evidence::default();
    evidence.pointer("logs", 0, 5, &encode(&pointer).unwrap());
    evidence.pointer("subgraphs", 0, 0, &encode(&outputs[0]).unwrap());
    receipts.iter().for_each(|receipt| evidence.receipt(&encode(receipt).unwrap()));
    let report = evidence.judge(&wiring());
    assert!(report.total.is_clean(), "{report:?}");
    assert_eq!(report.total.datapoints, 3);
}

#[test]
fn a_file_ingested_again_is_reingested() {
    let file = |from, to| {
        let mut input = input(from, to);
        input.source = Source::FileSource { sha256: Digest::default(), name: "a.json".into() };
        input
    };
    let mut wiring = wiring();
    wiring[0].inputs.clear();
    let mut evidence = Evidence::default();
    for (batch, range) in [(1, file(0, 4)), (2, file(4, 9)), (3, file(0, 6))] {
        evidence.receipt(&encode(&receipt(batch, vec![range], Vec::new())).unwrap());
    }
    let total = evidence.judge(&wiring).total;
    assert!(total.is_clean());
    assert_eq!((total.reingested, total.datapoints), (6, 15));

    let mut evidence = Evidence::default();
    evidence.receipt(&encode(&receipt(1, vec![file(3, 9)], Vec::new())).unwrap());
    assert_eq!(evidence.judge(&wiring).total.lost, 3);
}

#[test]
fn holes_in_raw_offsets_are_control_records() {
    let mut wiring = wiring();
    wiring[0].inputs = vec!["raw".into()];
    wiring[0].kind = StageKind::Records;
    let mut evidence = Evidence::default();
    for offset in [0, 1, 3, 4] {
        evidence.raw("raw", 2, offset);
    }
    let raw = |runs: &[Run]| {
        let mut input = input(runs[0].start, runs[runs.len() - 1].end());
        input.source = Source::RawSource { topic: "raw".into(), partition: 2 };
        input.output = runs.iter().flat_map(|run| run.start..run.end()).collect();
        input
    };
    let first = raw(&[Run { start: 0, len: 2 }, Run { start: 3, len: 1 }]);
    evidence.receipt(&encode(&receipt(1, vec![first], vec![output()])).unwrap());
    evidence.pointer("subgraphs", 0, 0, &encode(&pointer("generate", OUT, 4)).unwrap());
    let total = evidence.judge(&wiring).total;
    assert!(total.is_clean());
    assert_eq!((total.datapoints, total.pending), (3, 1));
}

/// The wiring of a pipeline in which `logs` can be emitted again.
fn replayed() -> Vec<StageWiring> {
    let mut stages = wiring();
    stages[0].inputs.push("logs.replay".into());
    stages.insert(
        0,
        StageWiring {
            stage: "ingest".into(),
            inputs: Vec::new(),
            kind: StageKind::Pointers,
            outputs: vec!["logs".into()],
        },
    );
    stages.push(StageWiring {
        stage: "replay".into(),
        inputs: vec!["logs".into()],
        kind: StageKind::Replayer,
        outputs: vec!["logs.replay".into()],
    });
    stages
}

/// A receipt of a replay, of the pointer at each of these offsets of `logs`.
fn emitted(batch: u8, slot: &str, offsets: &[i64]) -> Receipt {
    let of_pointer = |offset: &i64| {
        let mut input = input(0, 10);
        if let Source::PointerSource { offset: at, .. } = &mut input.source {
            *at = *offset;
        }
        input
    };
    let promise =
        Output { topic: "logs.replay".into(), key: KEY.into(), datapoints: 10, ..output() };
    Receipt {
        stage: "replay".into(),
        slot: slot.into(),
        lane: Lane::Replay,
        ..receipt(batch, offsets.iter().map(of_pointer).collect(), vec![promise; offsets.len()])
    }
}

/// Judges replays of two pointers of `logs` to the same payload, with so many pointers in the
/// replay lane, none of which was consumed.
fn judge_replays(receipts: &[Receipt], in_lane: i64) -> AuditReport {
    let mut evidence = Evidence::default();
    let value = encode(&pointer("outside", KEY, 10)).unwrap();
    for offset in [5, 7] {
        evidence.pointer("logs", 0, offset, &value);
    }
    for offset in 0..in_lane {
        evidence.pointer("logs.replay", 1, offset, &encode(&pointer("ingest", KEY, 10)).unwrap());
    }
    receipts.iter().for_each(|receipt| evidence.receipt(&encode(receipt).unwrap()));
    evidence.judge(&replayed())
}

#[test]
fn what_is_emitted_again_has_a_receipt_and_is_nobodys_duplicate() {
    let twice = [emitted(1, "a", &[5, 7]), emitted(2, "b", &[5]), emitted(3, "b", &[7])];
    let report = judge_replays(&twice, 4);
    assert!(report.total.is_clean(), "{report:?}");
    // Two pointers of `logs` and four of its twin wait for generate.
    assert_eq!((report.total.pending, report.stage("replay").pointers_out), (60, 4));

    let stray = judge_replays(&twice, 5);
    assert_eq!((stray.total.duplicated, stray.total.lost), (10, 0), "{stray:?}");
    let missing = judge_replays(&twice, 3);
    assert_eq!((missing.total.duplicated, missing.total.lost), (0, 10), "{missing:?}");
    let forged = judge_replays(&[], 2);
    assert_eq!(forged.total.phantom, 2, "{forged:?}");
}

#[test]
fn one_replay_emits_each_pointer_once() {
    let again = judge_replays(&[emitted(1, "a", &[5]), emitted(2, "a", &[5, 7])], 3);
    assert_eq!((again.stage("replay").duplicated, again.stage("replay").overlaps), (10, 1));
    let mut three = Evidence::default();
    for offset in [5, 6, 7] {
        three.pointer("logs", 0, offset, &encode(&pointer("outside", KEY, 10)).unwrap());
    }
    three.pointer("logs.replay", 1, 0, &encode(&pointer("ingest", KEY, 10)).unwrap());
    three.pointer("logs.replay", 1, 1, &encode(&pointer("ingest", KEY, 10)).unwrap());
    three.receipt(&encode(&emitted(1, "a", &[5, 7])).unwrap());
    let left_out = three.judge(&replayed()).stage("replay");
    assert_eq!((left_out.lost, left_out.gaps, left_out.duplicated), (10, 1, 0));
}

#[test]
fn a_letter_is_driven_again_once() {
    let mut receipt = emitted(1, "redrive", &[5, 5]);
    for (input, letters) in receipt.inputs.iter_mut().zip([["a", "b"], ["c", "a"]]) {
        input.redrives = letters.map(str::to_owned).into();
    }
    assert_eq!(judge_replays(&[receipt.clone()], 2).stage("replay").duplicated, 10);
    receipt.inputs[1].redrives = vec!["c".into()];
    assert!(judge_replays(&[receipt], 2).total.is_clean());
}

#[test]
fn a_pointer_of_the_lister_comes_from_outside() {
    let mut evidence = Evidence::default();
    let listed = Pointer { digest: None, datapoints: None, ..pointer("lister", KEY, 10) };
    evidence.pointer("logs.replay", 0, 0, &encode(&listed).unwrap());
    assert!(evidence.judge(&replayed()).total.is_clean());

    // Also beside a replay's pointer to the same bytes.
    evidence.pointer("logs", 0, 5, &encode(&pointer("outside", KEY, 10)).unwrap());
    evidence.pointer("logs.replay", 0, 1, &encode(&pointer("ingest", KEY, 10)).unwrap());
    evidence.receipt(&encode(&emitted(1, "a", &[5])).unwrap());
    let report = evidence.judge(&replayed());
    assert!(report.total.is_clean(), "{report:?}");
}
