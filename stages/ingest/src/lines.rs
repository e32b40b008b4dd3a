//! Lines of bounded length from a stream.

use std::io::{self, BufRead};

/// A line, or what is kept of one that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Without its line break.
    Whole(&'a [u8]),
    /// Longer than the limit; its beginning.
    TooLong(&'a [u8]),
}

/// Longest line; what a payload's reader accepts as one datapoint, less room for its origin.
pub(crate) const LINE_BYTES_MAX: usize = cordon_container::DATAPOINT_BYTES_MAX - 512;

/// Reads the next line into `buffer`; `None` at the end. A line that is too long is passed over
/// to its end, and no more than the limit of it is ever held.
pub(crate) fn next_line<'a>(
    reader: &mut dyn BufRead,
    buffer: &'a mut Vec<u8>,
) -> io::Result<Option<Line<'a>>> {
    buffer.clear();
    let mut read = 0usize;
    loop {
        let available = reader.fill_buf()?;
        if available.is_empty() {
            break;
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let piece = &available[..end.unwrap_or(available.len())];
        let room = LINE_BYTES_MAX - buffer.len();
        buffer.extend_from_slice(&piece[..piece.len().min(room)]);
        let used = piece.len() + usize::from(end.is_some());
        read = read.saturating_add(piece.len());
        reader.consume(used);
        if end.is_some() {
            return Ok(Some(line_of(buffer, read)));
        }
    }
    Ok((read > 0).then(|| line_of(buffer, read)))
}

fn line_of(buffer: &[u8], read: usize) -> Line<'_> {
    if read > buffer.len() {
        return Line::TooLong(buffer);
    }
    Line::Whole(buffer.strip_suffix(b"\r").unwrap_or(buffer))
}
