//! cordon's own rules over a payload of generated lines: `cargo bench --bench rules`. `make
//! bench-criterion` runs it with the others, and says what a datapoint costs. Other rules are
//! measured by the example `match_speed`.

use std::hint::black_box;

use cordon_flow::Stage as _;
use cordon_load::{Settings, Telemetry};
use cordon_match::{Match, Rules};
use cordon_records::{Digest, FileOrigin, LogDatapoint, Origin};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Datapoints of a default payload.
const PAYLOAD_DATAPOINTS: usize = 4096;

fn own_rules(criterion: &mut Criterion) {
    let stage = Match::new(Rules::own());
    let lines = Telemetry::new(Settings::default()).take(PAYLOAD_DATAPOINTS);
    let lines: Vec<Vec<u8>> = lines.map(|line| line.bytes).collect();
    let origin = Origin::File(FileOrigin { sha256: Digest([0; 32]), record: 0 });
    let mut group = criterion.benchmark_group("match");
    group.throughput(Throughput::ElementsAndBytes {
        elements: lines.len() as u64,
        bytes: lines.iter().map(|line| line.len() as u64).sum(),
    });
    group.bench_function("own_rules", |bencher| {
        let mut found = Vec::new();
        bencher.iter(|| {
            for line in &lines {
                found.clear();
                let input = LogDatapoint { origin: origin.clone(), line };
                black_box(stage.process(&input, &mut (), &mut found));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, own_rules);
criterion_main!(benches);
