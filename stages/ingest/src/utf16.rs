//! UTF-16 to UTF-8, as a stream.

use std::io::{self, BufRead, Read};

/// In which order the two bytes of a unit stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    LeastFirst,
    MostFirst,
}

/// Reads UTF-16 as UTF-8, without its byte order mark.
///
/// A surrogate without its partner has no UTF-8; it becomes a byte that no UTF-8 text has, so that
/// the record it stands in is refused instead of changed.
pub(crate) struct Utf16<R> {
    reader: R,
    order: ByteOrder,
    /// First half of a pair that a read ended in.
    high: Option<u16>,
    /// Encoded bytes that did not fit the caller's buffer.
    pending: Vec<u8>,
}

const NO_UTF8: u8 = 0xFF;
const MARK: char = '\u{FEFF}';

impl<R: BufRead> Utf16<R> {
    pub(crate) fn new(reader: R, order: ByteOrder) -> Self {
        Self { reader, order, high: None, pending: Vec::new() }
    }

    /// Decodes what the reader has at hand, which is something, into `pending`.
    fn decode_some(&mut self) -> io::Result<()> {
        let available = self.reader.fill_buf()?;
        if let [only] = available {
            let first = *only;
            return self.decode_across(first);
        }
        let used = available.len() & !1;
        let order = self.order;
        let units = available[..used].chunks_exact(2).map(|pair| unit(order, pair[0], pair[1]));
        decode(self.high.take().into_iter().chain(units), &mut self.pending, &mut self.high);
        self.reader.consume(used);
        Ok(())
    }

    /// A unit whose bytes stand in two buffers of the reader.
    fn decode_across(&mut self, first: u8) -> io::Result<()> {
        self.reader.consume(1);
        let mut second = [0];
        if self.reader.read(&mut second)? == 0 {
            self.pending.push(NO_UTF8);
            return Ok(());
        }
        let units = self.high.take().into_iter().chain([unit(self.order, first, second[0])]);
        decode(units, &mut self.pending, &mut self.high);
        Ok(())
    }
}

fn unit(order: ByteOrder, first: u8, second: u8) -> u16 {
    match order {
        ByteOrder::LeastFirst => u16::from_le_bytes([first, second]),
        ByteOrder::MostFirst => u16::from_be_bytes([first, second]),
    }
}

/// Appends the units as UTF-8. A first half at the very end waits in `high`.
fn decode(units: impl Iterator<Item = u16>, text: &mut Vec<u8>, high: &mut Option<u16>) {
    let mut decoded = char::decode_utf16(units).peekable();
    while let Some(result) = decoded.next() {
        match result {
            Ok(MARK) => {}
            Ok(letter) => text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(error) if decoded.peek().is_none() && is_high(error.unpaired_surrogate()) => {
                *high = Some(error.unpaired_surrogate());
            }
            Err(_) => text.push(NO_UTF8),
        }
    }
}

fn is_high(unit: u16) -> bool {
    (0xD800..0xDC00).contains(&unit)
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.pending.is_empty() {
            if !self.reader.fill_buf()?.is_empty() {
                self.decode_some()?;
            } else if self.high.take().is_some() {
                self.pending.push(NO_UTF8);
            } else {
                return Ok(0);
            }
        }
        let count = self.pending.len().min(into.len());
        into[..count].copy_from_slice(&self.pending[..count]);
        self.pending.drain(..count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn encode(text: &str, order: ByteOrder) -> Vec<u8> {
        let bytes = |unit: u16| match order {
            ByteOrder::LeastFirst => unit.to_le_bytes(),
            ByteOrder::MostFirst => unit.to_be_bytes(),
        };
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn read(bytes: &[u8], order: ByteOrder, buffer_bytes: usize) -> Vec<u8> {
        let mut text = Vec::new();
        let reader = BufReader::with_capacity(buffer_bytes, bytes);
        Utf16::new(reader, order).read_to_end(&mut text).unwrap();
        text
    }

    proptest! {
        #[test]
        fn text_survives_in_pieces_of_any_size(text: String, buffer_bytes in 1_usize..9) {
            prop_assume!(!text.contains(MARK));
            for order in [ByteOrder::LeastFirst, ByteOrder::MostFirst] {
                let bytes = encode(&text, order);
                prop_assert_eq!(read(&bytes, order, buffer_bytes), text.as_bytes());
            }
        }

        #[test]
        fn any_bytes_end(bytes: Vec<u8>, buffer_bytes in 1_usize..9) {
            let text = read(&bytes, ByteOrder::LeastFirst, buffer_bytes);
            prop_assert!(text.len() <= bytes.len() * 3);
        }
    }

    #[test]
    fn what_is_no_text_never_becomes_some() {
        let order = ByteOrder::LeastFirst;
        assert_eq!(read(b"a\0\x00\xd8b\0", order, 8), b"a\xffb");
        assert_eq!(read(b"a\0\x00\xd8", order, 8), b"a\xff");
        assert_eq!(read(b"a\0b", order, 8), b"a\xff");
        assert_eq!(read(b"\xff\xfea\0", order, 8), b"a");
    }
}
