//! Every way a cell dies is told with its cause, and the next cell lives.

use std::time::Duration;

use cordon_cell::{CellEnd, CellLimits, DeadlineKind};

use crate::{
    Scenario,
    fixture::{Fixture, children_of, job, quick, within},
};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("deaths_are_told_with_their_signal", deaths_are_told_with_their_signal),
    ("memory_beyond_the_limit_is_a_death", memory_beyond_the_limit_is_a_death),
    ("a_datapoint_has_its_cpu_time", a_datapoint_has_its_cpu_time),
    ("a_datapoint_has_its_wall_time", a_datapoint_has_its_wall_time),
    ("a_cell_has_its_wall_time", a_cell_has_its_wall_time),
    ("a_kill_from_outside_is_told", a_kill_from_outside_is_told),
    ("the_kernel_limits_cpu_when_the_zygote_cannot", the_kernel_limits_cpu_when_the_zygote_cannot),
];

fn deaths_are_told_with_their_signal() {
    let fixture = Fixture::new();
    for (how, end, words) in [
        ("abort", CellEnd::Signal(libc::SIGABRT), "killed by SIGABRT"),
        ("segfault", CellEnd::Signal(libc::SIGSEGV), "killed by SIGSEGV"),
        ("stack", CellEnd::Signal(libc::SIGSEGV), "killed by SIGSEGV"),
        ("double-free", CellEnd::Signal(libc::SIGABRT), "killed by SIGABRT"),
        ("exit", CellEnd::Exited(7), "exited with code 7"),
    ] {
        let result = fixture.run(&format!("die {how}"), b"");
        assert_eq!(result.end, end, "{how}");
        assert_eq!(result.end.to_string(), words);
        assert_eq!(result.at, Some((0, 1)), "{how}");
        assert_eq!(fixture.run("echo", b"next").output, b"NEXT");
    }
}

fn memory_beyond_the_limit_is_a_death() {
    let limits = CellLimits { data_bytes_max: 64 << 20, ..quick() };
    let result = Fixture::new().run_within("die memory", limits);
    assert_eq!(result.end, CellEnd::Signal(libc::SIGABRT));
    let rss = result.usage.rss_bytes_max;
    assert!(rss > 48 << 20 && rss < 96 << 20, "{rss} bytes at most");
}

fn a_datapoint_has_its_cpu_time() {
    let limits = CellLimits { datapoint_cpu_max: Duration::from_millis(100), ..quick() };
    let result = Fixture::new().run_within("spin datapoint", limits);
    assert_eq!(result.end, CellEnd::Deadline(DeadlineKind::DatapointCpu));
    assert_eq!(result.at, Some((0, 5)));
    let cpu_ms = (result.usage.user_us + result.usage.system_us) / 1000;
    println!("  killed after {cpu_ms} ms of CPU");
    assert!((95..400).contains(&cpu_ms), "{cpu_ms} ms");
}

fn a_datapoint_has_its_wall_time() {
    let limits = CellLimits { datapoint_wall_max: Duration::from_millis(100), ..quick() };
    let result = Fixture::new().run_within("spin datapoint", limits);
    assert_eq!(result.end, CellEnd::Deadline(DeadlineKind::DatapointWall));
}

/// Whatever a cell says of its progress.
fn a_cell_has_its_wall_time() {
    let fixture = Fixture::new();
    for place in ["before", "sealing", "ever-new-datapoints"] {
        let limits = CellLimits {
            wall_max: Duration::from_millis(150),
            datapoint_cpu_max: Duration::from_millis(20),
            datapoint_wall_max: Duration::from_millis(20),
            ..quick()
        };
        let result = fixture.run_within(&format!("spin {place}"), limits);
        assert_eq!(result.end, CellEnd::Deadline(DeadlineKind::CellWall), "{place}");
    }
}

fn a_kill_from_outside_is_told() {
    let fixture = Fixture::with(&["best", "0", "1"]);
    let zygote = fixture.child.id();
    let (sender, receiver) = std::sync::mpsc::channel();
    fixture.cells().submit(job("spin before", b"", quick()), move |result| {
        sender.send(result).unwrap();
    });
    within(Duration::from_secs(5), "the cell starts", || children_of(zygote).len() == 1);
    kill(children_of(zygote)[0], rustix::process::Signal::KILL);
    assert_eq!(receiver.recv().unwrap().end, CellEnd::Signal(libc::SIGKILL));
}

fn the_kernel_limits_cpu_when_the_zygote_cannot() {
    let fixture = Fixture::with(&["best", "0", "1"]);
    let zygote = fixture.child.id();
    let limits = CellLimits {
        wall_max: Duration::from_millis(900), // and two seconds more of CPU
        ..quick()
    };
    let (sender, receiver) = std::sync::mpsc::channel();
    fixture.cells().submit(job("spin before", b"", limits), move |result| {
        sender.send(result).unwrap();
    });
    within(Duration::from_secs(5), "the cell starts", || children_of(zygote).len() == 1);
    kill(zygote, rustix::process::Signal::STOP);
    within(Duration::from_secs(30), "the cell ends", || children_of(zygote).is_empty());
    kill(zygote, rustix::process::Signal::CONT);
    assert_eq!(receiver.recv().unwrap().end, CellEnd::Signal(libc::SIGXCPU));
}

pub(crate) fn kill(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
