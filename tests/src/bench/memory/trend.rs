//! Whether memory grows with the work done.

use crate::figures::middle;

/// Growth that is a matter of a few pages here and there, and no leak.
const NOISE_BYTES: f64 = (2 << 20) as f64;
/// The same as a share of the size.
const NOISE_SHARE: f64 = 0.02;
/// The ends of a run that are compared: each a quarter, so that the middle of each is steady.
const END_SHARE: usize = 4;

/// What one process had, when so much was done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Datapoints processed so far, in millions.
    pub(super) millions: f64,
    pub(super) bytes: f64,
}

/// Memory over the work of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trend {
    /// The middle of the first quarter.
    pub(super) first_bytes: f64,
    /// The middle of the last quarter.
    pub(super) last_bytes: f64,
    /// The middle of the slopes between any two points (Theil and Sen): a spike moves it not at all.
    pub(super) slope_bytes_per_million: f64,
    /// What that slope gives over the whole run. One step is none: an allocator keeps what the largest
    /// batch so far took. Who leaks grows by the page, or by steps again and again.
    pub(super) growth_bytes: f64,
}

impl Trend {
    /// `None` for fewer than two points at different work. They come in the order of the work.
    pub(super) fn of(points: &[Point]) -> Option<Self> {
        let slopes = points.iter().enumerate().flat_map(|(place, from)| {
            let later = points[place + 1..].iter().filter(|to| to.millions > from.millions);
            later.map(|to| (to.bytes - from.bytes) / (to.millions - from.millions))
        });
        let slope = middle(slopes)?;
        let end = points.len().div_ceil(END_SHARE);
        let first = middle(points[..end].iter().map(|point| point.bytes))?;
        let last = middle(points[points.len() - end..].iter().map(|point| point.bytes))?;
        let range = points.last()?.millions - points.first()?.millions;
        Some(Self {
            first_bytes: first,
            last_bytes: last,
            slope_bytes_per_million: slope,
            growth_bytes: slope * range,
        })
    }

    /// Whether it grew by no more than noise.
    pub(super) fn is_flat(&self) -> bool {
        self.growth_bytes < NOISE_BYTES.max(self.first_bytes * NOISE_SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = (1 << 20) as f64;

    /// A hundred points over ten millions.
    fn run(bytes: impl Fn(usize) -> f64) -> Trend {
        let points: Vec<Point> =
            (0..=100).map(|n| Point { millions: n as f64 / 10.0, bytes: bytes(n) }).collect();
        Trend::of(&points).unwrap()
    }

    #[test]
    fn a_leak_is_found_under_noise() {
        // 1 MiB per million, and 8 MiB up and down with each batch.
        let noise = |n: usize| ((n * 37) % 17) as f64 / 2.0 * MIB;
        let leak = run(|n| 100.0 * MIB + n as f64 / 10.0 * MIB + noise(n));
        assert!((leak.slope_bytes_per_million / MIB - 1.0).abs() < 0.1, "{leak:?}");
        assert!(!leak.is_flat());
        assert!(run(|n| 100.0 * MIB + noise(n)).is_flat());
    }

    #[test]
    fn spikes_are_no_leak() {
        let spiky = run(|n| if n % 10 == 9 { 400.0 * MIB } else { 50.0 * MIB });
        assert_eq!(spiky.slope_bytes_per_million, 0.0);
        assert!(spiky.is_flat());
    }

    #[test]
    fn one_step_is_told_and_is_no_leak() {
        let step = run(|n| if n > 80 { 60.0 * MIB } else { 50.0 * MIB });
        assert_eq!(step.last_bytes - step.first_bytes, 10.0 * MIB);
        assert!(step.is_flat());
    }

    #[test]
    fn steps_again_and_again_are_a_leak() {
        let stairs = run(|n| 50.0 * MIB + (n / 20) as f64 * MIB);
        assert!((stairs.growth_bytes / MIB - 5.0).abs() < 0.5, "{stairs:?}");
        assert!(!stairs.is_flat());
    }

    #[test]
    fn what_shrinks_is_flat() {
        assert!(run(|n| 200.0 * MIB - n as f64 * MIB).is_flat());
    }

    #[test]
    fn one_point_is_no_trend() {
        assert_eq!(Trend::of(&[Point { millions: 1.0, bytes: MIB }]), None);
        assert_eq!(Trend::of(&[Point { millions: 1.0, bytes: MIB }; 2]), None);
    }
}
