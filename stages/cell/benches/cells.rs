//! What a cell costs: `cargo bench -p cordon-cell`. Prints `figures: {…}`.
//!
//! The bars of the design: at most 0.5 ms of CPU for a cell at any size of rules, jail included,
//! and its first byte within 100 µs from the pool.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench measures time and prints it"
)]

use std::{
    collections::HashMap,
    ffi::OsString,
    hint::black_box,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use cordon_cell::{
    CellContext, CellEnd, CellJob, CellLimits, CellResult, Cells, JailMode, SpawnedZygote,
    sealed_memfd, spawn_zygote,
    zygote::{self, ZygoteSettings},
};

/// Enough for a steady median on a shared machine.
const ROUNDS: usize = 300;

/// Rules as large as every Sigma rule of the public collection with their index, about.
const LARGE_RULES_MB: usize = 192;

const HAND_OVER_BYTES: usize = 8 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|role| role == "zygote") {
        serve(&arguments[2], arguments[3].parse().unwrap_or(0));
    }
    let mut figures = Vec::new();
    for (name, jail, rules_mb) in [
        ("unjailed", "off", 0),
        ("jailed", "best", 0),
        ("jailed_large_rules", "best", LARGE_RULES_MB),
    ] {
        let bench = Bench::start(jail, rules_mb);
        figures.extend(bench.small_cells(name));
        if name == "jailed" {
            figures.push(bench.hand_over());
        }
    }
    println!("figures: {{{}}}", figures.join(","));
}

/// The zygote: rules are a heap of small strings, as parsed rules are.
fn serve(jail: &str, rules_mb: usize) -> ! {
    let rules: HashMap<u64, String> = (0..rules_mb as u64 * 8000)
        .map(|id| (id, format!("C:\\Windows\\System32\\{id:040}.exe")))
        .collect();
    let settings = ZygoteSettings {
        jail: if jail == "off" { JailMode::Off } else { JailMode::Best },
        ..ZygoteSettings::default()
    };
    zygote::serve(&settings, move |cell: &CellContext| {
        // The first byte, by a clock that both processes share.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        cell.append_output(&now.as_nanos().to_ne_bytes()).map_err(|e| e.to_string())?;
        for id in 0..cell.header().len() as u64 {
            black_box(rules.get(&(id * 7919 % rules.len().max(1) as u64)));
        }
        // Every byte of the input, as a decoder would touch it.
        let sum = cell.input().iter().fold(0u64, |sum, byte| sum.wrapping_add(u64::from(*byte)));
        black_box(sum);
        Ok(())
    })
}

struct Bench {
    cells: Cells,
    zygote: std::process::Child,
}

impl Bench {
    fn start(jail: &str, rules_mb: usize) -> Self {
        let arguments = ["zygote", jail, &rules_mb.to_string()].map(OsString::from);
        let SpawnedZygote { child, socket } = spawn_zygote(&arguments).expect("a zygote starts");
        Self { cells: Cells::connect(socket).expect("it is ready"), zygote: child }
    }

    /// Cells that do next to nothing: their own cost. CPU is what the cell used, fork and exit
    /// included, as the kernel counts it, and the zygote's share apart.
    fn small_cells(&self, name: &str) -> Vec<String> {
        let zygote_before = cpu_of(self.zygote.id());
        let (mut first_byte, mut wall, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            // Time for the pool to fill, as there is between batches.
            thread::sleep(Duration::from_millis(2));
            let job = job(b"a small header", b"a small payload");
            let (sent_at, started) = (SystemTime::now(), Instant::now());
            let result = self.cells.run(job);
            wall.push(microseconds(started.elapsed()));
            first_byte.push(first_byte_after(&result, sent_at));
            cpu.push((result.usage.user_us + result.usage.system_us) as f64);
        }
        let zygote = cpu_of(self.zygote.id()).saturating_sub(zygote_before);
        let per_cell = microseconds(zygote) / ROUNDS as f64;
        for (what, values) in
            [("first byte", &mut first_byte), ("wall", &mut wall), ("cell CPU", &mut cpu)]
        {
            println!("{name:20} {what:11} {}", spread(values));
        }
        println!("{name:20} zygote CPU  {per_cell:7.0} µs a cell");
        vec![
            format!("\"{name}_first_byte_us\":{:.0}", median(&mut first_byte)),
            format!("\"{name}_wall_us\":{:.0}", median(&mut wall)),
            format!("\"{name}_cell_cpu_us\":{:.0}", median(&mut cpu)),
            format!("\"{name}_zygote_cpu_us\":{per_cell:.0}"),
        ]
    }

    /// A large payload, from the courier's bytes until the cell has touched each of them.
    fn hand_over(&self) -> String {
        let payload: Vec<u8> = (0..HAND_OVER_BYTES).map(|at| (at * 31) as u8).collect();
        let (mut writing, mut all) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS / 3 {
            let started = Instant::now();
            let job = job(b"", &payload);
            writing.push(microseconds(started.elapsed()));
            let result = self.cells.run(job);
            assert_eq!(result.end, CellEnd::Finished);
            all.push(microseconds(started.elapsed()));
        }
        println!("8 MiB, sealed memfd  writing     {}", spread(&mut writing));
        println!("8 MiB, until read    wall        {}", spread(&mut all));
        format!("\"hand_over_8mib_us\":{:.0}", median(&mut all))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = (self.zygote.kill(), self.zygote.wait());
    }
}

fn job(header: &[u8], input: &[u8]) -> CellJob {
    CellJob {
        header: header.to_vec(),
        input: sealed_memfd("bench", &[input]).expect("memory for a payload"),
        limits: CellLimits::default(),
    }
}

fn first_byte_after(result: &CellResult, sent_at: SystemTime) -> f64 {
    let told: [u8; 16] = result.output[..].try_into().expect("a cell tells when it began");
    let began = UNIX_EPOCH + Duration::from_nanos(u128::from_ne_bytes(told) as u64);
    microseconds(began.duration_since(sent_at).unwrap_or_default())
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1000.0
}

/// CPU time of a process so far, without its children's.
fn cpu_of(pid: u32) -> Duration {
    let sched = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let nanos = sched.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    Duration::from_nanos(nanos)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn spread(values: &mut [f64]) -> String {
    let middle = median(values);
    let late = values[values.len() * 95 / 100];
    format!("min {:7.0}  p50 {middle:7.0}  p95 {late:7.0} µs", values[0])
}
