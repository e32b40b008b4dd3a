//! `cordon bench run` against the tests' own Kafka and S3, with all stages as they are shipped.
//!
//! Twice: at the default limits, flat out and then at half of that rate; and flat out with batches of
//! 64 MiB, for what S3 costs then.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use cordon_tests::{
    audit::{FAULTS, audit, ensure_none, of_stage},
    figures::rounded,
    stage::Stage,
    world::World,
};
use serde_json::{Map, Value, json};

/// All of them.
const STAGES: [&str; 4] = ["pack", "generate", "match", "merge"];
/// Batches as large as one decoded payload may be without other settings: 64 MiB. The count of
/// datapoints, and what pack reads ahead, must not end them before. Two batches are in hand.
const LARGE_BATCHES: [(&str, &str); 4] = [
    ("CORDON_COURIER_BATCH_DATAPOINTS_MAX", "131072"),
    ("CORDON_COURIER_BATCH_DECODED_BYTES_MAX", "67108864"),
    ("CORDON_COURIER_QUEUE_RECORDS_MAX", "262144"),
    ("CORDON_COURIER_QUEUE_BYTES_MAX", "268435456"),
];

/// Measure the whole pipeline by `cordon bench run`.
#[derive(Parser)]
struct Arguments {
    /// Lines of each pass that is flat out.
    #[arg(long, default_value_t = 500_000)]
    lines: u64,
    /// Seconds at half of the rate that the first pass reaches.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Slots of each stage.
    #[arg(long, default_value_t = 1)]
    slots: u32,
}

#[expect(clippy::print_stderr, reason = "the only place this program can complain")]
fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-run: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "printing is its purpose")]
fn run(arguments: &Arguments) -> Result<()> {
    ensure!(!cfg!(debug_assertions), "a debug build is no measure: run `make bench-run`");
    let world = World::start()?;
    let Arguments { lines, seconds, slots } = arguments;
    let default = measure(&world, *slots, &[], *lines, *seconds)?;
    println!("at the default limits: {default}");
    let large = measure(&world, *slots, &LARGE_BATCHES, *lines, 0)?;
    println!("with batches of 64 MiB: {large}");
    // Everything that was measured was done, too, and once.
    let report = audit(&world, &["--no-objects"])?;
    for stage in STAGES {
        ensure_none(of_stage(&report, stage)?, &FAULTS).context(stage)?;
    }
    println!("figures: {}", figures(&default, &large)?);
    Ok(())
}

/// Runs all stages with some settings, and `cordon bench run` beside them.
fn measure(
    world: &World,
    slots: u32,
    settings: &[(&str, &str)],
    lines: u64,
    seconds: u64,
) -> Result<Value> {
    let set = |command: &mut Command| {
        command.env("CORDON_COURIER_SLOTS", slots.to_string());
        command.envs(settings.iter().copied());
    };
    let start = |name: &str| Stage::start(world, name, name, set);
    let mut stages = STAGES.iter().map(|name| start(name)).collect::<Result<Vec<_>>>()?;
    stages.iter_mut().try_for_each(Stage::wait_until_it_owns)?;
    let password = world.password_file("shipper");
    let password = password.to_str().context("a path is not UTF-8")?;
    let (lines, seconds) = (lines.to_string(), seconds.to_string());
    let told = world.run(
        "operator",
        &[
            "bench",
            "run",
            "--json",
            "--lines",
            &lines,
            "--seconds",
            &seconds,
            "--shipper-password-file",
            password,
        ],
    )?;
    stages.into_iter().try_for_each(Stage::stop)?;
    Ok(serde_json::from_slice(&told)?)
}

/// One line of both runs.
fn figures(default: &Value, large: &Value) -> Result<Value> {
    let number = |report: &Value, place: &str| -> Result<f64> {
        let value = report.pointer(place).and_then(Value::as_f64);
        value.map(rounded).with_context(|| format!("{place} is not told"))
    };
    let of_default = |place: &str| number(default, place);
    let mut peaks = Map::new();
    for (pass, report) in [("", default), ("_64mib", large)] {
        for stage in STAGES {
            let place = format!("/flat_out/stages/{stage}/memory");
            let memory = report.pointer(&place).and_then(Value::as_object);
            let memory = memory.with_context(|| format!("{place} is not told"))?;
            for (name, bytes) in memory.iter().filter(|(name, _)| name.ends_with("_peak_bytes")) {
                let process = name.trim_end_matches("_rss_peak_bytes");
                peaks.insert(format!("{stage}_{process}{pass}"), bytes.clone());
            }
        }
    }
    let mut cpu = Map::new();
    for stage in STAGES {
        let place = format!("/flat_out/stages/{stage}/cpu_s_per_million");
        cpu.insert(stage.to_owned(), of_default(&place)?.into());
    }
    Ok(json!({
        "lines": of_default("/flat_out/lines")?,
        "mapped_per_s": of_default("/flat_out/mapped_per_s")?,
        "cpu_s_per_million": cpu,
        "rate": of_default("/steady/rate")?,
        "sender_late_ms_max": of_default("/steady/sender_late_ms_max")?,
        "findings": of_default("/steady/latency/to_finding/samples")?,
        "event_to_finding_p50_ms": of_default("/steady/latency/to_finding/p50_ms")?,
        "event_to_finding_p90_ms": of_default("/steady/latency/to_finding/p90_ms")?,
        "event_to_finding_p99_ms": of_default("/steady/latency/to_finding/p99_ms")?,
        "event_to_finding_max_ms": of_default("/steady/latency/to_finding/max_ms")?,
        "event_to_graph_p50_ms": of_default("/steady/latency/to_graph/p50_ms")?,
        "event_to_graph_p99_ms": of_default("/steady/latency/to_graph/p99_ms")?,
        "transaction_p50_ms": of_default("/steady/transaction/p50_ms")?,
        "hops": of_default("/steady/latency/finding_hops")?,
        "p99_multiple": of_default("/steady/latency/finding_p99_multiple")?,
        "decoded_log_bytes": of_default("/flat_out/totals/decoded_log_bytes")?,
        "s3_requests_per_tb": of_default("/flat_out/totals/s3_requests_per_tb")?,
        "s3_usd_per_tb": of_default("/flat_out/totals/s3_usd_per_tb")?,
        "s3_usd_per_tb_half_rate": of_default("/steady/totals/s3_usd_per_tb")?,
        "s3_usd_per_tb_64mib": number(large, "/flat_out/totals/s3_usd_per_tb")?,
        "put_usd_1000": of_default("/list_prices/puts_1000_usd")?,
        "get_usd_1000": default.pointer("/list_prices/gets_1000_usd"),
        "kafka_bytes_per_tb": of_default("/flat_out/totals/kafka_bytes_per_tb")?,
        "rss_peak_bytes": peaks,
    }))
}
