//! Measures the two Avro codecs on log datapoints and graph elements, and the container around
//! them. ARCHITECTURE.md has the figures.
//!
//! ```sh
//! cargo run --release -p cordon-container --example codec_speed [-- FILE OF JSON LINES]
//! ```
//!
//! Without a file the lines are generated. Each figure is the best of nine runs on one core.

#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::{hint::black_box, path::Path, time::Instant};

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter,
};
use cordon_container::{DatumDecoder, DatumEncoder, ReadLimits, SectionReader, SectionWriter};
use cordon_flow::{Event, KnownElements, elements};
use cordon_load::{Settings, Telemetry};
use cordon_records::{
    Datum, Digest, Element, FileOrigin, LogDatapoint, Origin,
    schema::{self, Version},
};
use serde::Serialize;

/// Enough that nothing fits into a cache.
const LINES: usize = 50_000;

fn main() {
    let lines = lines(std::env::args().nth(1));
    let logs = log_datapoints(&lines);
    let elements = all_elements(&lines);
    let lines_bytes: usize = lines.iter().map(Vec::len).sum();
    println!(
        "{} lines of {} bytes; {} elements",
        lines.len(),
        lines_bytes / lines.len(),
        elements.len()
    );

    let log = schema::LOG_DATAPOINT.current();
    let encoded = encoded(log, &logs);
    report(
        "log, serde_avro_fast",
        logs.len(),
        encoded.len(),
        || encode(log, &logs),
        || {
            decode(log, &encoded, |decoder, rest| {
                decoder.decode::<LogDatapoint<'_>>(rest).unwrap().1
            });
        },
    );
    report(
        "log, apache-avro",
        logs.len(),
        encoded.len(),
        || apache_encode(log, &logs),
        || {
            apache_decode_values(log, &encoded);
        },
    );

    let element = schema::ELEMENT.current();
    let encoded = self::encoded(element, &elements);
    report(
        "element, serde_avro_fast",
        elements.len(),
        encoded.len(),
        || encode(element, &elements),
        || {
            decode(element, &encoded, |decoder, rest| decoder.decode::<Element>(rest).unwrap().1);
        },
    );
    report(
        "element, apache-avro",
        elements.len(),
        encoded.len(),
        || apache_encode(element, &elements),
        || {
            apache_decode_values(element, &encoded);
        },
    );

    container("log container", log, &logs, |reader| {
        reader.next::<LogDatapoint<'_>>().unwrap().is_some()
    });
    container("element container", element, &elements, |reader| {
        reader.next::<Element>().unwrap().is_some()
    });
}

fn lines(path: Option<String>) -> Vec<Vec<u8>> {
    match path {
        Some(path) => {
            let text = std::fs::read(Path::new(&path)).expect("the file can be read");
            text.split(|&b| b == b'\n')
                .filter(|l| !l.is_empty())
                .take(LINES)
                .map(<[u8]>::to_vec)
                .collect()
        }
        None => Telemetry::new(Settings::default()).take(LINES).map(|line| line.bytes).collect(),
    }
}

fn log_datapoints(lines: &[Vec<u8>]) -> Vec<LogDatapoint<'_>> {
    let sha256 = Digest::of(b"a file");
    let origin = |record| Origin::File(FileOrigin { sha256, record });
    (0..).zip(lines).map(|(record, line)| LogDatapoint { origin: origin(record), line }).collect()
}

fn all_elements(lines: &[Vec<u8>]) -> Vec<Element> {
    let mut all = Vec::new();
    for line in lines {
        if let Ok(event) = Event::parse(line) {
            elements(&event, &mut KnownElements::default(), &mut all);
        }
    }
    all
}

fn encoded<T: Datum>(version: &'static Version, items: &[T]) -> Vec<u8> {
    let mut encoder = DatumEncoder::new(version);
    let mut out = Vec::new();
    items.iter().for_each(|item| encoder.append(item, &mut out).unwrap());
    out
}

fn encode<T: Datum>(version: &'static Version, items: &[T]) {
    let mut encoder = DatumEncoder::new(version);
    let mut out = Vec::new();
    for item in items {
        out.clear();
        encoder.append(item, &mut out).unwrap();
        black_box(&out);
    }
}

fn decode(
    version: &'static Version,
    mut rest: &[u8],
    one: impl for<'a> Fn(&DatumDecoder, &'a [u8]) -> &'a [u8],
) {
    let decoder = DatumDecoder::new(version);
    while !rest.is_empty() {
        rest = black_box(one(&decoder, rest));
    }
}

fn apache_encode<T: Serialize>(version: &Version, items: &[T]) {
    let schema = Schema::parse_str(version.json).unwrap();
    let writer = GenericDatumWriter::builder(&schema).human_readable(false).build().unwrap();
    let mut out = Vec::new();
    for item in items {
        out.clear();
        writer.write_ser(&mut out, item).unwrap();
        black_box(&out);
    }
}

fn apache_decode_values(version: &Version, mut rest: &[u8]) {
    let schema = Schema::parse_str(version.json).unwrap();
    let reader = GenericDatumReader::builder(&schema).build().unwrap();
    while !rest.is_empty() {
        let value: Value = reader.read_value(&mut rest).unwrap();
        black_box(value);
    }
}

fn report(name: &str, count: usize, bytes: usize, encode: impl Fn(), decode: impl Fn()) {
    let (encode, decode) = (best_ns(encode), best_ns(decode));
    let per =
        |ns: f64| format!("{:7.0} ns, {:6.0} MB/s", ns / count as f64, bytes as f64 / ns * 1e3);
    println!("{name:25} encode {}   decode {}", per(encode), per(decode));
}

fn container<T: Datum>(
    name: &str,
    version: &'static Version,
    items: &[T],
    next: impl Fn(&mut SectionReader<'_>) -> bool,
) {
    let write = || {
        let mut writer = SectionWriter::new(version, Vec::new());
        for section in items.chunks(4096) {
            section.iter().for_each(|item| writer.append(item).unwrap());
            writer.finish_section().unwrap();
        }
        writer.into_inner()
    };
    let bytes = write();
    let limits = ReadLimits { decoded_bytes_max: u64::MAX, ..ReadLimits::default() };
    let family = schema::all().into_iter().find(|f| f.find(version.fingerprint).is_some()).unwrap();
    let read = || {
        let mut reader = SectionReader::open(&bytes, family, None, limits).unwrap();
        while next(&mut reader) {}
    };
    let decoded = encoded(version, items).len();
    report(name, items.len(), decoded, || drop(black_box(write())), read);
    println!("{name:25} {} bytes, ratio {:.1}", bytes.len(), decoded as f64 / bytes.len() as f64);
}

/// Time of the fastest of nine runs: the machine may be shared.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the time")]
fn best_ns(mut pass: impl FnMut()) -> f64 {
    let mut run = || {
        let start = Instant::now();
        pass();
        start.elapsed().as_nanos() as f64
    };
    (0..9).map(|_| run()).fold(f64::INFINITY, f64::min)
}
