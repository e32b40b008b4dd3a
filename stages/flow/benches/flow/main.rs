//! From a line to the graph, part by part: `cargo bench --bench flow`. `make bench-criterion` runs
//! it with the others, and says what a datapoint costs.
//!
//! Lines are generated; real ones of `CORDON_DATA` are measured too, where they are at hand.

mod lines;

use std::hint::black_box;

use cordon_flow::{Event, Fate, Graph, KnownElements, Memory, elements};
use cordon_load::Shape;
use cordon_records::Element;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use crate::lines::Lines;

/// Graphs that one batch of merge takes, as many as it has payloads.
const SUBGRAPHS: usize = 8;

fn parse(criterion: &mut Criterion) {
    let shapes = [
        ("nxlog", Shape::NxLog),
        ("get_winevent", Shape::GetWinEvent),
        ("winlogbeat6", Shape::Winlogbeat6),
        ("winlogbeat", Shape::Winlogbeat),
        ("sentinel", Shape::Sentinel),
    ];
    for (name, shape) in shapes {
        parse_lines(criterion, name, &lines::of_shape(shape));
    }
    parse_lines(criterion, "evtx", &lines::of_event_logs());
    for (name, lines) in lines::mixed() {
        parse_lines(criterion, name, &lines);
    }
}

fn parse_lines(criterion: &mut Criterion, name: &str, lines: &Lines) {
    let mut group = criterion.benchmark_group("parse");
    group.throughput(lines.throughput());
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            for line in &lines.0 {
                black_box(Event::parse(line).is_ok());
            }
        });
    });
    group.finish();
}

/// What each of a batch's events shows, merged: what is known of earlier ones is in the graph.
fn describe(criterion: &mut Criterion) {
    for (name, lines) in lines::mixed() {
        let events = lines.events();
        let mut group = criterion.benchmark_group("elements, merged");
        group.throughput(lines.throughput());
        group.bench_function(name, |bencher| {
            bencher.iter_with_large_drop(|| graph_of(&events, |_| ()));
        });
        group.finish();
    }
}

fn merge(criterion: &mut Criterion) {
    for (name, lines) in lines::mixed() {
        let mut all = Vec::new();
        graph_of(&lines.events(), |elements| all.extend_from_slice(elements));
        let mut group = criterion.benchmark_group("merge");
        group.throughput(lines.throughput());
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| all.clone(), Graph::from_iter, BatchSize::PerIteration);
        });
        group.finish();
    }
    let (_, lines) = lines::mixed().swap_remove(0);
    let events = lines.events();
    let subgraphs: Vec<Element> = events
        .chunks(events.len().div_ceil(SUBGRAPHS))
        .flat_map(|events| graph_of(events, |_| ()).into_sorted())
        .collect();
    let mut group = criterion.benchmark_group("merge");
    group.throughput(Throughput::Elements(subgraphs.len() as u64));
    group.bench_function("subgraphs", |bencher| {
        bencher.iter_batched(|| subgraphs.clone(), Graph::from_iter, BatchSize::PerIteration);
    });
    group.finish();
}

/// The graph of a batch's events; `each` sees what each of them emits.
fn graph_of(events: &[Event<'_>], mut each: impl FnMut(&[Element])) -> Graph {
    let (mut known, mut found) = (KnownElements::default(), Vec::new());
    let mut graph = Graph::default();
    for event in events {
        match elements(event, &mut known, &mut found) {
            Fate::Output => {
                each(&found);
                graph.extend(found.drain(..));
                known.keep(&mut graph);
            }
            _ => {
                found.clear();
                Memory::<Graph>::forget(&mut known);
            }
        }
    }
    graph
}

criterion_group!(benches, parse, describe, merge);
criterion_main!(benches);
