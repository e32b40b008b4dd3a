//! What requests to S3 cost.

use serde::Serialize;

/// List prices of S3 Standard in us-east-1, for a thousand requests:
/// <https://aws.amazon.com/s3/pricing/>. Transfer within a region is free. Storing is not counted.
pub(crate) const S3_LIST: S3Prices = S3Prices { puts_1000_usd: 0.005, gets_1000_usd: 0.0004 };

/// Prices for a thousand requests of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct S3Prices {
    pub(crate) puts_1000_usd: f64,
    pub(crate) gets_1000_usd: f64,
}

impl S3Prices {
    /// What so many requests cost.
    pub(crate) fn usd(&self, gets: u64, puts: u64) -> f64 {
        (gets as f64 * self.gets_1000_usd + puts as f64 * self.puts_1000_usd) / 1e3
    }
}

/// What would be so much for a terabyte (10^12 bytes), when it is `count` for `bytes`; `None` where
/// there are none.
pub(crate) fn per_terabyte(count: f64, bytes: u64) -> Option<f64> {
    (bytes > 0).then(|| count / bytes as f64 * 1e12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_a_price() {
        // A million of each: 0.40 and 5 dollars.
        assert!((S3_LIST.usd(1_000_000, 0) - 0.4).abs() < 1e-9);
        assert!((S3_LIST.usd(0, 1_000_000) - 5.0).abs() < 1e-9);
        assert!((S3_LIST.usd(0, 0)).abs() < 1e-12);
    }

    #[test]
    fn a_terabyte_is_told_from_less() {
        assert!((per_terabyte(2.0, 500_000_000).unwrap() - 4_000.0).abs() < 1e-6);
        assert_eq!(per_terabyte(2.0, 0), None);
    }
}
