//! Avro's framing primitives over a slice: longs as zig-zag varints, and length-prefixed bytes.

/// What a framing step can find wrong; the reader adds the index.
pub(crate) type Framing<T> = Result<T, &'static str>;

/// A 64-bit varint has at most ten bytes of seven bits.
const VARINT_BYTES_MAX: usize = 10;

/// The bytes not read yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn starts_with(self, prefix: &[u8]) -> bool {
        self.0.starts_with(prefix)
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Framing<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or("truncated")?;
        self.0 = rest;
        Ok(taken)
    }

    /// A zig-zag varint.
    pub(crate) fn long(&mut self) -> Framing<i64> {
        let mut value = 0_u64;
        for (at, &byte) in self.0.iter().enumerate().take(VARINT_BYTES_MAX) {
            let bits = u64::from(byte & 0x7F);
            if at == VARINT_BYTES_MAX - 1 && bits > 1 {
                return Err("a number has more than 64 bits");
            }
            value |= bits << (7 * at);
            if byte & 0x80 == 0 {
                self.0 = &self.0[at + 1..];
                return Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
            }
        }
        Err(if self.0.len() < VARINT_BYTES_MAX { "truncated" } else { "a number does not end" })
    }

    /// A length, and so many bytes.
    pub(crate) fn blob(&mut self) -> Framing<&'a [u8]> {
        let len = usize::try_from(self.long()?).map_err(|_| "a length is negative")?;
        self.take(len)
    }
}

#[cfg(test)]
mod tests {
    use cordon_records::binary::put_long;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn longs_survive(value: i64) {
            let mut bytes = Vec::new();
            put_long(&mut bytes, value);
            let mut cursor = Cursor::new(&bytes);
            prop_assert_eq!(cursor.long(), Ok(value));
            prop_assert!(cursor.is_empty());
        }

        #[test]
        fn any_bytes_are_a_long_or_a_fault(bytes: Vec<u8>) {
            let mut cursor = Cursor::new(&bytes);
            let read = cursor.long();
            prop_assert_eq!(read.is_err(), cursor.0.len() == bytes.len());
        }
    }

    #[test]
    fn overlong_numbers_are_refused() {
        assert_eq!(Cursor::new(&[0x80; 3]).long(), Err("truncated"));
        assert_eq!(Cursor::new(&[0x80; 12]).long(), Err("a number does not end"));
        let mut too_big = [0xFF; 10];
        too_big[9] = 0x02;
        assert_eq!(Cursor::new(&too_big).long(), Err("a number has more than 64 bits"));
    }

    #[test]
    fn lengths_are_checked_before_bytes_are_taken() {
        let mut huge = Vec::new();
        put_long(&mut huge, 1 << 62);
        assert_eq!(Cursor::new(&huge).blob(), Err("truncated"));
        let mut negative = Vec::new();
        put_long(&mut negative, -1);
        assert_eq!(Cursor::new(&negative).blob(), Err("a length is negative"));
    }
}
