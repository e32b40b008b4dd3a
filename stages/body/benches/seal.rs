//! The end of a batch, from its graph to sections: `cargo bench --bench seal`. `make
//! bench-criterion` runs it with the others, and says what an element costs.

use std::time::Duration;

use cordon_body::{CellIo, IoFault, Sealer};
use cordon_flow::{Accumulate as _, Fate, Graph, KnownElements, Memory, Stage as _};
use cordon_generate::Generate;
use cordon_load::{Settings, Telemetry};
use cordon_records::{Digest, FileOrigin, LogDatapoint, Origin, cell::Report, schema};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A full batch.
const BATCH_DATAPOINTS: usize = 32_768;

fn seal(criterion: &mut Criterion) {
    let graph = graph();
    let mut sealed = Output::default();
    write(&graph, &mut sealed);
    let mut group = criterion.benchmark_group("seal");
    group.throughput(Throughput::ElementsAndBytes {
        elements: graph.len() as u64,
        bytes: sealed.0.len() as u64,
    });
    group.bench_function("graph", |bencher| {
        bencher.iter(|| {
            let mut sealed = Output::default();
            write(&graph, &mut sealed);
            sealed
        });
    });
    group.finish();
}

/// What a batch of generated lines shows.
fn graph() -> Graph {
    let mut graph = Graph::default();
    let (mut known, mut found) = (KnownElements::default(), Vec::new());
    for line in Telemetry::new(Settings::default()).take(BATCH_DATAPOINTS) {
        let origin = Origin::File(FileOrigin { sha256: Digest([0; 32]), record: 0 });
        let datapoint = LogDatapoint { origin, line: &line.bytes };
        found.clear();
        match Generate.process(&datapoint, &mut known, &mut found) {
            Fate::Output => {
                graph.extend(found.drain(..));
                known.keep(&mut graph);
            }
            _ => Memory::<Graph>::forget(&mut known),
        }
    }
    graph
}

fn write(graph: &Graph, io: &mut Output) {
    let mut sealer = Sealer::new(schema::ELEMENT.current());
    let mut report = Report::default();
    for element in graph.sorted() {
        let times = Graph::times(element);
        sealer.append(element, times, &mut report, io).expect("an element fits a section");
    }
    sealer.close(&mut report, io).expect("it is written to memory");
}

/// A cell of which only the output is of interest.
#[derive(Default)]
struct Output(Vec<u8>);

impl CellIo for Output {
    fn mark(&mut self, _: u32, _: u64) {}

    fn mark_sealing(&mut self) {}

    fn append_frame(&mut self, _: &[u8]) -> Result<(), IoFault> {
        Ok(())
    }

    fn append_output(&mut self, bytes: &[u8]) -> Result<(), IoFault> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn report(&mut self, _: &[u8]) -> Result<(), IoFault> {
        Ok(())
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

criterion_group!(benches, seal);
criterion_main!(benches);
