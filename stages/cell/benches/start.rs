//! A cell from its job to its end: `cargo bench --bench start`. `make bench-criterion` runs it with
//! the others. What of it is whose, and with rules as large as they come, tells the bench `cells`.

use std::ffi::OsString;

use cordon_cell::{
    CellContext, CellEnd, CellJob, CellLimits, Cells, JailMode, SpawnedZygote, sealed_memfd,
    spawn_zygote,
    zygote::{self, ZygoteSettings},
};
use criterion::{Criterion, Throughput};

/// Packed, a batch is about this large; and all that one may be.
const INPUTS: [(&str, usize); 3] =
    [("start", 64), ("hand_over_1mib", 1 << 20), ("hand_over_64mib", 64 << 20)];

/// Zygotes are this very binary, executed again.
const ROLE: &str = "zygote";

fn main() {
    if std::env::args().nth(1).is_some_and(|role| role == ROLE) {
        let settings = ZygoteSettings { jail: JailMode::Best, ..ZygoteSettings::default() };
        zygote::serve(&settings, |cell: &CellContext| {
            // Every byte of the input, as a decoder would touch it.
            let sum = cell.input().iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
            cell.append_output(&[sum]).map_err(|error| error.to_string())
        });
    }
    let SpawnedZygote { mut child, socket } =
        spawn_zygote(&[OsString::from(ROLE)]).expect("a zygote starts");
    let cells = Cells::connect(socket).expect("it is ready");
    let mut criterion = Criterion::default().configure_from_args();
    for (name, bytes) in INPUTS {
        let input = vec![1; bytes];
        let mut group = criterion.benchmark_group("cell");
        group.throughput(Throughput::ElementsAndBytes { elements: 1, bytes: bytes as u64 });
        group.bench_function(name, |bencher| {
            bencher.iter(|| assert_eq!(cells.run(job(&input)).end, CellEnd::Finished));
        });
        group.finish();
    }
    criterion.final_summary();
    let _ = (child.kill(), child.wait());
}

fn job(input: &[u8]) -> CellJob {
    CellJob {
        header: b"a header".to_vec(),
        input: sealed_memfd("bench", &[input]).expect("memory for a payload"),
        limits: CellLimits::default(),
    }
}
