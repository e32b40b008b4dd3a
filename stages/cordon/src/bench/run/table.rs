//! A report for people.

use std::fmt::Write as _;

use super::{
    latency::Quantiles,
    report::{Pass, Report},
};

/// The whole report as text.
pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    for (name, pass) in [("flat out", &report.flat_out), ("steady", &report.steady)] {
        if let Some(pass) = pass {
            write_pass(name, pass, &mut out);
        }
    }
    let prices = &report.list_prices;
    line(
        &mut out,
        &format!(
            "list prices of S3 Standard, us-east-1: PUT ${} and GET ${} per 1,000; storing is not counted",
            prices.puts_1000_usd, prices.gets_1000_usd
        ),
    );
    out
}

fn line(out: &mut String, words: &str) {
    out.push_str(words);
    out.push('\n');
}

fn write_pass(name: &str, pass: &Pass, out: &mut String) {
    let rate = pass.rate.map_or(String::new(), |rate| format!(" at {rate} lines/s"));
    line(
        out,
        &format!(
            "{name}{rate}: {} lines, {:.1} MB, sent in {:.1} s, done after {:.1} s; {:.0} mapped/s",
            pass.lines,
            pass.line_bytes as f64 / 1e6,
            pass.sending_s,
            pass.seconds,
            pass.mapped_per_s
        ),
    );
    line(
        out,
        &format!(
            "{:<10} {:>10} {:>10} {:>8} {:>8} {:>9} {:>9} {:>7} {:>9} {:>8} {:>8} {:>9}",
            "stage",
            "datapoints",
            "mapped/s",
            "MB/s",
            "CPU s/M",
            "elem. in",
            "elem. out",
            "batches",
            "lag",
            "GETs",
            "PUTs",
            "peak MiB"
        ),
    );
    for (stage, figures) in &pass.stages {
        let peak = figures.memory.get("courier_rss_peak_bytes").map(|bytes| bytes / 1_048_576.0);
        line(
            out,
            &format!(
                "{stage:<10} {:>10} {:>10.0} {:>8.1} {:>8} {:>9} {:>9} {:>7} {:>9} {:>8} {:>8} {:>9}",
                figures.datapoints,
                figures.mapped_per_s,
                figures.mb_per_s,
                known(figures.cpu_s_per_million, 2),
                figures.elements_in,
                figures.elements_out,
                figures.batches,
                figures.lag_offsets.map_or("-".to_owned(), |lag| lag.to_string()),
                figures.s3.gets,
                figures.s3.puts,
                known(peak, 1),
            ),
        );
    }
    let totals = &pass.totals;
    line(
        out,
        &format!(
            "{:.1} MB of logs decoded; S3: {} GETs, {} PUTs, ${} per TB; Kafka: {} bytes per TB",
            totals.decoded_log_bytes as f64 / 1e6,
            totals.s3.gets,
            totals.s3.puts,
            known(totals.s3_usd_per_tb, 2),
            known(totals.kafka_bytes_per_tb, 0),
        ),
    );
    quantiles("transaction", pass.transaction.as_ref(), out);
    if let Some(latency) = &pass.latency {
        quantiles("event to finding", latency.to_finding.as_ref(), out);
        quantiles("event to graph", latency.to_graph.as_ref(), out);
        line(
            out,
            &format!(
                "p99 to a finding is {} × (hops {} × median transaction)",
                known(latency.finding_p99_multiple, 1),
                latency.finding_hops
            ),
        );
    }
}

fn quantiles(what: &str, quantiles: Option<&Quantiles>, out: &mut String) {
    let words = quantiles.map_or(format!("{what}: none was seen"), |q| {
        format!(
            "{what}: p50 {:.1} ms, p90 {:.1}, p99 {:.1}, max {:.1}, of {}",
            q.p50_ms, q.p90_ms, q.p99_ms, q.max_ms, q.samples
        )
    });
    line(out, &words);
}

fn known(number: Option<f64>, digits: usize) -> String {
    let mut out = String::new();
    match number {
        // Writing to a string does not fail.
        Some(number) => drop(write!(out, "{number:.digits$}")),
        None => out.push('-'),
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        bench::run::report::{Latency, StageFigures, Totals},
        prices::S3_LIST,
    };

    #[test]
    fn a_report_reads_as_a_table() {
        let quantiles =
            Quantiles { samples: 7, p50_ms: 1.0, p90_ms: 2.0, p99_ms: 3.04, max_ms: 4.0 };
        let memory = BTreeMap::from([("courier_rss_peak_bytes".to_owned(), 52_428_800.0)]);
        let stage = StageFigures {
            datapoints: 1000,
            mapped: 900,
            cpu_s_per_million: Some(4.5),
            lag_offsets: Some(3),
            memory,
            ..StageFigures::default()
        };
        let pass = Pass {
            rate: Some(500),
            lines: 1000,
            line_bytes: 2_000_000,
            sending_s: 2.0,
            sender_late_ms_max: 0.5,
            seconds: 2.5,
            mapped_per_s: 360.0,
            totals: Totals::of([&stage], 0),
            stages: BTreeMap::from([("generate".to_owned(), stage)]),
            transaction: Some(quantiles),
            latency: Some(Latency {
                to_finding: None,
                to_graph: Some(quantiles),
                finding_hops: 2,
                finding_p99_multiple: None,
            }),
        };
        let report = Report { flat_out: None, steady: Some(pass), list_prices: S3_LIST };
        expect_test::expect![[r#"
            steady at 500 lines/s: 1000 lines, 2.0 MB, sent in 2.0 s, done after 2.5 s; 360 mapped/s
            stage      datapoints   mapped/s     MB/s  CPU s/M  elem. in elem. out batches       lag     GETs     PUTs  peak MiB
            generate         1000          0      0.0     4.50         0         0       0         3        0        0      50.0
            0.0 MB of logs decoded; S3: 0 GETs, 0 PUTs, $- per TB; Kafka: - bytes per TB
            transaction: p50 1.0 ms, p90 2.0, p99 3.0, max 4.0, of 7
            event to finding: none was seen
            event to graph: p50 1.0 ms, p90 2.0, p99 3.0, max 4.0, of 7
            p99 to a finding is - × (hops 2 × median transaction)
            list prices of S3 Standard, us-east-1: PUT $0.005 and GET $0.0004 per 1,000; storing is not counted
        "#]]
        .assert_eq(&text(&report));
    }
}
