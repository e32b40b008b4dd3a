//! The job: trusted, since it comes from the courier, but checked, since a bug there must not
//! look like a datapoint that kills cells.

use std::collections::BTreeMap;

use cordon_records::{
    cell::{Job, Part, Sentenced},
    single_object,
};

use crate::BodyFault;

/// Decodes a cell's header.
pub fn decode_job(header: &[u8]) -> Result<Job, BodyFault> {
    Ok(single_object::decode(header)?)
}

/// The bytes of a part.
pub(crate) fn part_bytes<'a>(part: &Part, input: &'a [u8]) -> Result<&'a [u8], BodyFault> {
    slice(input, part.offset_bytes, part.len_bytes)
        .ok_or(BodyFault::Job("a part lies outside the input"))
}

/// The frames of earlier cells.
pub(crate) fn frames_bytes<'a>(job: &Job, input: &'a [u8]) -> Result<&'a [u8], BodyFault> {
    slice(input, job.frames_offset_bytes, job.frames_bytes)
        .ok_or(BodyFault::Job("the frames lie outside the input"))
}

fn slice(input: &[u8], offset: i64, len: i64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(len).ok()?)?;
    input.get(start..end)
}

/// Checks the numbers that the driver counts with.
pub(crate) fn check(job: &Job) -> Result<(), BodyFault> {
    if job.chunk_datapoints < 1 {
        return Err(BodyFault::Job("a chunk has at least one datapoint"));
    }
    let is_sound = |part: &Part| {
        let selection_fits = part.selection.as_ref().is_none_or(|s| s.is_valid_within(0, i64::MAX));
        0 <= part.from
            && part.from <= part.to
            && part.datapoints.is_none_or(|n| part.to <= n)
            && part.decoded_bytes_max >= 0
            && selection_fits
    };
    if !job.parts.iter().all(is_sound) {
        return Err(BodyFault::Job("a part's indexes are out of order"));
    }
    Ok(())
}

/// The datapoints that are skipped, by (part, index).
pub(crate) type Sentences<'j> = BTreeMap<(i32, i64), &'j Sentenced>;

/// Looks the sentenced up.
pub(crate) fn sentences(job: &Job) -> Sentences<'_> {
    job.sentenced.iter().map(|sentenced| ((sentenced.part, sentenced.index), sentenced)).collect()
}
