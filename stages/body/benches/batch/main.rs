//! What a full batch of generate costs in a real cell, against the same stage code in a plain loop
//! over the same payloads: `cargo bench -p cordon-body --bench batch [-- FILE OF JSON LINES]`.
//!
//! Without a file the lines are generated. All figures are CPU time, of cell, zygote and client
//! each, since the machine may be shared; the two sides of a ratio are measured one after the
//! other, and the middle of all pairs counts.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod batch;
mod cpu;
mod plain;

use std::ffi::OsString;

use cordon_body::stage_body;
use cordon_cell::{CellEnd, Cells, JailMode, SpawnedZygote, spawn_zygote, zygote};
use cordon_generate::Generate;
use cordon_records::{cell::Report, single_object};

use crate::{batch::Batch, cpu::Cpu};

/// Enough for a steady middle on a shared machine.
const PAIRS: usize = 7;

/// Datapoints per frame: what couriers ask for,
const CHOSEN: i32 = 8192;
/// and others around it.
const CHUNKS: [i32; 4] = [64, 2048, CHOSEN, 32_768];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|role| role == "zygote") {
        let settings =
            zygote::ZygoteSettings { jail: JailMode::Best, ..zygote::ZygoteSettings::default() };
        zygote::serve(&settings, stage_body(Generate));
    }
    let file = arguments.iter().find(|argument| !argument.starts_with('-'));
    let batch = Batch::of(file.map(String::as_str));
    println!("{} lines, mean {} B", batch.lines, batch.line_bytes / batch.lines);
    let mut host = Host::start();

    let (mut limit, mut merge, mut plain) = (vec![], vec![], vec![]);
    let mut start = Vec::new();
    let mut cells: Vec<Vec<f64>> = vec![Vec::new(); CHUNKS.len()];
    let mut ratios = cells.clone();
    let us = |ns: u64| ns as f64 / 1e3 / batch.lines as f64;
    for _ in 0..PAIRS {
        limit.push(us(cpu::of(|| plain::parse(&batch))));
        merge.push(us(cpu::of(|| drop(plain::merge(&batch)))));
        for (place, chunk) in CHUNKS.into_iter().enumerate() {
            let all = us(cpu::of(|| plain::all(&batch)));
            let cell = us(host.run(&batch, chunk));
            plain.push(all);
            cells[place].push(cell);
            ratios[place].push(cell / all);
        }
        start.push(us(host.run(&batch.without_work(), CHUNKS[0])));
    }

    let [limit, merge, plain, start] =
        [&mut limit, &mut merge, &mut plain, &mut start].map(|values| median(values));
    println!("plain: decode and parse  {limit:.3} µs/line");
    println!("plain: elements, merged  {merge:.3} µs/line");
    println!("plain: and seal          {plain:.3} µs/line");
    for (place, chunk) in CHUNKS.into_iter().enumerate() {
        let (cell, ratio) = (median(&mut cells[place]), median(&mut ratios[place]));
        println!("cell, chunks of {chunk:5}    {cell:.3} µs/line, {ratio:.3} × plain");
    }
    let chosen = CHUNKS.iter().position(|chunk| *chunk == CHOSEN).expect("it is one of them");
    println!(
        "figures: {}",
        serde_json::json!({
            "lines": batch.lines,
            "plain_us": rounded(plain),
            "cell_us": rounded(median(&mut cells[chosen])),
            "cell_to_plain": rounded(median(&mut ratios[chosen])),
            "start_and_hand_over_share": rounded(start / median(&mut cells[chosen])),
            "limit_us": rounded(limit),
            "hot_path_of_limit": rounded(limit / plain),
        })
    );
}

/// The client of a zygote that serves generate.
struct Host {
    cells: Cells,
    zygote: std::process::Child,
}

impl Host {
    fn start() -> Self {
        let SpawnedZygote { child, socket } =
            spawn_zygote(&[OsString::from("zygote")]).expect("a zygote starts");
        Self { cells: Cells::connect(socket).expect("it is ready"), zygote: child }
    }

    /// CPU time of a batch in a cell, nanoseconds: the cell's, the zygote's, and the client's.
    fn run(&mut self, batch: &Batch, chunk_datapoints: i32) -> u64 {
        let zygote = Cpu::of_process(self.zygote.id());
        let mut cell_us = 0;
        let client = cpu::of(|| {
            let result = self.cells.run(batch.job(chunk_datapoints));
            assert_eq!(result.end, CellEnd::Finished);
            let report: Report = single_object::decode(&result.report).expect("a report");
            assert_eq!(report.parts.len(), batch.parts());
            cell_us = result.usage.user_us + result.usage.system_us;
        });
        client + cell_us * 1000 + Cpu::of_process(self.zygote.id()).since(zygote)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = (self.zygote.kill(), self.zygote.wait());
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
