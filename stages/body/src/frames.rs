//! Frames: what a dead cell leaves behind.
//!
//! Each is a [`Frame`] in single-object encoding behind its length as a little-endian `u32`. A
//! frame holds the fates and the encoded output of one chunk. The frames of a part follow each
//! other without a gap from the part's first index on; parts do not depend on each other.
//!
//! A reader believes a frame only if all of it adds up: the next chunk of its part, exactly one
//! fate for each wanted index, a letter for whoever is sentenced, and exactly the items it claims.
//! It stops at the first frame that does not; what that one covers is done again.

use cordon_container::{DatumDecoder, DatumFault};
use cordon_flow::Accumulate;
use cordon_records::{EncodeError, Reason, Runs, cell::Frame, single_object};

use crate::{fates::PartFates, job::Sentences};

const LEN_BYTES: usize = 4;

/// Appends a frame.
pub fn put(frame: &Frame, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; LEN_BYTES]);
    single_object::encode_into(frame, out)?;
    let len = u32::try_from(out.len() - start - LEN_BYTES)
        .map_err(|_| EncodeError("a frame is larger than 4 GiB".into()))?;
    out[start..start + LEN_BYTES].copy_from_slice(&len.to_le_bytes());
    Ok(())
}

/// Takes the next frame off `bytes`; `None` at the end, or where the bytes are no frame.
pub fn take(bytes: &mut &[u8]) -> Option<Frame> {
    let (len, rest) = bytes.split_first_chunk::<LEN_BYTES>()?;
    let (frame, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *bytes = rest;
    single_object::decode(frame).ok()
}

/// Adds what the frames hold to fates and output, as far as they can be believed. Returns how
/// many output datapoints went in before coalescing.
pub(crate) fn replay<A: Accumulate>(
    mut bytes: &[u8],
    fates: &mut [PartFates<'_>],
    sentences: &Sentences<'_>,
    output: &mut A,
) -> i64 {
    let mut elements_in = 0;
    while let Some(frame) = take(&mut bytes) {
        let part = usize::try_from(frame.part).ok().and_then(|part| fates.get_mut(part));
        let Some(part) = part.filter(|part| adds_up(&frame, part, sentences)) else { break };
        let Ok(items) = items::<A>(&frame) else { break };
        part.absorb(&frame);
        elements_in = i64::saturating_add(elements_in, frame.elements_in);
        items.into_iter().for_each(|item| output.add(item));
    }
    elements_in
}

/// Whether the fates of a frame can be believed.
fn adds_up(frame: &Frame, part: &PartFates<'_>, sentences: &Sentences<'_>) -> bool {
    let Frame { from, to, .. } = *frame;
    if from != part.report.to || to <= from || to > part.part.to {
        return false;
    }
    let mut dead = Runs::default();
    for letter in &frame.letters {
        let is_next = dead.as_slice().last().is_none_or(|last| letter.from >= last.end());
        let is_one = letter.from >= from && letter.from < to && letter.to == letter.from + 1;
        if !is_next || !is_one || Reason::from_word(&letter.reason).is_none() {
            return false;
        }
        dead.push(letter.from);
    }
    let runs = [&frame.output, &frame.not_mapped, &dead];
    let is_valid = runs.iter().all(|runs| runs.is_valid_within(from, to));
    let is_sentence_served = sentences
        .range((frame.part, from)..(frame.part, to))
        .all(|((_, index), _)| !part.wanted.contains(*index) || dead.contains(*index));
    let wanted = part.wanted.clip(from, to);
    let count = runs.iter().fold(0_i64, |count, runs| count.saturating_add(runs.count()));
    is_valid && is_sentence_served && count == wanted.count() && Runs::union(runs) == wanted
}

/// The output datapoints of a frame.
fn items<A: Accumulate>(frame: &Frame) -> Result<Vec<A::Item>, DatumFault> {
    let decoder = DatumDecoder::new(A::schemas().current());
    let mut rest = &frame.encoded[..];
    let mut items = Vec::new();
    while !rest.is_empty() {
        let (item, behind) = decoder.decode(rest)?;
        items.push(item);
        rest = behind;
    }
    let is_count_right = items.len() as i64 == frame.items && frame.items <= frame.elements_in;
    // An index is in the output because it gave something to it, if only what others gave too.
    let has_outputs = !frame.output.is_empty();
    if is_count_right
        && has_outputs == (frame.items > 0)
        && frame.elements_in >= frame.output.count()
    {
        Ok(items)
    } else {
        Err(DatumFault("the frame does not hold what it claims".into()))
    }
}
