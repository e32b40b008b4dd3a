//! From the pairs of a corpus to one line.

use std::time::Duration;

use serde::Serialize;

use super::{Counts, Pair, corpus::Corpus};
use crate::figures::{middle, rounded};

/// The middle of each number over the pairs of a corpus. Ratios are of cordon to the plain loop,
/// each within its pair.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    corpus: &'static str,
    corpus_hash: String,
    output_hash: String,
    datapoints: i64,
    mapped: i64,
    not_mapped: i64,
    dead: i64,
    elements_in: i64,
    /// Of cordon; the plain loop's batches are cut elsewhere.
    elements_out: i64,
    batches: usize,
    pairs: usize,
    slots: u32,
    datapoints_per_s: f64,
    plain_datapoints_per_s: f64,
    wall_ratio: f64,
    /// Supervisor, courier, zygote and cells.
    cpu_s: f64,
    courier_cpu_s: f64,
    plain_cpu_s: f64,
    cpu_ratio: f64,
    broker_cpu_s: f64,
    s3_cpu_s: f64,
}

impl Figures {
    /// # Panics
    /// When there is no pair.
    pub(super) fn new(corpus: &Corpus, slots: u32, pairs: &[Pair]) -> Self {
        let first = pairs.first().expect("at least one pair is run");
        let Counts { mapped, not_mapped, dead, elements_in, elements_out } = first.cordon.counts;
        let datapoints = first.cordon.counts.datapoints();
        let median = |of: &dyn Fn(&Pair) -> f64| {
            middle(pairs.iter().map(of)).expect("at least one pair is run")
        };
        let seconds = |of: fn(&Pair) -> Duration| rounded(median(&|pair| of(pair).as_secs_f64()));
        let rate = |of: fn(&Pair) -> Duration| {
            median(&|pair| datapoints as f64 / of(pair).as_secs_f64()).round()
        };
        Self {
            corpus: corpus.name,
            corpus_hash: corpus.hash.to_string(),
            output_hash: first.output.to_string(),
            datapoints,
            mapped,
            not_mapped,
            dead,
            elements_in,
            elements_out,
            batches: first.cordon.batches,
            pairs: pairs.len(),
            slots,
            datapoints_per_s: rate(|pair| pair.cordon.wall),
            plain_datapoints_per_s: rate(|pair| pair.plain.wall),
            wall_ratio: rounded(median(&Pair::wall_ratio)),
            cpu_s: seconds(|pair| pair.cordon.cpu),
            courier_cpu_s: seconds(|pair| pair.cordon.courier_cpu),
            plain_cpu_s: seconds(|pair| pair.plain.cpu),
            cpu_ratio: rounded(median(&Pair::cpu_ratio)),
            broker_cpu_s: seconds(|pair| pair.cordon.broker_cpu),
            s3_cpu_s: seconds(|pair| pair.cordon.s3_cpu),
        }
    }
}
