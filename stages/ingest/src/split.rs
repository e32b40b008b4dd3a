//! Text to records: by lines, or by the braces of objects.

use std::io::{self, BufRead, Read as _};

use crate::{
    limits::LINE_BYTES_MAX,
    recognise::{Depth, UTF8_MARK},
};

/// A stretch of text that should be one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// All of it; of one that is too long, the beginning.
    pub(crate) text: &'a [u8],
    /// It is longer than a record may be.
    pub(crate) is_too_long: bool,
    /// The text ended before the piece did, as far as one can tell.
    pub(crate) is_open: bool,
}

/// Cuts text into pieces. Holds one piece, never more than the longest record.
pub(crate) trait Splitter {
    /// The next piece; `None` at the end.
    fn next(&mut self) -> io::Result<Option<Piece<'_>>>;

    /// Bytes of the text that are done with.
    fn consumed(&self) -> u64;

    /// Whether one may go on behind a piece whose end was never seen.
    fn can_resume_inside(&self) -> bool;
}

/// Pieces are lines.
pub(crate) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    consumed: u64,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), consumed: 0 }
    }

    /// Passes over the rest of a line whose beginning an earlier cell has seen.
    pub(crate) fn skip_rest_of_line(&mut self) -> io::Result<()> {
        self.consumed += self.reader.skip_until(b'\n')? as u64;
        Ok(())
    }
}

impl<R: BufRead> Splitter for Lines<R> {
    fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        self.line.clear();
        // Room for a line of the longest length and its line break.
        let room = LINE_BYTES_MAX as u64 + 2;
        let read = self.reader.by_ref().take(room).read_until(b'\n', &mut self.line)?;
        self.consumed += read as u64;
        if read == 0 {
            return Ok(None);
        }
        let mut is_open = !self.line.ends_with(b"\n");
        if is_open && read as u64 == room {
            let passed_over = self.reader.skip_until(b'\n')?;
            self.consumed += passed_over as u64;
            // Only the text's end stops it before a line break, and the line break is not shown.
            // An error comes again with the next piece.
            is_open = self.reader.fill_buf().is_ok_and(<[u8]>::is_empty);
        }
        let text = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let is_too_long = text.len() > LINE_BYTES_MAX;
        Ok(Some(Piece { text: &text[..text.len().min(LINE_BYTES_MAX)], is_too_long, is_open }))
    }

    fn consumed(&self) -> u64 {
        self.consumed
    }

    fn can_resume_inside(&self) -> bool {
        true
    }
}

/// Pieces are objects, in a list or one after another. White space between their words becomes
/// one space: a record is one line, and an object that spreads over lines is none.
pub(crate) struct Objects<R> {
    reader: R,
    object: Vec<u8>,
    consumed: u64,
}

impl<R: BufRead> Objects<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, object: Vec::new(), consumed: 0 }
    }

    /// Passes over what stands between objects, the list's own brackets among it. Returns whether
    /// anything comes.
    fn skip_to_object(&mut self) -> io::Result<bool> {
        // The byte order mark among it: nothing else of it can begin an object.
        let is_between = |byte: &u8| {
            byte.is_ascii_whitespace()
                || matches!(byte, b',' | b'[' | b']')
                || UTF8_MARK.contains(byte)
        };
        loop {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                return Ok(false);
            }
            let between = available.iter().take_while(|byte| is_between(byte)).count();
            let is_found = between < available.len();
            self.reader.consume(between);
            self.consumed += between as u64;
            if is_found {
                return Ok(true);
            }
        }
    }
}

/// Looks for the end of an object, or of something else in its place.
#[derive(Default)]
struct Scan {
    depth: Depth,
    is_begun: bool,
    is_too_long: bool,
}

impl Scan {
    /// Takes bytes up to the end of the piece; returns how many, and whether that was the end.
    fn take(&mut self, bytes: &[u8], object: &mut Vec<u8>) -> (usize, bool) {
        for (at, byte) in bytes.iter().enumerate() {
            // What is no object ends where the next could begin.
            let is_bare = self.is_begun && self.depth.levels == 0 && !self.depth.in_string;
            if is_bare && matches!(byte, b',' | b']' | b'{' | b'\n') {
                return (at, true);
            }
            self.depth.step(*byte);
            self.keep(*byte, object);
            let is_closed = *byte == b'}' && self.depth.levels == 0 && !self.depth.in_string;
            self.is_begun = true;
            if is_closed {
                return (at + 1, true);
            }
        }
        (bytes.len(), false)
    }

    fn keep(&mut self, byte: u8, object: &mut Vec<u8>) {
        let is_space = byte.is_ascii_whitespace() && !self.depth.in_string;
        if is_space && object.last() == Some(&b' ') {
            return;
        }
        if object.len() < LINE_BYTES_MAX {
            object.push(if is_space { b' ' } else { byte });
        } else {
            self.is_too_long = true;
        }
    }
}

impl<R: BufRead> Splitter for Objects<R> {
    fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        self.object.clear();
        if !self.skip_to_object()? {
            return Ok(None);
        }
        let mut scan = Scan::default();
        let mut is_open = true;
        while is_open {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let (taken, is_end) = scan.take(available, &mut self.object);
            self.reader.consume(taken);
            self.consumed += taken as u64;
            is_open = !is_end;
        }
        Ok(Some(Piece { text: &self.object, is_too_long: scan.is_too_long, is_open }))
    }

    fn consumed(&self) -> u64 {
        self.consumed
    }

    fn can_resume_inside(&self) -> bool {
        false
    }
}
