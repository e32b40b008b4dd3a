//! What the body of a cell costs above the stage itself: a full batch of `generate` in the driver,
//! against the same code in a plain loop over the same payloads.
//!
//! ```sh
//! cargo run --release -p cordon-body --example hot_loop [-- FILE OF JSON LINES]
//! ```
//!
//! Without a file the lines are generated. Each figure is the best of nine runs on one core.

#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use cordon_body::{CellIo, IoFault, run};
use cordon_container::{ReadLimits, SectionReader, SectionWriter};
use cordon_flow::{Accumulate as _, Fate, Graph, Stage as _};
use cordon_generate::Generate;
use cordon_load::{Settings, Telemetry};
use cordon_records::{
    Digest, FileOrigin, LogDatapoint, Origin,
    cell::{Job, Mode, Part},
    schema,
};

/// A full batch, and the datapoints of a default payload.
const BATCH_DATAPOINTS: usize = 32_768;
const PAYLOAD_DATAPOINTS: usize = 4096;

fn main() {
    let lines = lines(std::env::args().nth(1));
    let count = lines.len() as f64;
    let bytes: usize = lines.iter().map(Vec::len).sum();
    let payloads: Vec<Vec<u8>> = lines.chunks(PAYLOAD_DATAPOINTS).map(payload).collect();
    let (job, input) = job(&payloads);
    println!("{count} lines, mean {} B, {} payloads", bytes / lines.len(), payloads.len());

    let decode = best_us(|| plain(&payloads, Depth::Decode)) / count;
    let merge = best_us(|| plain(&payloads, Depth::Merge)) / count;
    let seal = best_us(|| plain(&payloads, Depth::Seal)) / count;
    println!("plain: decode     {decode:.3} µs/line");
    println!("plain: and merge  {merge:.3} µs/line");
    println!("plain: and seal   {seal:.3} µs/line, {:.0} k lines/s", 1e3 / seal);
    for chunk_datapoints in [64, 256] {
        let job = Job { chunk_datapoints, ..job.clone() };
        let mut cell = Cell::default();
        let body = best_us(|| {
            cell.clear();
            run(&Generate, &job, &input, &mut &mut cell).unwrap();
        }) / count;
        println!(
            "body, chunks of {chunk_datapoints:3} {body:.3} µs/line, {:.2} × plain, frames {} KB, output {} KB",
            body / seal,
            cell.frames.len() >> 10,
            cell.output.len() >> 10,
        );
    }
}

fn lines(path: Option<String>) -> Vec<Vec<u8>> {
    match path {
        Some(path) => {
            let text = std::fs::read(path).expect("the file can be read");
            let lines = text.split(|&b| b == b'\n').filter(|line| !line.is_empty());
            lines.take(BATCH_DATAPOINTS).map(<[u8]>::to_vec).collect()
        }
        None => {
            Telemetry::new(Settings::default()).take(BATCH_DATAPOINTS).map(|l| l.bytes).collect()
        }
    }
}

fn payload(lines: &[Vec<u8>]) -> Vec<u8> {
    let sha256 = Digest::of(b"a file");
    let mut writer = SectionWriter::new(schema::LOG_DATAPOINT.current(), Vec::new());
    for (record, line) in (0..).zip(lines) {
        let origin = Origin::File(FileOrigin { sha256, record });
        writer.append(&LogDatapoint { origin, line }).unwrap();
    }
    writer.finish_section().unwrap();
    writer.into_inner()
}

fn job(payloads: &[Vec<u8>]) -> (Job, Vec<u8>) {
    let mut input = Vec::new();
    let mut parts = Vec::new();
    for payload in payloads {
        let n = read(payload, |_| {}) as i64;
        parts.push(Part {
            offset_bytes: input.len() as i64,
            len_bytes: payload.len() as i64,
            schema: schema::LOG_DATAPOINT.current().fingerprint.to_long(),
            from: 0,
            to: n,
            datapoints: Some(n),
            decoded_bytes_max: 1 << 30,
            selection: None,
        });
        input.extend_from_slice(payload);
    }
    let job = Job {
        parts,
        partitions: 4,
        chunk_datapoints: 64,
        sentenced: Vec::new(),
        frames_offset_bytes: 0,
        frames_bytes: 0,
        budget_ms: 0,
        mode: Mode::Process,
        options: BTreeMap::new(),
    };
    (job, input)
}

fn read(payload: &[u8], mut each: impl FnMut(&LogDatapoint<'_>)) -> u64 {
    let limits = ReadLimits { decoded_bytes_max: 1 << 30, ..ReadLimits::default() };
    let mut reader = SectionReader::open(payload, &schema::LOG_DATAPOINT, None, limits).unwrap();
    while let Some((_, datapoint)) = reader.next::<LogDatapoint<'_>>().unwrap() {
        each(&datapoint);
    }
    reader.index()
}

#[derive(PartialEq, PartialOrd)]
enum Depth {
    Decode,
    Merge,
    Seal,
}

/// The stage without isolation: no marks, no frames, no catching, one section.
fn plain(payloads: &[Vec<u8>], depth: Depth) {
    let mut graph = Graph::default();
    let mut emitted = Vec::new();
    for payload in payloads {
        read(payload, |datapoint| {
            if depth == Depth::Decode {
                black_box(datapoint.line);
                return;
            }
            emitted.clear();
            if Generate.process(datapoint, &mut emitted) == Fate::Output {
                graph.extend(emitted.drain(..));
            }
        });
    }
    if depth == Depth::Seal {
        let mut writer = SectionWriter::new(schema::ELEMENT.current(), Vec::new());
        for element in graph.into_sorted() {
            writer.append(&element).unwrap();
        }
        writer.finish_section().unwrap();
        black_box(writer.into_inner());
    } else {
        black_box(graph.len());
    }
}

/// A cell made of vectors, as cheap as a cell can be.
#[derive(Default)]
struct Cell {
    at: (u32, u64),
    frames: Vec<u8>,
    output: Vec<u8>,
    report: Vec<u8>,
}

impl Cell {
    fn clear(&mut self) {
        self.frames.clear();
        self.output.clear();
        self.report.clear();
    }
}

impl CellIo for &mut Cell {
    fn mark(&mut self, part: u32, index: u64) {
        self.at = black_box((part, index));
    }

    fn mark_sealing(&mut self) {}

    fn append_frame(&mut self, frame: &[u8]) -> Result<(), IoFault> {
        self.frames.extend_from_slice(frame);
        Ok(())
    }

    fn append_output(&mut self, bytes: &[u8]) -> Result<(), IoFault> {
        self.output.extend_from_slice(bytes);
        Ok(())
    }

    fn report(&mut self, report: &[u8]) -> Result<(), IoFault> {
        self.report.extend_from_slice(report);
        Ok(())
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// Time of the fastest of nine runs: the machine may be shared.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the time")]
fn best_us(mut pass: impl FnMut()) -> f64 {
    let mut run = || {
        let start = Instant::now();
        pass();
        start.elapsed().as_nanos() as f64 / 1e3
    };
    (0..9).map(|_| run()).fold(f64::INFINITY, f64::min)
}
