//! Frames from a compromised cell: believed or not, they break nothing.

use cordon_body::{BodyFault, frames, run};
use cordon_records::{
    Run, Runs,
    cell::{CellLetter, Frame},
};
use proptest::prelude::*;

use crate::{
    bench::{Batch, VecCell},
    fates::batch,
    toy::Toy,
};

fn two() -> Batch {
    Batch::of(&["nodes a", "nodes b", "skip", "nodes c"])
}

/// The first frame of the batch: datapoints 0 to 2, after `lie` changed it.
fn lying(lie: impl FnOnce(&mut Frame)) -> Vec<u8> {
    let honest = two().run().frames;
    let mut frame = frames::take(&mut &honest[..]).unwrap();
    lie(&mut frame);
    let mut bytes = Vec::new();
    frames::put(&frame, &mut bytes).unwrap();
    bytes
}

/// Whether the batch, given these frames, begins with datapoint 3 instead of 0.
fn is_believed(frames: &[u8]) -> bool {
    let batch = two().with_frames(frames);
    let done = batch.run();
    done.check(&batch.job);
    let cell = VecCell::dying_at(0, 0);
    let is_believed = batch.run_in(cell).is_ok();
    if !is_believed {
        assert_eq!(done.output, two().run().output, "it is as if there were no frames");
    }
    is_believed
}

fn letter(from: i64, to: i64) -> CellLetter {
    CellLetter { from, to, reason: "rejected".into(), detail: String::new(), excerpt: Vec::new() }
}

/// Runs that no honest writer makes.
fn raw_runs(runs: &[(i64, i64)]) -> Runs {
    let runs: Vec<Run> = runs.iter().map(|&(start, len)| Run { start, len }).collect();
    serde_json::from_value(serde_json::to_value(runs).unwrap()).unwrap()
}

#[test]
fn an_honest_frame_is_believed() {
    assert!(is_believed(&lying(|_| {})));
}

#[test]
fn a_frame_that_does_not_add_up_is_not() {
    type Lie = fn(&mut Frame);
    let lies: &[(&str, Lie)] = &[
        ("no such part", |frame| frame.part = 1),
        ("a negative part", |frame| frame.part = -1),
        ("not the next chunk", |frame| (frame.from, frame.to) = (1, 3)),
        ("ends before it begins", |frame| frame.to = -1),
        ("covers nothing", |frame| frame.to = 0),
        ("beyond its part", |frame| {
            frame.to = 5;
            frame.output = Runs::range(0, 5);
        }),
        ("an index without a fate", |frame| frame.not_mapped = Runs::EMPTY),
        ("an index with two fates", |frame| frame.not_mapped = Runs::range(1, 3)),
        ("a letter on top of a fate", |frame| frame.letters.push(letter(2, 3))),
        ("a letter for many", |frame| {
            frame.output = Runs::range(0, 1);
            frame.not_mapped = Runs::EMPTY;
            frame.letters.push(letter(1, 3));
        }),
        ("an unknown reason", |frame| {
            frame.not_mapped = Runs::EMPTY;
            frame.letters.push(CellLetter { reason: "whim".into(), ..letter(2, 3) });
        }),
        ("letters out of order", |frame| {
            frame.output = Runs::EMPTY;
            frame.letters = vec![letter(1, 2), letter(0, 1)];
        }),
        ("runs out of order", |frame| frame.output = raw_runs(&[(1, 1), (0, 1)])),
        ("runs that overflow", |frame| frame.output = raw_runs(&[(0, i64::MAX), (1, i64::MAX)])),
        ("negative runs", |frame| frame.output = raw_runs(&[(0, -5), (0, 7)])),
        ("fewer items than it claims", |frame| frame.items += 1),
        ("more items than it claims", |frame| {
            frame.items -= 1;
            frame.elements_in -= 1;
        }),
        ("fewer before merging than after", |frame| frame.elements_in = 1),
        ("a negative count", |frame| frame.elements_in = i64::MIN),
        ("outputs without items", |frame| {
            (frame.items, frame.elements_in) = (0, 0);
            frame.encoded.clear();
        }),
        ("items that are none", |frame| frame.encoded.fill(0xFF)),
        ("a torn item", |frame| frame.encoded.truncate(frame.encoded.len() - 1)),
    ];
    for (name, lie) in lies {
        assert!(!is_believed(&lying(lie)), "{name}");
    }
}

/// Nobody can check how many there were before equal ones coalesced; it must only not overflow.
#[test]
fn a_count_before_merging_is_taken_at_its_word() {
    assert!(is_believed(&lying(|frame| frame.elements_in = i64::MAX)));
}

#[test]
fn what_follows_a_lie_is_not_believed_either() {
    let mut bytes = lying(|frame| frame.items += 1);
    bytes.extend(lying(|_| {}));
    assert!(!is_believed(&bytes));
}

#[test]
fn a_length_beyond_the_frames_ends_them() {
    assert!(!is_believed(&[0xFF; 12]));
    let mut honest = lying(|_| {});
    honest.extend(u32::MAX.to_le_bytes());
    assert!(is_believed(&honest));
}

#[test]
fn a_job_that_contradicts_itself_is_an_error() {
    type Break = fn(&mut Batch);
    let broken: &[(&str, Break)] = &[
        ("a part outside", |batch| batch.last_part().len_bytes += 1),
        ("a negative offset", |batch| batch.last_part().offset_bytes = -1),
        ("backwards", |batch| batch.last_part().from = 5),
        ("beyond n", |batch| batch.last_part().datapoints = Some(3)),
        ("no chunk", |batch| batch.job.chunk_datapoints = 0),
        ("frames outside", |batch| batch.job.frames_bytes = i64::MAX),
        ("no partition", |batch| batch.job.partitions = 0),
        ("a selection out of order", |batch| {
            batch.last_part().selection = Some(raw_runs(&[(2, 1), (0, 1)]));
        }),
    ];
    for (name, break_it) in broken {
        let mut batch = two();
        break_it(&mut batch);
        let fault = run(&Toy, &batch.job, &batch.input, &mut VecCell::default());
        assert!(matches!(fault, Err(BodyFault::Job(_))), "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_as_frames_break_nothing(batch in batch(), bytes: Vec<u8>) {
        let done = batch.with_frames(&bytes).run();
        done.check(&batch.job);
    }

    #[test]
    fn damaged_frames_break_nothing(
        batch in batch(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut frames = batch.run().frames;
        for (at, byte) in flips.iter().filter(|_| !frames.is_empty()).collect::<Vec<_>>() {
            let at = at.index(frames.len());
            frames[at] = *byte;
        }
        let done = batch.with_frames(&frames).run();
        done.check(&batch.job);
    }
}
