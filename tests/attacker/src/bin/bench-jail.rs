//! What the jail costs: CPU of the same cells, doing the same work of generate, with the jail and
//! without, in pairs that take turns in going first. Prints `figures: {…}`.
//!
//! It goes on until the median of the pairs' ratios is known well enough. The zygotes are this
//! program, executed again: the released one, from its first instruction.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::{fs, process::ExitCode};

use anyhow::{Context as _, Result, ensure};
use cordon_attacker::zygote::Zygote;
use cordon_cell::{CellEnd, CellJob, CellLimits, JailReport, sealed_memfd};
use cordon_container::SectionWriter;
use cordon_load::{Settings, Telemetry};
use cordon_records::{
    Digest, FileOrigin, LogDatapoint, Origin,
    cell::{Job, Part},
    schema::LOG_DATAPOINT,
    single_object,
};

/// Fewer pairs tell nothing of a median.
const PAIRS_MIN: usize = 20;
/// More, and the machine is too restless to tell.
const PAIRS_MAX: usize = 200;
/// How well the median must be known: the width of its 95 % interval.
const WIDTH_MAX: f64 = 0.04;
/// The bar: what the jail may cost.
const RATIO_MAX: f64 = 1.05;
/// Lines of a payload, as packed by default.
const LINES: usize = 4096;
/// Cells in each half of a pair: tens of milliseconds of CPU, counted in microseconds.
const CELLS: usize = 4;
/// Partitions of the output topic, as in the topology.
const PARTITIONS: i32 = 6;

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|role| role == "zygote") {
        return cordon::main();
    }
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("bench-jail: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the jail is as cheap as it must be.
fn run() -> Result<bool> {
    let work = Work::new()?;
    let strict = JailReport::of(cordon_cell::JailMode::Strict);
    let mode = if strict.is_complete() { "strict" } else { "best" };
    println!("the jail here ({mode}): {strict}");
    let (jailed, free) = (Zygote::start(mode)?, Zygote::start("off")?);
    // Nobody's first cell counts: it faults in what the others find.
    for bench in [&jailed, &free] {
        cells_us(bench, &work)?;
    }
    let (mut ratios, mut jailed_us, mut free_us) = (Vec::new(), Vec::new(), Vec::new());
    let interval = loop {
        let (with, without) = if ratios.len() % 2 == 0 {
            (cells_us(&jailed, &work)?, cells_us(&free, &work)?)
        } else {
            let without = cells_us(&free, &work)?;
            (cells_us(&jailed, &work)?, without)
        };
        jailed_us.push(with);
        free_us.push(without);
        ratios.push(with / without);
        let interval = median_interval(&ratios);
        let is_known = ratios.len() >= PAIRS_MIN && interval.1 - interval.0 < WIDTH_MAX;
        if is_known || ratios.len() == PAIRS_MAX {
            break interval;
        }
    };
    let is_known = interval.1 - interval.0 < WIDTH_MAX;
    let holds = is_known && interval.1 <= RATIO_MAX;
    println!(
        "figures: {}",
        serde_json::json!({
            "pairs": ratios.len(),
            "cells_per_half": CELLS,
            "datapoints_per_cell": LINES,
            "jail": mode,
            "jailed_cpu_ms": rounded(median(&jailed_us) / 1000.0),
            "free_cpu_ms": rounded(median(&free_us) / 1000.0),
            "cpu_ratio": rounded(median(&ratios)),
            "cpu_ratio_95": [rounded(interval.0), rounded(interval.1)],
            "is_known": is_known,
            "bar": RATIO_MAX,
            "holds": holds,
        })
    );
    Ok(holds)
}

/// The same for every cell.
struct Work {
    payload: Vec<u8>,
    header: Vec<u8>,
}

impl Work {
    fn new() -> Result<Self> {
        let mut payload = Vec::new();
        let mut writer = SectionWriter::new(LOG_DATAPOINT.current(), &mut payload);
        for (record, line) in Telemetry::new(Settings::default()).take(LINES).enumerate() {
            let origin = FileOrigin { sha256: Digest::default(), record: record as i64 };
            writer.append(&LogDatapoint { origin: Origin::File(origin), line: &line.bytes })?;
        }
        let summary = writer.finish_section()?;
        drop(writer);
        let part = Part {
            offset_bytes: 0,
            len_bytes: payload.len() as i64,
            schema: LOG_DATAPOINT.current().fingerprint.to_long(),
            from: 0,
            to: LINES as i64,
            datapoints: Some(LINES as i64),
            decoded_bytes_max: summary.decoded_bytes as i64,
            selection: None,
        };
        let job = Job::of(vec![part], PARTITIONS, 64);
        Ok(Self { header: single_object::encode(&job)?, payload })
    }
}

/// CPU of cells and of their zygote, which forks them, in microseconds.
fn cells_us(zygote: &Zygote, work: &Work) -> Result<f64> {
    let before = cpu_us(zygote.id())?;
    let mut used = 0;
    for _ in 0..CELLS {
        let result = zygote.run(CellJob {
            header: work.header.clone(),
            input: sealed_memfd("bench", &[&work.payload])?,
            limits: CellLimits::default(),
        })?;
        ensure!(result.end == CellEnd::Finished, "a cell {}", result.end);
        ensure!(!result.output.is_empty(), "a cell did nothing");
        used += result.usage.user_us + result.usage.system_us;
    }
    Ok(used as f64 + cpu_us(zygote.id())? - before)
}

/// CPU of a process so far, without its children's.
fn cpu_us(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let ns: f64 = stat.split(' ').next().context("schedstat is empty")?.parse()?;
    Ok(ns / 1000.0)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// The 95 % interval of the median, by ranks: of independent values, each lies below the true
/// median with probability one half, so that their count is binomial, whatever they are spread
/// like.
fn median_interval(values: &[f64]) -> (f64, f64) {
    let sorted = sorted(values);
    let n = sorted.len();
    let half_width = 1.96 * (n as f64).sqrt() / 2.0;
    let low = (n as f64 / 2.0 - half_width).floor().max(0.0) as usize;
    (sorted[low], sorted[n - 1 - low])
}

/// Four digits behind the point: more would be noise.
fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_known_better_by_more_pairs() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(median(&values), 49.5);
        assert_eq!(median_interval(&values), (40.0, 59.0));
        let few: Vec<f64> = values.iter().step_by(5).copied().collect();
        let (low, high) = median_interval(&few);
        assert!(high - low > 19.0 && low < 49.5 && high > 49.5);
        assert_eq!(median_interval(&[1.0]), (1.0, 1.0));
    }
}
