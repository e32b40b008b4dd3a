//! Numbers that benches end with.

/// The one in the middle, or the higher of two; `None` where there is none.
pub fn middle(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut all: Vec<f64> = numbers.into_iter().collect();
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}

/// Three digits behind the point: more would be noise.
pub fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
