//! The same stage code without isolation and without exactly-once: a loop on one thread over
//! payloads that lie in memory.
//!
//! It decodes, parses, describes, merges and encodes what a batch of the stage does, by the same
//! functions, into sections by partition like those of the stage. What it leaves out is what is to
//! be measured: Kafka, S3, digests, cells, frames, marks of progress, fates, receipts.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use cordon_container::{ReadLimits, SectionReader, SectionWriter};
use cordon_flow::{Accumulate, Fate, Graph, KnownElements, Memory, Stage as _, partition_of};
use cordon_generate::Generate;
use cordon_records::{Element, LogDatapoint, schema};

use super::{Counts, cluster::Payload, cpu, now};

/// A full batch, as couriers have it by default.
const BATCH_DATAPOINTS_MAX: i64 = 32_768;
/// The same in decoded bytes.
const BATCH_DECODED_BYTES_MAX: i64 = 64 << 20;
/// Datapoints of a section, as cells write them: the default size of a payload.
const SECTION_DATAPOINTS_MAX: usize = cordon_body::SECTION_DATAPOINTS_MAX as usize;

/// What one run took, and gave.
pub(super) struct Plain {
    pub(super) counts: Counts,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    /// Containers of elements.
    pub(super) output: Vec<Vec<u8>>,
}

/// Runs the loop over all payloads.
pub(super) fn run(payloads: &[Payload], partitions: i32) -> Result<Plain> {
    let (cpu, started) = (cpu::of_this_thread()?, now());
    let mut counts = Counts::default();
    let mut output = Vec::new();
    for batch in batches(payloads) {
        let graph = process(batch, &mut counts)?;
        output.push(seal(graph, partitions, &mut counts)?);
    }
    let (wall, cpu) = (started.elapsed(), cpu::of_this_thread()? - cpu);
    Ok(Plain { counts, wall, cpu, output })
}

/// Cuts a list of payloads into full batches.
fn batches(payloads: &[Payload]) -> Vec<&[Payload]> {
    let mut batches = Vec::new();
    let mut rest = payloads;
    while !rest.is_empty() {
        let (mut datapoints, mut decoded_bytes) = (0, 0);
        let fits = |payload: &&Payload| {
            datapoints += payload.datapoints;
            decoded_bytes += payload.decoded_bytes;
            datapoints <= BATCH_DATAPOINTS_MAX && decoded_bytes <= BATCH_DECODED_BYTES_MAX
        };
        let len = rest.iter().take_while(fits).count().max(1);
        let (batch, behind) = rest.split_at(len);
        batches.push(batch);
        rest = behind;
    }
    batches
}

fn process(batch: &[Payload], counts: &mut Counts) -> Result<Graph> {
    let mut graph = Graph::default();
    let (mut known, mut emitted) = (KnownElements::default(), Vec::new());
    for payload in batch {
        let mut reader = open(&payload.bytes, payload.decoded_bytes)?;
        while let Some((_, datapoint)) = reader.next::<LogDatapoint<'_>>()? {
            emitted.clear();
            match Generate.process(&datapoint, &mut known, &mut emitted) {
                Fate::Output => {
                    counts.mapped += 1;
                    let again = Memory::<Graph>::again(&known);
                    counts.elements_in += (emitted.len() + again) as i64;
                    graph.extend(emitted.drain(..));
                    known.keep(&mut graph);
                }
                Fate::NotMapped => counts.not_mapped += 1,
                Fate::Dead(_) => counts.dead += 1,
            }
            Memory::<Graph>::forget(&mut known);
        }
    }
    Ok(graph)
}

fn open(bytes: &[u8], decoded_bytes: i64) -> Result<SectionReader<'_>> {
    let limits =
        ReadLimits { decoded_bytes_max: decoded_bytes.unsigned_abs(), ..ReadLimits::default() };
    let expected = Some(schema::LOG_DATAPOINT.current().fingerprint);
    Ok(SectionReader::open(bytes, &schema::LOG_DATAPOINT, expected, limits)?)
}

/// Writes the graph in its order, in sections by partition.
fn seal(graph: Graph, partitions: i32, counts: &mut Counts) -> Result<Vec<u8>> {
    let elements = graph.sorted();
    counts.elements_out += elements.len() as i64;
    let mut by_partition: BTreeMap<i32, Vec<&Element>> = BTreeMap::new();
    for element in elements {
        by_partition.entry(partition_of(element.home, partitions)).or_default().push(element);
    }
    let mut writer = SectionWriter::new(schema::ELEMENT.current(), Vec::new());
    for section in by_partition.values().flat_map(|all| all.chunks(SECTION_DATAPOINTS_MAX)) {
        for element in section {
            writer.append(element)?;
        }
        writer.finish_section()?;
    }
    Ok(writer.into_inner())
}
