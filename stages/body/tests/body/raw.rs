//! Plain Kafka records: an index is an offset, with gaps, and the refused are set aside.

use std::borrow::Cow;

use cordon_body::{RawIntake, run_with};
use cordon_container::{ReadLimits, SectionReader};
use cordon_flow::{Fate, Graph, Stage};
use cordon_records::{
    Element, LogDatapoint, LogOrigin, Origin, Runs,
    raw::{RawRecord, frame},
    schema::{self, Family},
};
use expect_test::expect;

use crate::{
    bench::{Batch, VecCell, enclose},
    toy::Toy,
};

/// The toy stage over raw records.
struct RawToy;

impl Stage for RawToy {
    type Input<'a> = RawRecord<'a>;
    type Output = Graph;
    type Memory = ();

    fn input_schemas(&self) -> &'static Family {
        &schema::LOG_DATAPOINT
    }

    fn process(&self, record: &RawRecord<'_>, (): &mut (), emit: &mut Vec<Element>) -> Fate {
        let origin = Origin::Log(LogOrigin {
            topic: Cow::Borrowed(record.topic),
            partition: record.partition,
            offset: record.offset,
        });
        Toy.process(&LogDatapoint { origin, line: record.value }, &mut (), emit)
    }

    fn excerpt<'a>(&self, record: &'a RawRecord<'_>) -> Cow<'a, [u8]> {
        Cow::Borrowed(record.value)
    }
}

fn batch(records: &[(i64, &[u8])]) -> Batch {
    let bytes = frame("raw", 7, records.iter().copied());
    let mut batch = Batch::new().part(&bytes, 0);
    let part = batch.last_part();
    part.from = records[0].0;
    part.to = records[records.len() - 1].0 + 1;
    part.datapoints = None;
    part.selection = Some(records.iter().map(|(offset, _)| *offset).collect::<Runs>());
    batch
}

#[test]
fn records_get_their_fates_and_the_dead_are_set_aside() {
    let huge = format!("reject {}", "x".repeat(3 << 20));
    let batch = batch(&[
        (100, b"nodes a b"),
        (103, b"reject why"),
        (104, b"skip"),
        (200, b"\xFFpanic"),
        (201, huge.as_bytes()),
    ]);
    let done = enclose(VecCell::default(), |cell| {
        run_with::<_, RawIntake<'_>>(&RawToy, &batch.job, &batch.input, cell)
    })
    .unwrap();
    done.check(&batch.job);
    let story = done.story();
    expect![[r#"100..202 output 100..101 not_mapped 104..105 [103..104 rejected: why "reject why"] [200..201 rejected: no such verb "�panic"] [201..202 rejected: "#]]
    .assert_eq(story.split("xxx").next().unwrap());

    let section = done.report().sections.last().unwrap();
    assert!(section.refused);
    assert_eq!(done.report().sections.iter().filter(|section| section.refused).count(), 1);
    let start = section.offset_bytes as usize;
    let bytes = &done.output[start..];
    let mut reader =
        SectionReader::open(bytes, &schema::LOG_DATAPOINT, None, ReadLimits::default()).unwrap();
    let mut refused = Vec::new();
    while let Some((_, datapoint)) = reader.next::<LogDatapoint<'_>>().unwrap() {
        let Origin::Log(log) = datapoint.origin else { panic!("it came from a log") };
        assert_eq!((log.topic.as_ref(), log.partition), ("raw", 7));
        refused.push((log.offset, datapoint.line.to_vec()));
    }
    assert_eq!(refused[..2], [(103, b"reject why".to_vec()), (200, b"\xFFpanic".to_vec())]);
    assert_eq!(refused[2].0, 201);
    assert!(huge.as_bytes().starts_with(&refused[2].1), "the head of what is too large is kept");
}

#[test]
fn a_framing_cut_short_is_one_letter() {
    let mut batch = batch(&[(1, b"nodes a"), (2, b"nodes b")]);
    batch.input.pop();
    batch.last_part().len_bytes -= 1;
    let done = enclose(VecCell::default(), |cell| {
        run_with::<_, RawIntake<'_>>(&RawToy, &batch.job, &batch.input, cell)
    })
    .unwrap();
    done.check(&batch.job);
    expect![[r#"
        1..3 output 1..2 [2..3 corrupt: the framed records are cut short ""]
    "#]]
    .assert_eq(&done.story());
}
