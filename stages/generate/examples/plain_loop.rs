//! How fast one core is at generate's own work, without isolation and without exactly-once.
//!
//! ```sh
//! cargo run --release -p cordon-generate --example plain_loop -- ARCHIVE...
//! ```
//!
//! Lines lie in memory; each pass does one part more than the one before, and the differences are
//! the price of the parts. A graph is finished every 4,096 lines, as at the end of a payload.

#![expect(clippy::print_stdout, reason = "a program that prints its measurements")]

#[path = "../tests/archives/mod.rs"]
#[expect(dead_code, reason = "the tests find the archives by themselves")]
mod archives;

use std::{hint::black_box, path::Path};

use cordon_flow::{Event, Fate, Graph, KnownElements, Memory, elements};

/// Datapoints of a default payload.
const PAYLOAD_DATAPOINTS: usize = 4096;

fn main() {
    let lines: Vec<Vec<u8>> =
        std::env::args().skip(1).flat_map(|path| archives::lines(Path::new(&path))).collect();
    assert!(!lines.is_empty(), "usage: plain_loop ARCHIVE...");
    let bytes: usize = lines.iter().map(Vec::len).sum();
    println!("{} lines, {} MB, mean {} B", lines.len(), bytes >> 20, bytes / lines.len());

    let (elements_in, elements_out) = merge(&lines);
    println!("{elements_in} elements, {elements_out} after merging by payload");

    let parse = best_of_five(&lines, || parse(&lines));
    let merge = best_of_five(&lines, || {
        merge(&lines);
    });
    println!("parse           {parse:.3} µs/line");
    println!("elements, graph {:.3} µs/line", merge - parse);
    println!("all             {merge:.3} µs/line, {:.0} k lines/s of CPU", 1000.0 / merge);
}

fn parse(lines: &[Vec<u8>]) {
    for line in lines {
        black_box(Event::parse(line).is_ok());
    }
}

/// Elements before and after merging.
fn merge(lines: &[Vec<u8>]) -> (usize, usize) {
    let (mut elements_in, mut elements_out) = (0, 0);
    let mut found = Vec::new();
    for payload in lines.chunks(PAYLOAD_DATAPOINTS) {
        let (mut graph, mut known) = (Graph::default(), KnownElements::default());
        for line in payload {
            found.clear();
            let fate = Event::parse(line).map(|event| elements(&event, &mut known, &mut found));
            if fate == Ok(Fate::Output) {
                elements_in += found.len() + Memory::<Graph>::again(&known);
                graph.extend(found.drain(..));
                known.keep(&mut graph);
            } else {
                Memory::<Graph>::forget(&mut known);
            }
        }
        elements_out += black_box(graph.into_sorted()).len();
    }
    (elements_in, elements_out)
}

/// CPU microseconds a line: the best of five runs, for the machine may be shared.
fn best_of_five(lines: &[Vec<u8>], pass: impl Fn()) -> f64 {
    let runs = (0..5).map(|_| {
        let before = cpu_ns();
        pass();
        cpu_ns() - before
    });
    let best_ns = runs.min().unwrap_or(0);
    best_ns as f64 / 1000.0 / lines.len() as f64
}

/// CPU time of this thread, as the scheduler counts it.
fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("CPU time in nanoseconds")
}
