//! From the rounds of a corpus to one line.

use serde::Serialize;

use super::{
    super::corpus::Corpus,
    contender::Name,
    round::{Measured, Round},
};
use crate::figures::{middle, rounded};

/// The middle of each number over the rounds of a corpus. Rates are datapoints a second; ratios are
/// of cordon to a peer, each within its round, above one where cordon is better. `None` stands for
/// a contender that was left out.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    corpus: String,
    corpus_hash: String,
    rounds: usize,
    cordon: Option<f64>,
    streams_eos: Option<f64>,
    parallel_consumer: Option<f64>,
    per_record: Option<f64>,
    vs_streams: Option<f64>,
    vs_streams_cpu: Option<f64>,
    vs_parallel_consumer: Option<f64>,
    vs_parallel_consumer_cpu: Option<f64>,
    vs_per_record: Option<f64>,
    vs_per_record_cpu: Option<f64>,
    /// CPU of its own processes for each datapoint.
    cordon_cpu_us: Option<f64>,
    streams_eos_cpu_us: Option<f64>,
    parallel_consumer_cpu_us: Option<f64>,
    per_record_cpu_us: Option<f64>,
    /// A round whose outputs differ ends the run.
    outputs_equal: bool,
}

impl Figures {
    pub(super) fn of(corpus: &Corpus, rounds: &[Round]) -> Self {
        let middle = |of: &dyn Fn(&Round) -> Option<f64>| middle(rounds.iter().filter_map(of));
        let rate = |name| middle(&|round| Some(round.get(&name)?.per_s())).map(f64::round);
        let cpu_us = |name| middle(&|round| Some(round.get(&name)?.cpu_us())).map(rounded);
        let ratio = |of: fn(&Measured) -> f64, name| {
            middle(&|round| Some(of(round.get(&Name::Cordon)?) / of(round.get(&name)?)))
                .map(rounded)
        };
        let wall = |name| ratio(Measured::per_s, name);
        let cpu = |name| ratio(|measured| 1.0 / measured.cpu_us(), name);
        Self {
            corpus: corpus.name.to_owned(),
            corpus_hash: corpus.hash.to_string(),
            rounds: rounds.len(),
            cordon: rate(Name::Cordon),
            streams_eos: rate(Name::StreamsEos),
            parallel_consumer: rate(Name::ParallelConsumer),
            per_record: rate(Name::PerRecord),
            vs_streams: wall(Name::StreamsEos),
            vs_streams_cpu: cpu(Name::StreamsEos),
            vs_parallel_consumer: wall(Name::ParallelConsumer),
            vs_parallel_consumer_cpu: cpu(Name::ParallelConsumer),
            vs_per_record: wall(Name::PerRecord),
            vs_per_record_cpu: cpu(Name::PerRecord),
            cordon_cpu_us: cpu_us(Name::Cordon),
            streams_eos_cpu_us: cpu_us(Name::StreamsEos),
            parallel_consumer_cpu_us: cpu_us(Name::ParallelConsumer),
            per_record_cpu_us: cpu_us(Name::PerRecord),
            outputs_equal: true,
        }
    }

    /// Of each rate and ratio the lower of the two corpora; of CPU the higher.
    pub(super) fn lower(self, other: Self) -> Self {
        let low = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a.min(b));
        let high = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a.max(b));
        Self {
            corpus: format!("{}, {}", self.corpus, other.corpus),
            corpus_hash: format!("{}, {}", self.corpus_hash, other.corpus_hash),
            rounds: self.rounds.min(other.rounds),
            cordon: low(self.cordon, other.cordon),
            streams_eos: low(self.streams_eos, other.streams_eos),
            parallel_consumer: low(self.parallel_consumer, other.parallel_consumer),
            per_record: low(self.per_record, other.per_record),
            vs_streams: low(self.vs_streams, other.vs_streams),
            vs_streams_cpu: low(self.vs_streams_cpu, other.vs_streams_cpu),
            vs_parallel_consumer: low(self.vs_parallel_consumer, other.vs_parallel_consumer),
            vs_parallel_consumer_cpu: low(
                self.vs_parallel_consumer_cpu,
                other.vs_parallel_consumer_cpu,
            ),
            vs_per_record: low(self.vs_per_record, other.vs_per_record),
            vs_per_record_cpu: low(self.vs_per_record_cpu, other.vs_per_record_cpu),
            cordon_cpu_us: high(self.cordon_cpu_us, other.cordon_cpu_us),
            streams_eos_cpu_us: high(self.streams_eos_cpu_us, other.streams_eos_cpu_us),
            parallel_consumer_cpu_us: high(
                self.parallel_consumer_cpu_us,
                other.parallel_consumer_cpu_us,
            ),
            per_record_cpu_us: high(self.per_record_cpu_us, other.per_record_cpu_us),
            outputs_equal: self.outputs_equal && other.outputs_equal,
        }
    }
}
