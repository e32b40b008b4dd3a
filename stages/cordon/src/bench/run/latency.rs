//! How long what was sent took until its results could be read.

use std::collections::HashMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{observer::Seen, schedule::Schedule, sender::Places};
use cordon_records::Source;

/// An hour: a bench that waits longer ends before.
const LATENCY_US_MAX: u64 = 3_600_000_000;

/// Durations, as a histogram of three significant digits.
pub(super) struct Latencies(Histogram<u64>);

/// What is told of them, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Quantiles {
    pub(super) samples: u64,
    pub(super) p50_ms: f64,
    pub(super) p90_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
}

impl Latencies {
    pub(super) fn new() -> Self {
        Self(Histogram::new_with_max(LATENCY_US_MAX, 3).expect("the bounds are sound"))
    }

    pub(super) fn add(&mut self, us: u64, times: u64) {
        // What did not happen would still be the maximum.
        if times > 0 {
            // Beyond the largest that it knows it counts as that.
            self.0.saturating_record_n(us, times);
        }
    }

    /// `None` without any.
    pub(super) fn quantiles(&self) -> Option<Quantiles> {
        if self.0.is_empty() {
            return None;
        }
        let ms = |us: u64| us as f64 / 1e3;
        let at = |quantile| ms(self.0.value_at_quantile(quantile));
        Some(Quantiles {
            samples: self.0.len(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            max_ms: ms(self.0.max()),
        })
    }
}

/// Where a finding's event lay, as the finding says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Origin {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

/// The lines that were sent in a pass, by their place and their time.
pub(super) struct Lines<'a> {
    pub(super) topic: &'a str,
    pub(super) places: &'a Places,
    pub(super) schedule: Schedule,
}

impl Lines<'_> {
    /// From when each finding's event should have been sent to when its pointer could be read.
    pub(super) fn to_findings(
        &self,
        findings: impl IntoIterator<Item = (u64, Origin)>,
    ) -> Latencies {
        let mut latencies = Latencies::new();
        for (arrived_us, origin) in findings {
            let line = self.places.line(origin.partition, origin.offset);
            if let Some(line) = line.filter(|_| origin.topic == self.topic) {
                latencies.add(arrived_us.saturating_sub(self.schedule.due_us(line)), 1);
            }
        }
        latencies
    }

    /// From when each line should have been sent to when the last receipt could be read of what
    /// became of it: of the last stage of a path, whose first one packs the lines. Lines of which
    /// nothing came that far are left out.
    ///
    /// Objects stand for the lines in them, so that a line whose object is merged in two batches
    /// counts up to the later one.
    pub(super) fn to_graph(&self, seen: &Seen, path: &[&str]) -> Latencies {
        let mut latencies = Latencies::new();
        let Some((first, rest)) = path.split_first() else { return latencies };
        let merged = merged_us(seen, rest);
        for (_, receipt) in seen.receipts.iter().filter(|(_, receipt)| receipt.stage == **first) {
            let keys = receipt.outputs.iter().map(|output| &*output.key);
            let Some(end_us) = keys.filter_map(|key| merged.get(key).copied()).max() else {
                continue;
            };
            for input in &receipt.inputs {
                let Source::RawSource { topic, partition } = &input.source else { continue };
                for run in input.output.as_slice().iter().filter(|_| topic == self.topic) {
                    for line in self.places.lines(*partition, run.start, run.end()) {
                        latencies.add(end_us.saturating_sub(self.schedule.due_us(line)), 1);
                    }
                }
            }
        }
        latencies
    }
}

/// When what each object holds was consumed by the last stage of a path, by the key of what the
/// first of these stages reads.
fn merged_us<'a>(seen: &'a Seen, path: &[&str]) -> HashMap<&'a str, u64> {
    let mut ends: Option<HashMap<&str, u64>> = None;
    for stage in path.iter().rev() {
        let mut consumed: HashMap<&str, u64> = HashMap::new();
        for (arrived_us, receipt) in seen.receipts.iter().filter(|(_, r)| r.stage == *stage) {
            let end_us = match &ends {
                None => Some(*arrived_us),
                Some(ends) => {
                    let keys = receipt.outputs.iter().map(|output| &*output.key);
                    keys.filter_map(|key| ends.get(key).copied()).max()
                }
            };
            let Some(end_us) = end_us else { continue };
            for input in &receipt.inputs {
                if let Source::PointerSource { key, .. } = &input.source {
                    let last = consumed.entry(key).or_default();
                    *last = end_us.max(*last);
                }
            }
        }
        ends = Some(consumed);
    }
    ends.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use cordon_records::{Digest, Output, Receipt};

    use super::*;
    use crate::fixture::{input, receipt, source};

    const SCHEDULE: Schedule = Schedule { begin_us: 1_000_000, rate: 1_000 };

    fn places() -> Places {
        let mut places = Places::default();
        (0..10).for_each(|line| places.add(0, 100 + line as i64, line));
        places.settle();
        places
    }

    fn made(stage: &str, from: Source, range: (i64, i64), key: &str) -> Receipt {
        let output = Output {
            topic: "t".to_owned(),
            partition: 0,
            bucket: "b".to_owned(),
            key: key.to_owned(),
            range_start_bytes: 0,
            range_bytes: 1,
            digest: Digest([0; 32]),
            datapoints: 1,
        };
        let inputs = vec![input(from, range.0, range.1)];
        Receipt { stage: stage.to_owned(), outputs: vec![output], ..receipt(inputs) }
    }

    #[test]
    fn a_latency_counts_from_when_the_line_was_due() {
        let places = places();
        let lines = Lines { topic: "raw", places: &places, schedule: SCHEDULE };
        let origin = |topic: &str, offset| Origin { topic: topic.to_owned(), partition: 0, offset };
        // Line 4 was due at 1.004 s, no matter when it was sent; the others are nobody's lines.
        let found = [
            (1_054_000, origin("raw", 104)),
            (1_054_000, origin("raw", 110)),
            (1_054_000, origin("other", 104)),
        ];
        let quantiles = lines.to_findings(found).quantiles().unwrap();
        assert_eq!(quantiles.samples, 1);
        assert!((quantiles.p50_ms - 50.0).abs() < 0.1 && quantiles.p99_ms >= quantiles.p50_ms);
    }

    #[test]
    fn a_line_is_in_the_graph_when_its_object_is_merged() {
        let raw = Source::RawSource { topic: "raw".to_owned(), partition: 0 };
        let seen = Seen {
            receipts: vec![
                (1_010_000, made("pack", raw.clone(), (100, 102), "l")),
                (1_020_000, made("pack", raw, (102, 103), "never merged")),
                (1_030_000, made("generate", source("logs", 0, 0, "l"), (0, 2), "s")),
                (1_040_000, made("merge", source("subgraphs", 0, 0, "s"), (0, 1), "m")),
                (1_090_000, made("merge", source("subgraphs", 0, 0, "s"), (1, 2), "n")),
            ],
            ..Seen::default()
        };
        let places = places();
        let lines = Lines { topic: "raw", places: &places, schedule: SCHEDULE };
        let quantiles = lines.to_graph(&seen, &["pack", "generate", "merge"]).quantiles().unwrap();
        // Lines 0 and 1, up to the later batch of merge.
        assert_eq!(quantiles.samples, 2);
        assert!((quantiles.max_ms - 90.0).abs() < 0.1, "{quantiles:?}");
    }

    #[test]
    fn nothing_has_no_quantiles() {
        let mut latencies = Latencies::new();
        latencies.add(7_000, 0);
        assert_eq!(latencies.quantiles(), None);
        latencies.add(1_000, 1);
        latencies.add(7_000, 0);
        assert!(latencies.quantiles().unwrap().max_ms < 1.1);
    }
}
