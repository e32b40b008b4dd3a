//! How many events a second the stage matches: with cordon's own rules, and with others.
//!
//! `cargo run --release -p cordon-match --example match_speed -- LINES_FILE [RULES_DIR]`
//!
//! The file holds one event a line. It is read into memory first; parsing is part of the measure.
//! What is measured is CPU time of the one thread: the machine may have other work.

#![expect(clippy::print_stdout, reason = "the figures are what this is for")]

use std::{fs, io, path::Path};

use cordon_flow::{Fate, Stage as _};
use cordon_match::{Match, Rules};
use cordon_records::{Digest, FileOrigin, LogDatapoint, Origin};

/// Each measure is the best of so many.
const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let lines = fs::read(arguments.next().ok_or("usage: match_speed LINES_FILE [RULES_DIR]")?)?;
    let lines: Vec<&[u8]> = lines.split(|&byte| byte == b'\n').filter(|l| !l.is_empty()).collect();
    measure("own rules", &Match::new(Rules::own()), &lines)?;
    if let Some(directory) = arguments.next() {
        let read = Rules::read(Path::new(&directory));
        let (rules, refused) = read.map_err(|refused| format!("{refused:?}"))?;
        println!("{directory}: {} refused", refused.len());
        measure(&directory, &Match::new(rules), &lines)?;
    }
    Ok(())
}

fn measure(name: &str, stage: &Match, lines: &[&[u8]]) -> io::Result<()> {
    let mut best = f64::INFINITY;
    let (mut findings, mut dead) = (0, 0);
    for _ in 0..ROUNDS {
        let start = cpu_seconds()?;
        (findings, dead) = run(stage, lines);
        best = best.min(cpu_seconds()? - start);
    }
    let per_second = lines.len() as f64 / best;
    println!(
        "{name}: {} rules, {} lines, {findings} findings, {dead} dead: {per_second:.0} events/s, {:.2} us/event",
        stage.rules().count(),
        lines.len(),
        1e6 / per_second,
    );
    Ok(())
}

/// CPU time of this thread, as the scheduler counts it: nanoseconds, the first number.
fn cpu_seconds() -> io::Result<f64> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = stat.split(' ').next().and_then(|number| number.parse::<f64>().ok());
    nanoseconds.map(|ns| ns / 1e9).ok_or_else(|| io::Error::other("schedstat has no number"))
}

fn run(stage: &Match, lines: &[&[u8]]) -> (usize, usize) {
    let (mut findings, mut dead) = (0, 0);
    let mut emitted = Vec::new();
    for (record, line) in (0..).zip(lines) {
        let origin = Origin::File(FileOrigin { sha256: Digest([0; 32]), record });
        let fate = stage.process(&LogDatapoint { origin, line }, &mut (), &mut emitted);
        dead += usize::from(matches!(fate, Fate::Dead(_)));
        findings += emitted.len();
        emitted.clear();
    }
    (findings, dead)
}
