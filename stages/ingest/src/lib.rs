//! Files to log datapoints: what runs in a cell for `cordon ingest`.
//!
//! The input is a file as it lies on disk. It is unpacked (gzip, zstd, zip, tar, one in another),
//! what is inside is recognised by its content, never by its name, and split into records: lines
//! and lists of JSON objects, and the records of Windows event logs. They are numbered from 0
//! through all members of an archive in their order. A record that is one JSON object becomes a
//! log datapoint with the file's SHA-256 and its number as origin; any other gets a letter here
//! and goes no further.
//!
//! - **Streamed.** A cell holds one record, or one 64 KiB chunk of an event log, and never the
//!   unpacked file. What the file may unpack to is bounded, so that a bomb ends.
//! - **One bad thing costs only itself.** A bad record is one letter. A member that is not
//!   recognised, or breaks off, is a *remark*: a letter that speaks for no record
//!   (`from == to`), so that it changes the number of no other. What was readable is kept.
//! - **Cells follow each other.** One cell does not do a whole large file. It stops when it has
//!   done enough, and the next passes over the records that are done: in a plain file by starting
//!   where the last one stopped, in a packed one by unpacking it again. However a file is cut, the
//!   datapoints and letters are the same.
//!
//! Restrictions: no clock, no randomness, no threads, no files; nothing in the file is an error,
//! not even that there is nothing in it.

mod archive;
mod evtx;
mod gzip;
mod job;
mod limits;
mod meter;
mod recognise;
mod sink;
mod split;
#[cfg(test)]
mod tests;
mod utf16;
mod walk;

use cordon_body::{BodyFault, CellIo};
use cordon_records::cell::Job;

pub use job::{FileJob, FileNews};
pub use limits::{CELL_RECORDS_MAX, LINE_BYTES_MAX, unpacked_bytes_max};
pub use recognise::{ACCEPTED, Kind, recognise};

use meter::Meter;
use sink::{Sink, Stop};
use walk::Walk;

/// Splits a file, from the record that the job's part begins with.
///
/// # Errors
///
/// The job makes no sense, or results did not leave the cell. Nothing in the file is an error.
pub fn run(job: &Job, input: &[u8], io: &mut impl CellIo) -> Result<(), BodyFault> {
    let file = FileJob::of_job(job)?;
    let meter = Meter::new(job.parts[0].decoded_bytes_max.unsigned_abs());
    let mut sink = Sink::new(&file, &job.sentenced, io);
    let is_end = match (Walk { sink: &mut sink, meter: &meter }).file(&file, input) {
        Ok(_) => true,
        Err(Stop::Enough) => false,
        Err(Stop::Fault(fault)) => return Err(fault),
    };
    sink.finish(file.at_bytes, is_end)
}
