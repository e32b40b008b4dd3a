//! Every datapoint has exactly one fate, and only its own doing decides it.

use cordon_records::{
    Runs,
    cell::{Mode, Sentenced},
};
use expect_test::expect;
use proptest::prelude::*;
use std::time::Duration;

use crate::{
    bench::{Batch, VecCell, lines, payload},
    toy::VerbatimToy,
};

#[test]
fn each_verb_has_its_fate() {
    let batch = Batch::of(&[
        "nodes a b",
        "skip",
        "reject no good",
        "panic oh dear",
        "nothing",
        "nodes a",
        "panic even twice",
    ]);
    let done = batch.run();
    done.check(&batch.job);
    expect![[r#"
        0..7 output 0..1,5..6 not_mapped 1..2,4..5 [2..3 rejected: no good "reject no good"] [3..4 panic: oh dear "panic oh dear"] [6..7 panic: even twice ""] n=7
    "#]]
    .assert_eq(&done.story());
    assert_eq!(done.report().elements_in, 3);
    assert_eq!(done.report().elements_out, 2);
}

#[test]
fn a_result_that_no_container_takes_is_the_death_of_its_datapoint() {
    let batch = Batch::of(&["nodes a", "nodes b", "huge", "nodes c", "huge", "nodes d e", "skip"]);
    let done = batch.run_stage(&VerbatimToy, VecCell::default()).unwrap();
    done.check(&batch.job);
    expect![[r#"
        0..7 output 0..2,3..4,5..6 not_mapped 6..7 [2..3 size: a datapoint of 3280864 bytes is larger than 2097152 "huge"] [4..5 size: a datapoint of 3280864 bytes is larger than 2097152 "huge"] n=7
    "#]]
    .assert_eq(&done.story());
    assert_eq!(done.report().elements_in, 5);
    let died = batch.run_stage(&VerbatimToy, VecCell::dying_at(0, 6)).unwrap_err();
    let again =
        batch.with_frames(&died.frames).run_stage(&VerbatimToy, VecCell::default()).unwrap();
    assert_eq!((again.report, again.output), (done.report, done.output));
}

#[test]
fn items_without_a_home_go_to_any_partition() {
    let batch = Batch::of(&["nodes a b", "nodes a"]);
    let done = batch.run_stage(&VerbatimToy, VecCell::default()).unwrap();
    done.check(&batch.job);
    let [section] = &done.report().sections[..] else { panic!("one section") };
    assert_eq!((section.partition, section.datapoints), (-1, 3));
}

#[test]
fn letters_keep_their_limits() {
    let long = format!("reject {}", "é".repeat(3000));
    let batch = Batch::of(&[&long]);
    let done = batch.run();
    let letter = &done.only_part().letters[0];
    assert_eq!(letter.detail, "é".repeat(128));
    assert_eq!(letter.excerpt, &long.as_bytes()[..1024]);
}

#[test]
fn two_equal_payloads_give_one_output() {
    let said = lines(&["nodes a b", "nodes b c d", "skip"]);
    let one = Batch::new().part(&payload(&said, 2), 3).run();
    let batch = Batch::new().part(&payload(&said, 2), 3).part(&payload(&said, 2), 3);
    let two = batch.run();
    two.check(&batch.job);
    assert_eq!(two.output, one.output);
    assert_eq!(two.report().elements_in, 2 * one.report().elements_in);
}

#[test]
fn a_selection_is_all_that_is_touched() {
    let mut batch = Batch::of(&["panic", "nodes a", "panic", "skip", "nodes b", "panic"]);
    batch.last_part().selection = Some([1, 3, 4].into_iter().collect());
    let done = batch.run();
    done.check(&batch.job);
    expect![[r#"
        0..6 output 1..2,4..5 not_mapped 3..4
    "#]]
    .assert_eq(&done.story());
}

#[test]
fn an_empty_selection_covers_its_part() {
    let mut batch = Batch::of(&["panic", "panic"]);
    batch.last_part().selection = Some(Runs::EMPTY);
    let done = batch.run();
    done.check(&batch.job);
    expect![[r#"
        0..2 n=2
    "#]]
    .assert_eq(&done.story());
}

#[test]
fn a_part_of_a_payload_ends_where_it_should() {
    let mut batch = Batch::of(&["panic", "nodes a", "nodes b", "panic"]);
    batch.last_part().from = 1;
    batch.last_part().to = 3;
    let done = batch.run();
    done.check(&batch.job);
    expect![[r#"
        1..3 output 1..3
    "#]]
    .assert_eq(&done.story());
}

#[test]
fn the_sentenced_are_skipped_with_their_letter() {
    let mut batch = Batch::of(&["nodes a", "nodes b", "nodes c"]);
    batch.job.sentenced.push(Sentenced {
        part: 0,
        index: 1,
        reason: "deadline".into(),
        detail: "too slow".into(),
        excerpt: b"nodes b".to_vec(),
    });
    let done = batch.run();
    done.check(&batch.job);
    expect![[r#"
        0..3 output 0..1,2..3 [1..2 deadline: too slow "nodes b"] n=3
    "#]]
    .assert_eq(&done.story());
    assert_eq!(done.report().elements_out, 2);
}

#[test]
fn no_chunk_is_opened_once_the_time_is_spent() {
    let said = vec!["nodes a"; 10];
    let mut batch = Batch::of(&said).part(&payload(&lines(&said), 5), 10);
    batch.job.budget_ms = 5;
    let done = batch.run_in(VecCell::slow(Duration::from_millis(1))).unwrap();
    done.check(&batch.job);
    expect![[r#"
        0..6 output 0..6
        0..0
    "#]]
    .assert_eq(&done.story());

    batch.job.budget_ms = 1;
    let slower = VecCell::slow(Duration::from_secs(1));
    expect![[r#"
        0..3 output 0..3
        0..0
    "#]]
    .assert_eq(&batch.run_in(slower).unwrap().story());
}

#[test]
fn a_suspect_alone_leaves_frames_and_no_seal() {
    let mut batch = Batch::of(&["panic", "nodes a", "panic"]);
    batch.job.mode = Mode::Frames;
    batch.last_part().from = 1;
    batch.last_part().to = 2;
    let done = batch.run();
    assert_eq!(done.report, None);
    assert!(!done.is_sealing);
    let mut frames = &done.frames[..];
    let frame = cordon_body::frames::take(&mut frames).unwrap();
    assert_eq!((frame.from, frame.to, frame.items), (1, 2, 1));
    assert!(frames.is_empty());
}

#[test]
fn an_extract_quotes_the_datapoint_and_runs_nothing() {
    let mut batch = Batch::of(&["panic", "panic on the right one", "panic"]);
    batch.job.mode = Mode::Extract;
    batch.last_part().from = 1;
    batch.last_part().to = 2;
    let done = batch.run();
    let letters = &done.only_part().letters;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].excerpt, b"panic on the right one");

    batch.input.truncate(batch.input.len() / 2);
    batch.last_part().len_bytes = batch.input.len() as i64;
    batch.last_part().from = 2;
    batch.last_part().to = 3;
    assert!(batch.run().only_part().letters.is_empty());
}

pub(crate) fn said() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::collection::vec("[a-f]", 1..4).prop_map(|words| format!("nodes {}", words.join(" "))),
        1 => Just("skip".to_owned()),
        1 => Just("nothing".to_owned()),
        1 => Just("reject why".to_owned()),
        1 => Just("panic why".to_owned()),
    ]
}

/// Batches of up to three payloads in any chunk and section size.
pub(crate) fn batch() -> impl Strategy<Value = Batch> {
    let part = (prop::collection::vec(said(), 0..20), 1_usize..6);
    (prop::collection::vec(part, 1..4), 1..8_i32).prop_map(|(parts, chunk_datapoints)| {
        let mut batch = Batch::new();
        for (said, section_datapoints) in parts {
            batch = batch.part(&payload(&said, section_datapoints), said.len());
        }
        batch.job.chunk_datapoints = chunk_datapoints;
        batch
    })
}

proptest! {
    #[test]
    fn fates_tile_any_batch(batch in batch()) {
        batch.run().check(&batch.job);
    }

    #[test]
    fn chunks_do_not_show_in_the_result(batch in batch(), chunk_datapoints in 1..40_i32) {
        let mut other = batch.clone();
        other.job.chunk_datapoints = chunk_datapoints;
        let (one, two) = (batch.run(), other.run());
        prop_assert_eq!(one.report, two.report);
        prop_assert_eq!(one.output, two.output);
    }
}
