//! Frames of dead cells: what several cells give together is what one would have given.

use cordon_records::cell::Sentenced;
use proptest::prelude::*;

use crate::{
    bench::{Batch, Done, VecCell},
    fates::batch,
};

/// Runs the batch in cells that each die at one of these datapoints, counted over all parts, or
/// when they begin to seal, and at last in one that does not.
fn run_with_deaths(batch: &Batch, deaths: &[usize]) -> Done {
    let datapoints: Vec<(u32, u64)> = (0..)
        .zip(&batch.job.parts)
        .flat_map(|(number, part)| (0..part.to as u64).map(move |index| (number, index)))
        .collect();
    let mut frames = Vec::new();
    for &death in deaths {
        let dies_at = datapoints.get(death % (datapoints.len() + 1)).copied();
        let cell = match dies_at {
            Some((part, index)) => VecCell::dying_at(part, index),
            None => VecCell::dying_sealing(),
        };
        match batch.with_frames(&frames).run_in(cell) {
            // It had done that datapoint already.
            Ok(done) => frames.extend(done.frames),
            Err(died) => {
                assert!(dies_at.is_none() || died.at == dies_at);
                frames.extend(died.frames);
            }
        }
    }
    batch.with_frames(&frames).run()
}

proptest! {
    #[test]
    fn deaths_do_not_show_in_the_result(
        batch in batch(),
        deaths in prop::collection::vec(any::<usize>(), 1..5),
    ) {
        let (one, many) = (batch.run(), run_with_deaths(&batch, &deaths));
        prop_assert_eq!(one.report, many.report);
        prop_assert_eq!(one.output, many.output);
    }
}

#[test]
fn only_the_open_chunk_is_done_again() {
    let batch = Batch::of(&["nodes a"; 10]);
    let cell = VecCell::dying_at(0, 7);
    let died = batch.run_in(cell).unwrap_err();
    // It comes first to datapoint 6, the first without a frame.
    let cell = VecCell::dying_at(0, 5);
    assert!(batch.with_frames(&died.frames).run_in(cell).is_ok());
    let cell = VecCell::dying_at(0, 6);
    assert!(batch.with_frames(&died.frames).run_in(cell).unwrap_err().frames.is_empty());
}

#[test]
fn a_seal_cell_redoes_nothing() {
    let batch = Batch::of(&["nodes a", "panic", "nodes b", "skip"]);
    let died = batch.run_in(VecCell::dying_sealing()).unwrap_err();
    let sealed = batch.with_frames(&died.frames).run();
    assert!(sealed.frames.is_empty());
    assert_eq!(sealed.output, batch.run().output);
}

#[test]
fn a_frame_does_not_overrule_a_sentence() {
    let mut batch = Batch::of(&["nodes a", "nodes b", "nodes c"]);
    let frames = batch.run().frames;
    batch.job.sentenced.push(Sentenced {
        part: 0,
        index: 1,
        reason: "seal".into(),
        detail: String::new(),
        excerpt: Vec::new(),
    });
    let done = batch.with_frames(&frames).run();
    done.check(&batch.job);
    assert_eq!(done.only_part().letters[0].reason, "seal");
    assert_eq!(done.report().elements_out, 2);
}
