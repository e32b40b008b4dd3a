//! The end of a batch: merged results become containers, and the report is handed over.

use std::collections::BTreeMap;

use cordon_container::{
    DATAPOINT_BYTES_MAX, DatumEncoder, SectionSummary, SectionWriter, WriteError,
};
use cordon_flow::{Accumulate, Stage, partition_of};
use cordon_records::{
    Datum, LogDatapoint,
    cell::{Job, Report, Section},
    schema::{self, Version},
    single_object,
};

use crate::{BodyFault, CellIo, Intake, job::part_bytes};

/// Most datapoints in a section: the default size of a payload.
pub const SECTION_DATAPOINTS_MAX: u64 = 4096;

/// Most decoded bytes in a section: the default size of a payload.
pub const SECTION_DECODED_BYTES_MAX: u64 = 8 << 20;

/// The partition of a section whose items have no home.
const ANY_PARTITION: i32 = -1;

/// Writes the output in its one deterministic order, split by partition.
pub(crate) fn output<A: Accumulate>(
    output: A,
    partitions: i32,
    report: &mut Report,
    io: &mut impl CellIo,
) -> Result<(), BodyFault> {
    let items = output.sorted();
    report.elements_out = items.len() as i64;
    let mut sealer = Sealer::new(A::schemas().current());
    for (partition, items) in by_partition::<A>(items, partitions)? {
        sealer.kind = SectionKind { partition, refused: false };
        for item in items {
            sealer.append(item, A::times(item), report, io)?;
        }
        sealer.close(report, io)?;
    }
    // The cell ends next, and the kernel takes its memory back whole: taking a hundred thousand
    // elements apart before that is work for nobody.
    std::mem::forget(output);
    Ok(())
}

fn by_partition<A: Accumulate>(
    items: Vec<&A::Item>,
    partitions: i32,
) -> Result<BTreeMap<i32, Vec<&A::Item>>, BodyFault> {
    let mut by_partition: BTreeMap<i32, Vec<&A::Item>> = BTreeMap::new();
    for item in items {
        let partition = match A::home(item) {
            None => ANY_PARTITION,
            Some(_) if partitions < 1 => {
                return Err(BodyFault::Job("the output topic has no partitions"));
            }
            Some(home) => partition_of(home, partitions),
        };
        by_partition.entry(partition).or_default().push(item);
    }
    Ok(by_partition)
}

/// Sets the bytes of dead datapoints aside, where nothing immutable holds them. They are read
/// again from the input, which is cheaper than carrying them along in every frame.
pub(crate) fn refused<'a, S: Stage, I: Intake<'a, S>>(
    stage: &S,
    job: &Job,
    input: &'a [u8],
    report: &mut Report,
    io: &mut impl CellIo,
) -> Result<(), BodyFault> {
    let mut sealer = Sealer::new(schema::LOG_DATAPOINT.current());
    sealer.kind = SectionKind { partition: ANY_PARTITION, refused: true };
    for (number, part) in job.parts.iter().enumerate() {
        let Ok(mut intake) = I::open(stage, part, part_bytes(part, input)?) else { continue };
        let letters = &report.parts[number].letters;
        let dead: Vec<(i64, i64)> = letters.iter().map(|letter| (letter.from, letter.to)).collect();
        for (from, to) in dead {
            intake.skip_to(from.cast_unsigned());
            while intake.advance().is_ok_and(|at| at.is_some_and(|at| at < to.cast_unsigned())) {
                if let Some(datapoint) = intake.refused() {
                    sealer.append(&clipped(datapoint), None, report, io)?;
                }
                if intake.skip().is_err() {
                    break;
                }
            }
        }
    }
    sealer.close(report, io)
}

/// A refused record may be larger than any datapoint; its head is kept.
fn clipped(mut datapoint: LogDatapoint<'_>) -> LogDatapoint<'_> {
    /// Room for the origin: a topic name has at most 249 characters (Kafka).
    const ORIGIN_BYTES_MAX: usize = 512;
    let bytes_max = DATAPOINT_BYTES_MAX - ORIGIN_BYTES_MAX;
    datapoint.line = &datapoint.line[..datapoint.line.len().min(bytes_max)];
    datapoint
}

/// Hands the report over: the last thing a body does.
///
/// # Errors
///
/// It did not leave the cell.
pub fn hand_over(report: &Report, io: &mut impl CellIo) -> Result<(), BodyFault> {
    let bytes = single_object::encode(report)?;
    Ok(io.report(&bytes)?)
}

/// Writes sections one after another and notes each in the report.
pub struct Sealer {
    writer: SectionWriter<Vec<u8>>,
    encoder: DatumEncoder,
    /// The encoded item; reused.
    datum: Vec<u8>,
    kind: SectionKind,
    times: Option<(i64, i64)>,
}

#[derive(Clone, Copy)]
struct SectionKind {
    partition: i32,
    refused: bool,
}

impl Sealer {
    /// Sections of this schema, for any partition.
    pub fn new(version: &'static Version) -> Self {
        Self {
            writer: SectionWriter::new(version, Vec::new()),
            encoder: DatumEncoder::new(version),
            datum: Vec::new(),
            kind: SectionKind { partition: ANY_PARTITION, refused: false },
            times: None,
        }
    }

    /// Adds a datapoint, in a new section where the open one is full.
    ///
    /// # Errors
    ///
    /// The datapoint is too large ([`WriteError::TooLarge`]; nothing of it was written), or it did
    /// not leave the cell.
    pub fn append(
        &mut self,
        item: &impl Datum,
        times: Option<(i64, i64)>,
        report: &mut Report,
        io: &mut impl CellIo,
    ) -> Result<(), BodyFault> {
        self.datum.clear();
        self.encoder.append(item, &mut self.datum).map_err(WriteError::Encode)?;
        let SectionSummary { datapoints, decoded_bytes, .. } = self.writer.section();
        if datapoints >= SECTION_DATAPOINTS_MAX
            || datapoints > 0 && decoded_bytes + self.datum.len() as u64 > SECTION_DECODED_BYTES_MAX
        {
            self.close(report, io)?;
        }
        self.writer.append_encoded(&self.datum)?;
        self.times = match (self.times, times) {
            (Some((min, max)), Some((first, last))) => Some((min.min(first), max.max(last))),
            (known, new) => known.or(new),
        };
        Ok(())
    }

    /// Ends the open section, if it holds anything.
    ///
    /// # Errors
    ///
    /// It did not leave the cell.
    pub fn close(&mut self, report: &mut Report, io: &mut impl CellIo) -> Result<(), BodyFault> {
        if self.writer.section().datapoints == 0 {
            return Ok(());
        }
        let summary = self.writer.finish_section()?;
        let times = self.times.take();
        let offset_bytes =
            report.sections.last().map_or(0, |last| last.offset_bytes + last.len_bytes);
        report.sections.push(Section {
            partition: self.kind.partition,
            offset_bytes,
            len_bytes: summary.len_bytes as i64,
            datapoints: summary.datapoints as i64,
            decoded_bytes: summary.decoded_bytes as i64,
            time_min_ms: times.map(|(min, _)| min),
            time_max_ms: times.map(|(_, max)| max),
            refused: self.kind.refused,
        });
        io.append_output(self.writer.get_mut())?;
        self.writer.get_mut().clear();
        Ok(())
    }
}
