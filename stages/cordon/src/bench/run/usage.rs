//! What the couriers of a stage say they used, between two looks at their metrics.

use std::collections::BTreeMap;

use cordon_courier::TRANSACTION_BUCKETS;
use cordon_records::Metrics;

use super::latency::Latencies;

/// The last metrics of each slot, by stage and slot.
pub(super) type Slots = BTreeMap<(String, String), Metrics>;

/// Counters of a stage, all of its slots together, and the largest of each gauge.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Usage {
    pub(super) counters: BTreeMap<String, i64>,
    pub(super) gauges: BTreeMap<String, f64>,
}

impl Usage {
    /// Of one stage, from `before` to `after`. A courier that was replaced in between began to count
    /// anew: what its predecessor counted last is missing.
    pub(super) fn between(before: &Slots, after: &Slots, stage: &str) -> Self {
        let mut usage = Self::default();
        for (slot, metrics) in after.iter().filter(|((of, _), _)| of == stage) {
            for (name, count) in &metrics.counters {
                let known = before.get(slot).and_then(|metrics| metrics.counters.get(name));
                let known = known.copied().filter(|known| known <= count).unwrap_or(0);
                *usage.counters.entry(name.clone()).or_default() += count - known;
            }
            for (name, value) in &metrics.gauges {
                let largest = usage.gauges.entry(name.clone()).or_default();
                *largest = largest.max(*value);
            }
        }
        usage
    }

    /// A counter; 0 where no courier has it.
    pub(super) fn count(&self, name: &str) -> u64 {
        self.counters.get(name).map_or(0, |count| count.max(&0).unsigned_abs())
    }

    /// CPU seconds of couriers, zygotes and cells, as far as they are known.
    pub(super) fn cpu_s(&self) -> Option<f64> {
        let names = ["courier_cpu_us", "zygote_cpu_us", "cells_cpu_us"];
        self.counters
            .contains_key(names[0])
            .then(|| names.iter().map(|name| self.count(name)).sum::<u64>() as f64 / 1e6)
    }

    /// Adds how long transactions took.
    pub(super) fn transactions(&self, latencies: &mut Latencies) {
        for (name, count) in &self.counters {
            let end_us = name.strip_prefix(TRANSACTION_BUCKETS).and_then(|us| us.parse().ok());
            if let Some(end_us) = end_us {
                latencies.add(end_us, count.max(&0).unsigned_abs());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(counts: &[(&str, &str, i64)]) -> Slots {
        let metrics = |stage: &str, slot: &str, count| Metrics {
            stage: stage.to_owned(),
            stage_version: "1".to_owned(),
            slot: slot.to_owned(),
            time_ms: 0,
            counters: BTreeMap::from([
                ("courier_cpu_us".to_owned(), count),
                (format!("{TRANSACTION_BUCKETS}4095"), count),
            ]),
            gauges: BTreeMap::from([("courier_rss_bytes".to_owned(), count as f64)]),
            notes: Vec::new(),
        };
        let entry = |(stage, slot, count): &(&str, &str, i64)| {
            (((*stage).to_owned(), (*slot).to_owned()), metrics(stage, slot, *count))
        };
        counts.iter().map(entry).collect()
    }

    #[test]
    fn counters_are_subtracted_and_slots_added() {
        let before = slots(&[("pack", "pack-0", 10), ("pack", "pack-1", 500), ("match", "m", 1)]);
        // The second was replaced: it counts from 0.
        let after = slots(&[
            ("pack", "pack-0", 30),
            ("pack", "pack-1", 7),
            ("pack", "pack-2", 3),
            ("match", "m", 9),
        ]);
        let usage = Usage::between(&before, &after, "pack");
        assert_eq!(usage.count("courier_cpu_us"), 20 + 7 + 3);
        assert_eq!(usage.count("nothing"), 0);
        assert_eq!(usage.gauges["courier_rss_bytes"], 30.0);
        assert!((usage.cpu_s().unwrap() - 30e-6).abs() < 1e-12);
        assert_eq!(Usage::between(&before, &after, "merge").cpu_s(), None);
        let mut latencies = Latencies::new();
        usage.transactions(&mut latencies);
        let quantiles = latencies.quantiles().unwrap();
        assert_eq!(quantiles.samples, 30);
        assert!((quantiles.p50_ms - 4.095).abs() < 0.01);
    }
}
