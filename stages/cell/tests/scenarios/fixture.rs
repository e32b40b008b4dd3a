//! Zygotes to test with.

use std::{
    ffi::OsString,
    fs,
    hint::black_box,
    process::Child,
    time::{Duration, Instant},
};

use cordon_cell::{
    CellJob, CellLimits, CellResult, Cells, JailMode, SpawnedZygote, sealed_memfd, spawn_zygote,
    zygote::{self, PrepareLimits, ZygoteSettings},
};

use crate::body::{Rules, body};

/// A zygote of this binary, connected. Dropping it ends the zygote and collects it.
pub(crate) struct Fixture {
    /// `None` once hung up.
    pub(crate) cells: Option<Cells>,
    pub(crate) child: Child,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(&["best"])
    }

    pub(crate) fn unjailed() -> Self {
        Self::with(&["off"])
    }

    /// Arguments: jail mode, then optionally pool, `cells_max`, megabytes of rules, whatever is to
    /// lie in the zygote's memory, and notes.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let SpawnedZygote { child, socket } = spawn_zygote(&role("zygote", arguments)).unwrap();
        Self { cells: Some(Cells::connect(socket).unwrap()), child }
    }

    pub(crate) fn cells(&self) -> &Cells {
        self.cells.as_ref().unwrap()
    }

    /// Has a cell do what `command` says.
    pub(crate) fn run(&self, command: &str, input: &[u8]) -> CellResult {
        self.cells().run(job(command, input, quick()))
    }

    pub(crate) fn run_within(&self, command: &str, limits: CellLimits) -> CellResult {
        self.cells().run(job(command, b"", limits))
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        drop(self.cells.take());
        let _ = self.child.wait();
    }
}

pub(crate) fn job(command: &str, input: &[u8], limits: CellLimits) -> CellJob {
    CellJob {
        header: command.as_bytes().to_vec(),
        input: sealed_memfd("test-input", &[input]).unwrap(),
        limits,
    }
}

/// Limits that end a broken test soon.
pub(crate) fn quick() -> CellLimits {
    CellLimits {
        wall_max: Duration::from_secs(20),
        datapoint_wall_max: Duration::from_secs(10),
        datapoint_cpu_max: Duration::from_secs(5),
        ..CellLimits::default()
    }
}

pub(crate) fn role(name: &str, arguments: &[&str]) -> Vec<OsString> {
    [name].iter().chain(arguments).map(OsString::from).collect()
}

pub(crate) fn zygote_role(arguments: &[String]) -> ! {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::ERROR)
        .with_writer(std::io::stderr)
        .init();
    let number = |at: usize, default: usize| {
        arguments.get(at).and_then(|a| a.parse().ok()).unwrap_or(default)
    };
    let settings = ZygoteSettings {
        jail: match arguments[0].as_str() {
            "broken" => std::process::exit(3),
            "greedy" => prepare_greedily(&arguments[1]),
            "strict" => JailMode::Strict,
            "off" => JailMode::Off,
            _ => JailMode::Best,
        },
        pool: number(1, 2),
        cells_max: number(2, 4),
        notes: arguments.get(5).map_or_else(Vec::new, |n| n.lines().map(str::to_owned).collect()),
    };
    let rules = Rules::load(number(3, 0));
    zygote::serve(&settings, |cell| body(cell, &rules))
}

/// Takes more of something than a zygote may before it serves; else returns after all.
fn prepare_greedily(what: &str) -> JailMode {
    let limits = PrepareLimits { cpu_max: Duration::from_secs(1), data_bytes_max: 256 << 20 };
    zygote::prepare(&limits, || match what {
        "time" => loop {
            black_box(());
        },
        "memory" => drop(black_box((0_u64..1 << 30).collect::<Vec<_>>())),
        _ => drop(black_box(vec![1_u8; 128 << 20])),
    })
    .unwrap();
    // What was forbidden before is allowed now.
    drop(black_box(vec![1_u8; 512 << 20]));
    JailMode::Best
}

/// Living processes by parent, from `/proc`.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| parent_of(*pid) == Some(parent))
        .collect()
}

/// The parent of a process that lives; `None` for one that is gone or only waits to be collected.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name, which may hold anything: state, parent.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    (state != "Z" && state != "X").then_some(())?;
    fields.next()?.parse().ok()
}

pub(crate) fn is_alive(pid: u32) -> bool {
    parent_of(pid).is_some()
}

/// Polls until `condition` holds.
pub(crate) fn within(limit: Duration, what: &str, condition: impl Fn() -> bool) -> Duration {
    let started: Instant = crate::now();
    while !condition() {
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
    started.elapsed()
}
