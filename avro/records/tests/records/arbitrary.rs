//! Records with every field drawn at random.

use cordon_records::{
    BatchId, Body, Digest, Edge, Element, FileOrigin, Finding, FindingId, Input, Lane, Letter,
    LogOrigin, Metrics, Node, NodeKey, Origin, Output, Pointer, Property, Receipt, Run, Runs,
    Source, Text,
    cell::{CellLetter, Frame, Job, Mode, Part, PartReport, Report, Section, Sentenced},
};
use proptest::{collection::vec, option, prelude::*};

use crate::runs;

prop_compose! {
    /// Any list, valid or not.
    fn any_runs()(list in vec((any::<i64>(), any::<i64>()), 0..4)) -> Runs {
        runs::raw(&list)
    }
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn node_key() -> impl Strategy<Value = NodeKey> {
    any::<[u8; 16]>().prop_map(NodeKey)
}

fn text() -> impl Strategy<Value = Text> {
    any::<String>().prop_map(Text::from)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

prop_compose! {
    pub(crate) fn pointer()(
        (bucket, key, stage, stage_version) in any::<(String, String, String, String)>(),
        (range_start_bytes, range_bytes, decoded_bytes, schema) in any::<(i64, i64, i64, i64)>(),
        (datapoints, time_min_ms, time_max_ms) in any::<(Option<i64>, Option<i64>, Option<i64>)>(),
        digest in option::of(digest()),
        selection in option::of(any_runs()),
        redrives: Vec<String>,
    ) -> Pointer {
        Pointer {
            bucket, key, range_start_bytes, range_bytes, digest, datapoints, decoded_bytes, schema,
            time_min_ms, time_max_ms, stage, stage_version, selection, redrives,
        }
    }
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        (any::<(String, i32, i64, String, Option<i64>)>(), option::of(digest())).prop_map(
            |((topic, partition, offset, key, datapoints), digest)| Source::PointerSource {
                topic,
                partition,
                offset,
                key,
                digest,
                datapoints,
            }
        ),
        any::<(String, i32)>()
            .prop_map(|(topic, partition)| Source::RawSource { topic, partition }),
        (digest(), any::<String>()).prop_map(|(sha256, name)| Source::FileSource { sha256, name }),
    ]
}

prop_compose! {
    fn input()(
        source in source(),
        (from, to) in any::<(i64, i64)>(),
        output in any_runs(),
        dead in any_runs(),
        not_mapped in any_runs(),
        selection in option::of(any_runs()),
        redrives: Vec<String>,
    ) -> Input {
        Input { source, from, to, output, dead, not_mapped, selection, redrives }
    }
}

prop_compose! {
    fn output()(
        (topic, partition, bucket, key) in any::<(String, i32, String, String)>(),
        (range_start_bytes, range_bytes, datapoints) in any::<(i64, i64, i64)>(),
        digest in digest(),
    ) -> Output {
        Output {
            topic, partition, bucket, key, range_start_bytes, range_bytes, digest, datapoints,
        }
    }
}

prop_compose! {
    pub(crate) fn receipt()(
        batch: [u8; 16],
        (stage, stage_version, slot) in any::<(String, String, String)>(),
        is_live: bool,
        (time_ms, elements_in, elements_out) in any::<(i64, i64, i64)>(),
        inputs in vec(input(), 0..3),
        outputs in vec(output(), 0..3),
    ) -> Receipt {
        let lane = if is_live { Lane::Live } else { Lane::Replay };
        Receipt {
            batch: BatchId(batch), stage, stage_version, slot, lane, time_ms, inputs, outputs,
            elements_in, elements_out,
        }
    }
}

prop_compose! {
    pub(crate) fn letter()(
        batch: [u8; 16],
        (id, stage, stage_version, topic) in any::<(String, String, String, String)>(),
        (time_ms, partition, offset, from, to) in any::<(i64, i32, i64, i64, i64)>(),
        (bucket, key, reason, detail) in any::<(String, String, String, String)>(),
        attempts: i32,
        excerpt in bytes(),
        redrives: Vec<String>,
    ) -> Letter {
        Letter {
            id, batch: BatchId(batch), stage, stage_version, time_ms, topic, partition, offset,
            from, to, bucket, key, reason, detail, attempts, excerpt, redrives,
        }
    }
}

prop_compose! {
    pub(crate) fn metrics()(
        (stage, stage_version, slot, time_ms) in any::<(String, String, String, i64)>(),
        counters in prop::collection::btree_map(any::<String>(), any::<i64>(), 0..4),
        gauges in prop::collection::btree_map(any::<String>(), -1e9..1e9, 0..4),
        notes: Vec<String>,
    ) -> Metrics {
        Metrics { stage, stage_version, slot, time_ms, counters, gauges, notes }
    }
}

prop_compose! {
    fn part()(
        (offset_bytes, len_bytes, schema, from, to) in any::<(i64, i64, i64, i64, i64)>(),
        (datapoints, decoded_bytes_max) in any::<(Option<i64>, i64)>(),
        selection in option::of(any_runs()),
    ) -> Part {
        Part {
            offset_bytes, len_bytes, schema, from, to, datapoints, decoded_bytes_max, selection,
        }
    }
}

prop_compose! {
    fn sentenced()(
        (part, index, reason, detail) in any::<(i32, i64, String, String)>(),
        excerpt in bytes(),
    ) -> Sentenced {
        Sentenced { part, index, reason, detail, excerpt }
    }
}

prop_compose! {
    pub(crate) fn job()(
        parts in vec(part(), 0..3),
        (partitions, chunk_datapoints) in any::<(i32, i32)>(),
        sentenced in vec(sentenced(), 0..3),
        (frames_offset_bytes, frames_bytes, budget_ms) in any::<(i64, i64, i64)>(),
        mode in prop_oneof![Just(Mode::Process), Just(Mode::Frames), Just(Mode::Extract)],
        options in prop::collection::btree_map(any::<String>(), any::<String>(), 0..4),
    ) -> Job {
        Job {
            parts, partitions, chunk_datapoints, sentenced, frames_offset_bytes, frames_bytes,
            budget_ms, mode, options,
        }
    }
}

prop_compose! {
    fn cell_letter()(
        (from, to, reason, detail) in any::<(i64, i64, String, String)>(),
        excerpt in bytes(),
    ) -> CellLetter {
        CellLetter { from, to, reason, detail, excerpt }
    }
}

prop_compose! {
    fn part_report()(
        (from, to, datapoints) in any::<(i64, i64, Option<i64>)>(),
        output in any_runs(),
        not_mapped in any_runs(),
        letters in vec(cell_letter(), 0..3),
    ) -> PartReport {
        PartReport { from, to, output, not_mapped, letters, datapoints }
    }
}

prop_compose! {
    fn section()(
        (partition, offset_bytes, len_bytes, datapoints) in any::<(i32, i64, i64, i64)>(),
        (decoded_bytes, time_min_ms, time_max_ms) in any::<(i64, Option<i64>, Option<i64>)>(),
        refused: bool,
    ) -> Section {
        Section {
            partition, offset_bytes, len_bytes, datapoints, decoded_bytes, time_min_ms,
            time_max_ms, refused,
        }
    }
}

prop_compose! {
    pub(crate) fn report()(
        parts in vec(part_report(), 0..3),
        sections in vec(section(), 0..3),
        (elements_in, elements_out) in any::<(i64, i64)>(),
    ) -> Report {
        Report { parts, sections, elements_in, elements_out }
    }
}

prop_compose! {
    pub(crate) fn frame()(
        (part, from, to, elements_in, items) in any::<(i32, i64, i64, i64, i64)>(),
        output in any_runs(),
        not_mapped in any_runs(),
        letters in vec(cell_letter(), 0..3),
        encoded in bytes(),
    ) -> Frame {
        Frame { part, from, to, output, not_mapped, letters, elements_in, items, encoded }
    }
}

pub(crate) fn origin() -> impl Strategy<Value = Origin<'static>> {
    prop_oneof![
        (digest(), any::<i64>())
            .prop_map(|(sha256, record)| Origin::File(FileOrigin { sha256, record })),
        any::<(String, i32, i64)>().prop_map(|(topic, partition, offset)| {
            Origin::Log(LogOrigin { topic: topic.into(), partition, offset })
        }),
    ]
}

prop_compose! {
    fn property()(
        name in text(),
        values in vec(text(), 0..3),
        (time_ms, conflicts, overflow) in any::<(i64, Vec<i64>, bool)>(),
    ) -> Property {
        Property { name, values: values.into_iter().collect(), time_ms, conflicts, overflow }
    }
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        (text(), node_key()).prop_map(|(kind, key)| Body::Node(Node { kind, key })),
        (node_key(), text(), node_key()).prop_map(|(source, label, target)| Body::Edge(Edge {
            source,
            label,
            target
        })),
    ]
}

prop_compose! {
    pub(crate) fn element()(
        home in node_key(),
        (first_seen_ms, last_seen_ms) in any::<(i64, i64)>(),
        body in body(),
        properties in vec(property(), 0..4),
    ) -> Element {
        Element { home, first_seen_ms, last_seen_ms, body, properties }
    }
}

prop_compose! {
    pub(crate) fn finding()(
        id: [u8; 16],
        (rule_id, title, level, device, summary) in any::<(String, String, String, String, String)>(),
        tags: Vec<String>,
        origin in origin(),
        time_ms: Option<i64>,
        nodes in vec(node_key(), 0..4),
    ) -> Finding {
        Finding {
            id: FindingId(id), rule_id, title, level, tags, origin, time_ms, device, nodes, summary,
        }
    }
}

/// A run list long enough to matter.
pub(crate) fn long_runs(count: i64) -> Runs {
    (0..count).map(|n| 2 * n).collect()
}

#[test]
fn long_runs_are_long() {
    assert_eq!(long_runs(3).as_slice()[2], Run { start: 4, len: 1 });
}
