//! The stage without isolation: no marks, no frames, no fates, no catching.

use std::{collections::BTreeMap, hint::black_box};

use cordon_body::SECTION_DATAPOINTS_MAX;
use cordon_container::{ReadLimits, SectionReader, SectionWriter};
use cordon_flow::{
    Accumulate as _, Event, Fate, Graph, KnownElements, Memory, Stage as _, partition_of,
};
use cordon_generate::Generate;
use cordon_records::{Element, LogDatapoint, schema};

use crate::batch::Batch;

/// Partitions of the output topic.
const PARTITIONS: i32 = 4;

/// Decoding, and the fastest parser that extracts the fields: the limit of any generate.
pub(crate) fn parse(batch: &Batch) {
    each(batch, |datapoint| {
        black_box(Event::parse(datapoint.line).is_ok());
    });
}

/// The elements of each line, merged: everything but the output.
pub(crate) fn merge(batch: &Batch) -> Graph {
    let mut graph = Graph::default();
    let (mut known, mut found) = (KnownElements::default(), Vec::new());
    each(batch, |datapoint| {
        found.clear();
        match Generate.process(datapoint, &mut known, &mut found) {
            Fate::Output => {
                graph.extend(found.drain(..));
                known.keep(&mut graph);
            }
            _ => Memory::<Graph>::forget(&mut known),
        }
    });
    graph
}

/// All that a batch does, into sections by partition.
pub(crate) fn all(batch: &Batch) {
    let graph = merge(batch);
    let mut by_partition: BTreeMap<i32, Vec<&Element>> = BTreeMap::new();
    for element in graph.sorted() {
        by_partition.entry(partition_of(element.home, PARTITIONS)).or_default().push(element);
    }
    let mut writer = SectionWriter::new(schema::ELEMENT.current(), Vec::new());
    let section = SECTION_DATAPOINTS_MAX as usize;
    for section in by_partition.values().flat_map(|all| all.chunks(section)) {
        section.iter().for_each(|element| writer.append(element).expect("it fits a container"));
        writer.finish_section().expect("it is written to memory");
    }
    black_box(writer.into_inner());
}

fn each(batch: &Batch, mut each: impl FnMut(&LogDatapoint<'_>)) {
    let limits = ReadLimits { decoded_bytes_max: 1 << 30, ..ReadLimits::default() };
    for payload in &batch.payloads {
        let mut reader = SectionReader::open(payload, &schema::LOG_DATAPOINT, None, limits)
            .expect("it was written here");
        while let Some((_, datapoint)) = reader.next().expect("it was written here") {
            each(&datapoint);
        }
    }
}
