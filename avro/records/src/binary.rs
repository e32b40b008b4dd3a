//! Avro's binary encoding, where it is written by hand.

/// Appends a number: zig-zag, then seven bits a byte, the lowest first.
#[inline]
pub fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push((rest & 0x7F) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Appends a length and the bytes: what bytes and a string are.
#[inline]
pub fn put_blob(out: &mut Vec<u8>, bytes: &[u8]) {
    put_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}
