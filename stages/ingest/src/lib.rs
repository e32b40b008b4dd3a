//! Files to log datapoints: what runs in a cell for `cordon ingest`.
//!
//! The input is a file as it lies on disk. It is unpacked (gzip, zstd, zip, tar, nested), what is
//! inside is recognised by its content, never by its name, and split into records: the lines of
//! JSON-lines files and the records of EVTX files, numbered from 0 through all members of an
//! archive in their order. A record that is one JSON object becomes a log datapoint with the
//! file's SHA-256 and its number as origin; any other gets a letter here and goes no further.
//!
//! Everything is streamed: a cell holds one line, or one EVTX member, at a time. What cannot be
//! read ends the file where it is, with one letter that says why; members that are recognised as
//! nothing known get such a letter too and cost no other member anything. Those letters speak for
//! no record (`from == to`), so that they can be told from records that were refused.
//!
//! One cell does not do a whole large file: it stops when its [budget](Budget) is spent, and the
//! next one passes over the records that are done.

mod lines;
mod recognise;
mod sink;
mod walk;

use cordon_body::{BodyFault, CellIo};
use cordon_records::{Digest, cell::Job};

pub use recognise::{ACCEPTED, Kind, recognise};
pub use sink::Budget;

use sink::{Sink, Stop};

/// Job option: the file's SHA-256 in hex.
pub const SHA256_OPTION: &str = "sha256";

/// Splits a file, from the record that the job's part begins with.
///
/// # Errors
///
/// The job makes no sense, or results did not leave the cell. Nothing in the file is an error.
pub fn run(job: &Job, input: &[u8], io: &mut impl CellIo) -> Result<(), BodyFault> {
    let [part] = &job.parts[..] else { return Err(BodyFault::Job("ingest takes one part")) };
    let sha256 = job.options.get(SHA256_OPTION).and_then(|hex| Digest::from_hex(hex));
    let sha256 = sha256.ok_or(BodyFault::Job("the file's SHA-256 is missing"))?;
    let start = usize::try_from(part.offset_bytes).unwrap_or(usize::MAX);
    let len = usize::try_from(part.len_bytes).unwrap_or(usize::MAX);
    let file = start.checked_add(len).and_then(|end| input.get(start..end));
    let file = file.ok_or(BodyFault::Job("the part lies outside the input"))?;
    let mut sink = Sink::new(sha256, part, job.sentenced.clone(), io);
    let ended = match walk::file(file, &mut sink) {
        Ok(()) => true,
        Err(Stop::BudgetSpent) => false,
        Err(Stop::Fault(fault)) => return Err(fault),
    };
    sink.finish(ended)
}

#[cfg(test)]
mod tests;
