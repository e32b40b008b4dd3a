//! What a run gives.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{latency::Quantiles, observer::Seen, usage::Usage};
use crate::prices::{S3_LIST, S3Prices, per_terabyte};

/// Both passes.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flat_out: Option<Pass>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) steady: Option<Pass>,
    /// S3 Standard, us-east-1.
    pub(super) list_prices: S3Prices,
}

/// One pass over the deployment.
#[derive(Debug, Serialize)]
pub(super) struct Pass {
    /// Lines a second that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate: Option<u64>,
    pub(super) lines: u64,
    pub(super) line_bytes: u64,
    pub(super) sending_s: f64,
    /// How far behind its schedule the sender was at worst: this is in the latencies.
    pub(super) sender_late_ms_max: f64,
    /// From the first line until everything was consumed.
    pub(super) seconds: f64,
    /// Log datapoints that generate mapped, a second of that.
    pub(super) mapped_per_s: f64,
    pub(super) stages: BTreeMap<String, StageFigures>,
    pub(super) totals: Totals,
    /// Transactions of all stages, by their own clocks.
    pub(super) transaction: Option<Quantiles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) latency: Option<Latency>,
}

/// Of the pass at a steady rate, from when a line should have been sent.
#[derive(Debug, Serialize)]
pub(super) struct Latency {
    pub(super) to_finding: Option<Quantiles>,
    pub(super) to_graph: Option<Quantiles>,
    /// Stages on the way to a finding.
    pub(super) finding_hops: usize,
    /// p99 to a finding, as a multiple of hops × the median transaction.
    pub(super) finding_p99_multiple: Option<f64>,
}

/// What one stage did.
#[derive(Debug, Default, Serialize)]
pub(super) struct StageFigures {
    pub(super) datapoints: i64,
    pub(super) mapped: i64,
    pub(super) not_mapped: i64,
    pub(super) dead: i64,
    pub(super) elements_in: i64,
    pub(super) elements_out: i64,
    pub(super) batches: u64,
    /// Until the stage's last receipt.
    pub(super) mapped_per_s: f64,
    /// Decoded: of its input, and of its output where the input is plain records.
    pub(super) mb_per_s: f64,
    /// Offsets between what it had committed and the ends of its topics when the last line was sent.
    pub(super) lag_offsets: Option<i64>,
    pub(super) cpu_s: Option<f64>,
    pub(super) cpu_s_per_million: Option<f64>,
    pub(super) transactions: u64,
    pub(super) s3: S3Use,
    pub(super) kafka_read_bytes: u64,
    pub(super) kafka_write_bytes: u64,
    /// Resident memory of its processes, bytes, where they know it: `courier_rss_peak_bytes`, …
    pub(super) memory: BTreeMap<String, f64>,
}

/// Requests to S3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct S3Use {
    pub(super) gets: u64,
    pub(super) puts: u64,
    pub(super) get_bytes: u64,
    pub(super) put_bytes: u64,
}

/// Of all stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Totals {
    /// Log bytes that came into payloads, decoded: what prices are told for.
    pub(super) decoded_log_bytes: u64,
    pub(super) s3: S3Use,
    pub(super) s3_usd: f64,
    pub(super) s3_requests_per_tb: Option<f64>,
    pub(super) s3_usd_per_tb: Option<f64>,
    /// Keys and values of records, without their framing: what couriers wrote, and read.
    pub(super) kafka_write_bytes: u64,
    pub(super) kafka_read_bytes: u64,
    /// Written and read.
    pub(super) kafka_bytes_per_tb: Option<f64>,
}

impl StageFigures {
    /// Counts a stage's receipts since the pass began, and takes over what its couriers say.
    pub(super) fn of(stage: &str, seen: &Seen, usage: &Usage, begun_us: u64) -> Self {
        let mut figures = Self::default();
        let mut last_us = begun_us;
        for (arrived_us, receipt) in seen.receipts.iter().filter(|(_, r)| r.stage == stage) {
            last_us = last_us.max(*arrived_us);
            figures.batches += 1;
            figures.elements_in += receipt.elements_in;
            figures.elements_out += receipt.elements_out;
            for input in &receipt.inputs {
                figures.datapoints += input.datapoints();
                figures.mapped += input.output.count();
                figures.not_mapped += input.not_mapped.count();
                figures.dead += input.dead.count();
            }
        }
        let seconds = (last_us - begun_us) as f64 / 1e6;
        figures.mapped_per_s = rate(figures.mapped as f64, seconds);
        figures.cpu_s = usage.cpu_s();
        let millions = figures.datapoints as f64 / 1e6;
        figures.cpu_s_per_million =
            figures.cpu_s.filter(|_| figures.datapoints > 0).map(|seconds| seconds / millions);
        figures.transactions = usage.count("transactions");
        figures.s3 = S3Use {
            gets: usage.count("s3_gets"),
            puts: usage.count("s3_puts"),
            get_bytes: usage.count("s3_get_bytes"),
            put_bytes: usage.count("s3_put_bytes"),
        };
        figures.kafka_read_bytes = usage.count("kafka_read_bytes");
        figures.kafka_write_bytes = usage.count("kafka_write_bytes");
        let is_memory = |(name, _): &(&String, &f64)| name.contains("_rss_");
        figures.memory =
            usage.gauges.iter().filter(is_memory).map(|(name, v)| (name.clone(), *v)).collect();
        figures
    }

    /// How fast bytes went through, in the time of its datapoints.
    pub(super) fn set_bytes(&mut self, decoded_bytes: u64) {
        let seconds =
            if self.mapped_per_s > 0.0 { self.mapped as f64 / self.mapped_per_s } else { 0.0 };
        self.mb_per_s = rate(decoded_bytes as f64 / 1e6, seconds);
    }
}

fn rate(count: f64, seconds: f64) -> f64 {
    if seconds > 0.0 { count / seconds } else { 0.0 }
}

impl Totals {
    pub(super) fn of<'a>(
        stages: impl IntoIterator<Item = &'a StageFigures>,
        decoded_log_bytes: u64,
    ) -> Self {
        let mut totals = Self { decoded_log_bytes, ..Self::default() };
        for stage in stages {
            totals.s3.gets += stage.s3.gets;
            totals.s3.puts += stage.s3.puts;
            totals.s3.get_bytes += stage.s3.get_bytes;
            totals.s3.put_bytes += stage.s3.put_bytes;
            totals.kafka_read_bytes += stage.kafka_read_bytes;
            totals.kafka_write_bytes += stage.kafka_write_bytes;
        }
        totals.s3_usd = S3_LIST.usd(totals.s3.gets, totals.s3.puts);
        let per_tb = |count: f64| per_terabyte(count, decoded_log_bytes);
        totals.s3_requests_per_tb = per_tb((totals.s3.gets + totals.s3.puts) as f64);
        totals.s3_usd_per_tb = per_tb(totals.s3_usd);
        let kafka_bytes = totals.kafka_read_bytes + totals.kafka_write_bytes;
        totals.kafka_bytes_per_tb = per_tb(kafka_bytes as f64);
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_those_of_all_stages_for_what_was_decoded() {
        let stage = |gets, puts| StageFigures {
            s3: S3Use { gets, puts, get_bytes: 1, put_bytes: 2 },
            kafka_read_bytes: 300,
            kafka_write_bytes: 200,
            ..StageFigures::default()
        };
        let totals = Totals::of(&[stage(0, 100), stage(1_000, 100)], 1_000_000_000);
        assert_eq!(totals.s3, S3Use { gets: 1_000, puts: 200, get_bytes: 2, put_bytes: 4 });
        // 0.0004 + 0.001 dollars for a gigabyte.
        assert!((totals.s3_usd_per_tb.unwrap() - 1.4).abs() < 1e-9);
        assert!((totals.s3_requests_per_tb.unwrap() - 1.2e6).abs() < 1e-3);
        assert!((totals.kafka_bytes_per_tb.unwrap() - 1e6).abs() < 1e-3);
        assert_eq!(Totals::of(&[], 0).s3_usd_per_tb, None);
    }
}
