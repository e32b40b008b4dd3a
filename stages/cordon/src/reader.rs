//! Payloads printed in a cell, for the commands that show them. This process moves the bytes in and
//! the printed lines out; it decodes nothing.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use cordon_cell::{CellEnd, CellJob, CellLimits, Cells, sealed_memfd};
use cordon_records::{
    cell::{CellLetter, Job, Part, Report},
    single_object,
};

use crate::terminal;

/// A payload, and the indexes to print of it.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(crate) bytes: Bytes,
    /// Fingerprint of its writer schema, as a pointer has it.
    pub(crate) schema: i64,
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// n, where it is known.
    pub(crate) datapoints: Option<i64>,
}

/// What a cell printed.
#[derive(Debug)]
pub(crate) struct Printed {
    /// Untrusted.
    pub(crate) output: Vec<u8>,
    /// How many datapoints that is, by the cell's word: one may be empty.
    pub(crate) datapoints: i64,
    /// Of a diff: how many are the same, by the cell's word.
    pub(crate) same: i64,
    /// What it could not read.
    pub(crate) letters: Vec<CellLetter>,
}

impl Printed {
    /// What may be printed of it: it may reach a terminal, so nothing but text and line breaks.
    pub(crate) fn lines(self) -> Vec<u8> {
        let mut lines = self.output;
        lines.retain(|byte| *byte == b'\n' || !byte.is_ascii_control());
        lines
    }
}

/// Prints payloads in one cell. `options` are those of the reader's body.
pub(crate) fn print(
    cells: &Cells,
    payloads: &[Payload],
    options: &[(&str, &str)],
    limits: CellLimits,
) -> Result<Printed> {
    let mut offset_bytes = 0;
    let mut parts = Vec::with_capacity(payloads.len());
    for payload in payloads {
        let len_bytes = payload.bytes.len() as i64;
        parts.push(Part {
            offset_bytes,
            len_bytes,
            schema: payload.schema,
            from: payload.from,
            to: payload.to,
            datapoints: payload.datapoints,
            decoded_bytes_max: i64::MAX,
            selection: None,
        });
        offset_bytes += len_bytes;
    }
    let job = Job {
        options: options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..Job::of(parts, 1, 64)
    };
    let slices: Vec<&[u8]> = payloads.iter().map(|payload| &payload.bytes[..]).collect();
    let input = sealed_memfd("payloads", &slices)?;
    let result = cells.run(CellJob { header: single_object::encode(&job)?, input, limits });
    // Some ends are in the cell's own words.
    let end = || terminal::escape(&result.end.to_string());
    anyhow::ensure!(result.end == CellEnd::Finished, "the cell that read it: {}", end());
    let report: Report =
        single_object::decode(&result.report).context("the cell's report is unreadable")?;
    let (datapoints, same) = (report.elements_out, report.elements_in);
    let letters = report.parts.into_iter().flat_map(|part| part.letters).collect();
    Ok(Printed { output: result.output, datapoints, same, letters })
}

/// For a whole graph, which is united in one cell.
pub(crate) fn whole_topic_limits() -> CellLimits {
    CellLimits {
        data_bytes_max: 8 << 30,
        output_bytes_max: 4 << 30,
        wall_max: Duration::from_secs(600),
        datapoint_cpu_max: Duration::from_secs(60),
        datapoint_wall_max: Duration::from_secs(120),
        ..CellLimits::default()
    }
}
