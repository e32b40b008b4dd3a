//! gzip: members one after another, and what may stand behind the last.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Reads all members as one stream.
///
/// Zeros and white space behind the last member are padding, as gzip(1) takes them: tapes, and
/// tools that end every file with a line break, leave them. Anything else is an error, because
/// it may have been a member.
pub(crate) struct Gzip<R> {
    /// The member that is being read; none once all are.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gzip<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { member: Some(GzDecoder::new(reader)) }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            self.member = next_member(self.member.take())?;
        }
        Ok(0)
    }
}

fn next_member<R: BufRead>(done: Option<GzDecoder<R>>) -> io::Result<Option<GzDecoder<R>>> {
    const MAGIC_START: u8 = 0x1F;
    let Some(mut reader) = done.map(GzDecoder::into_inner) else { return Ok(None) };
    loop {
        let available = reader.fill_buf()?;
        let is_padding = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
        let padding = available.iter().take_while(|byte| is_padding(byte)).count();
        match available.get(padding) {
            Some(&MAGIC_START) => {
                reader.consume(padding);
                return Ok(Some(GzDecoder::new(reader)));
            }
            Some(_) => return Err(io::Error::other("what follows the gzip data is none")),
            None if padding == 0 => return Ok(None),
            None => reader.consume(padding),
        }
    }
}
