//! Buckets of durations, for counters that a reader can subtract and add: eight to an octave, so that
//! a bucket's end is at most an eighth above anything in it.

/// Names of counters begin so, and end with the bucket's end.
pub const PREFIX: &str = "transaction_us_le_";

/// Bits of a number that tell its bucket.
const BITS: u32 = 4;

/// The end of the bucket that a duration falls into, microseconds, inclusive.
pub(super) fn end_us(us: u64) -> u64 {
    let shift = (u64::BITS - us.leading_zeros()).saturating_sub(BITS);
    us | ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_ends_at_most_an_eighth_above_what_is_in_it() {
        assert_eq!([0, 1, 15, 16, 17, 18].map(end_us), [0, 1, 15, 17, 17, 19]);
        assert_eq!(end_us(u64::MAX), u64::MAX);
        for us in (1..1_000_000).step_by(37) {
            let end = end_us(us);
            assert!(us <= end && end - us <= us / 8, "{us}: {end}");
            assert_eq!(end_us(end), end, "the end is in its bucket");
            assert!(end_us(end + 1) > end, "the next begins behind it");
        }
    }
}
