//! Payloads, written and read: `cargo bench --bench container`. `make bench-criterion` runs it with
//! the others, and says what a datapoint costs.

use std::hint::black_box;

use cordon_container::{ReadLimits, SectionReader, SectionWriter};
use cordon_flow::{Event, Fate, Graph, KnownElements, elements};
use cordon_load::{Settings, Telemetry};
use cordon_records::{
    Datum, Digest, Element, FileOrigin, LogDatapoint, Origin,
    schema::{self, Family},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;

/// Datapoints of a default payload.
const PAYLOAD_DATAPOINTS: usize = 4096;

fn log_datapoints(criterion: &mut Criterion) {
    let lines: Vec<Vec<u8>> = lines().collect();
    let origin = |record| Origin::File(FileOrigin { sha256: Digest::of(b"a file"), record });
    let datapoints: Vec<LogDatapoint<'_>> = (0..)
        .zip(&lines)
        .map(|(record, line)| LogDatapoint { origin: origin(record), line })
        .collect();
    measure::<LogDatapoint<'_>>(criterion, "log_datapoints", &schema::LOG_DATAPOINT, &datapoints);
    let payload = container(&schema::LOG_DATAPOINT, &datapoints).0;
    let mut group = criterion.benchmark_group("decode");
    group.throughput(throughput(&schema::LOG_DATAPOINT, &datapoints));
    // It borrows from the block, and so cannot be named outside the loop.
    group.bench_function("log_datapoints", |bencher| {
        bencher.iter(|| {
            let mut reader = open(&payload, &schema::LOG_DATAPOINT);
            while let Some((_, datapoint)) = next::<LogDatapoint<'_>>(&mut reader) {
                black_box(datapoint.line.len());
            }
        });
    });
    group.finish();
}

fn graph_elements(criterion: &mut Criterion) {
    let mut graph = Graph::default();
    for line in lines() {
        let (mut known, mut found) = (KnownElements::default(), Vec::new());
        let Ok(event) = Event::parse(&line) else { continue };
        if elements(&event, &mut known, &mut found) == Fate::Output {
            graph.extend(found);
        }
    }
    let elements = graph.into_sorted();
    measure::<Element>(criterion, "elements", &schema::ELEMENT, &elements);
    let payload = container(&schema::ELEMENT, &elements).0;
    let mut group = criterion.benchmark_group("decode");
    group.throughput(throughput(&schema::ELEMENT, &elements));
    group.bench_function("elements", |bencher| {
        bencher.iter(|| {
            let mut reader = open(&payload, &schema::ELEMENT);
            while let Some((_, element)) = next::<Element>(&mut reader) {
                black_box(&element);
            }
        });
    });
    group.finish();
}

/// Writing.
fn measure<D: Datum>(criterion: &mut Criterion, name: &str, family: &'static Family, all: &[D]) {
    let mut group = criterion.benchmark_group("encode");
    group.throughput(throughput(family, all));
    group.bench_function(name, |bencher| bencher.iter(|| container(family, all)));
    group.finish();
}

fn throughput<D: Datum>(family: &'static Family, all: &[D]) -> Throughput {
    Throughput::ElementsAndBytes { elements: all.len() as u64, bytes: container(family, all).1 }
}

/// One section, and how large it is decoded.
fn container<D: Datum>(family: &'static Family, all: &[D]) -> (Vec<u8>, u64) {
    let mut writer = SectionWriter::new(family.current(), Vec::new());
    all.iter().for_each(|datum| writer.append(datum).expect("it fits a container"));
    let section = writer.finish_section().expect("it is written to memory");
    (writer.into_inner(), section.decoded_bytes)
}

fn open<'a>(payload: &'a [u8], family: &'static Family) -> SectionReader<'a> {
    let limits = ReadLimits { decoded_bytes_max: 1 << 30, ..ReadLimits::default() };
    SectionReader::open(payload, family, None, limits).expect("it was written here")
}

fn next<'a, D: Deserialize<'a>>(reader: &'a mut SectionReader<'_>) -> Option<(u64, D)> {
    reader.next().expect("it was written here")
}

fn lines() -> impl Iterator<Item = Vec<u8>> {
    Telemetry::new(Settings::default()).take(PAYLOAD_DATAPOINTS).map(|line| line.bytes)
}

criterion_group!(benches, log_datapoints, graph_elements);
criterion_main!(benches);
