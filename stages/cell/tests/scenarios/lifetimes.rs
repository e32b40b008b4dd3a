//! Who ends with whom.

use std::{
    ffi::OsString,
    fs,
    io::Read,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitCode, Stdio},
    sync::mpsc,
    time::Duration,
};

use cordon_cell::{
    CellEnd, Cells, SpawnedZygote, from_lasting_thread, spawn_courier, spawn_zygote, take_socket,
    terminate,
};
use rustix::process::Signal;

use crate::{
    Scenario, attempts,
    deaths::kill,
    fixture::{Fixture, children_of, is_alive, job, quick, role, within},
};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("hanging_up_ends_all", hanging_up_ends_all),
    ("a_dead_zygote_is_told_to_all_who_wait", a_dead_zygote_is_told_to_all_who_wait),
    ("a_stop_signal_is_the_couriers_matter", a_stop_signal_is_the_couriers_matter),
    ("a_dead_supervisor_takes_all_along", a_dead_supervisor_takes_all_along),
    ("a_zygote_that_prepares_for_ever_is_ended", a_zygote_that_prepares_for_ever_is_ended),
    ("a_lasting_thread_keeps_its_children", a_lasting_thread_keeps_its_children),
    ("a_zygote_that_cannot_start_is_an_error", a_zygote_that_cannot_start_is_an_error),
    ("a_courier_can_be_asked_to_stop", a_courier_can_be_asked_to_stop),
];

/// How long an end may take: a hundred times what it does.
const SOON: Duration = Duration::from_secs(5);

fn hanging_up_ends_all() {
    let mut fixture = Fixture::new();
    let zygote = fixture.child.id();
    let (sender, receiver) = mpsc::channel();
    for _ in 0..2 {
        let sender = sender.clone();
        fixture.cells().submit(job("spin before", b"", quick()), move |result| {
            sender.send(result.end).unwrap();
        });
    }
    // Two at work, two in the pool.
    within(SOON, "four cells live", || children_of(zygote).len() == 4);
    let cells = children_of(zygote);
    drop(fixture.cells.take());
    let took = within(SOON, "zygote and cells are gone", || {
        !is_alive(zygote) && !cells.iter().any(|cell| is_alive(*cell))
    });
    println!("  all gone after {} ms", took.as_millis());
    for _ in 0..2 {
        assert_eq!(receiver.recv_timeout(SOON).unwrap(), CellEnd::ZygoteDied);
    }
    assert!(fixture.child.wait().unwrap().success());
}

fn a_dead_zygote_is_told_to_all_who_wait() {
    let fixture = Fixture::with(&["best", "2", "2"]);
    let zygote = fixture.child.id();
    let (sender, receiver) = mpsc::channel();
    // Two at work, three in the queue.
    for _ in 0..5 {
        let sender = sender.clone();
        fixture.cells().submit(job("spin before", b"", quick()), move |result| {
            sender.send(result.end).unwrap();
        });
    }
    within(SOON, "cells live", || children_of(zygote).len() >= 2);
    let cells = children_of(zygote);
    kill(zygote, Signal::KILL);
    let mut ends: Vec<CellEnd> = (0..5).map(|_| receiver.recv_timeout(SOON).unwrap()).collect();
    // Two had a cell at work, three never reached the zygote.
    assert_eq!(ends.split_off(2), vec![CellEnd::ZygoteGone; 3]);
    assert_eq!(ends, vec![CellEnd::ZygoteDied; 2]);
    within(SOON, "its cells are gone", || !cells.iter().any(|cell| is_alive(*cell)));
    assert_eq!(fixture.run("echo", b"anybody?").end, CellEnd::ZygoteGone);
}

fn a_stop_signal_is_the_couriers_matter() {
    let fixture = Fixture::new();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        kill(fixture.child.id(), signal);
        assert_eq!(fixture.run("echo", b"a batch to finish").output.len(), 17);
    }
}

fn a_zygote_that_cannot_start_is_an_error() {
    // It ends before it serves, as one that cannot read its rules does.
    let SpawnedZygote { mut child, socket } = spawn_zygote(&role("zygote", &["broken"])).unwrap();
    let error = Cells::connect(socket).err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

fn a_zygote_that_prepares_for_ever_is_ended() {
    let ends = |what| {
        let arguments = role("zygote", &["greedy", what]);
        let SpawnedZygote { mut child, socket } = spawn_zygote(&arguments).unwrap();
        assert!(Cells::connect(socket).is_err());
        child.wait().unwrap().signal()
    };
    assert_eq!(ends("time"), Some(libc::SIGXCPU));
    assert_eq!(ends("memory"), Some(libc::SIGABRT));
    // The limits end with the preparation.
    assert_eq!(Fixture::with(&["greedy", "modest"]).run("echo", b"x").output, b"X");
}

fn a_lasting_thread_keeps_its_children() {
    let start = || spawn_zygote(&role("zygote", &["best"])).unwrap();
    let mut lasting = from_lasting_thread(start).unwrap();
    let mut passing = std::thread::spawn(start).join().unwrap();
    within(SOON, "the other one dies with its thread", || !is_alive(passing.child.id()));
    let cells = Cells::connect(lasting.socket).unwrap();
    assert_eq!(cells.run(job("echo", b"here", quick())).output, b"HERE");
    drop(cells);
    lasting.child.wait().unwrap();
    passing.child.wait().unwrap();
}

/// The whole tree, as in production: a supervisor that executes zygote and courier.
fn a_dead_supervisor_takes_all_along() {
    let directory = tempfile::tempdir().unwrap();
    let told = directory.path().join("courier");
    let mut supervisor = Command::new("/proc/self/exe")
        .args([OsString::from("supervisor"), told.clone().into()])
        .env("CORDON_TEST_SECRET", "of the supervisor")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    within(SOON, "the courier has a cell at work", || told.exists());
    assert_eq!(
        fs::read_to_string(&told).unwrap(),
        "environment [(\"GIVEN\", \"to the courier\")] descriptors [0, 1, 2, 3]"
    );
    let family = children_of(supervisor.id());
    assert_eq!(family.len(), 2, "zygote and courier");
    let mut all = family.clone();
    all.extend(family.iter().flat_map(|member| children_of(*member)));
    assert!(all.len() >= 3, "and a cell");
    kill(supervisor.id(), Signal::KILL);
    supervisor.wait().unwrap();
    let took = within(SOON, "all are gone", || !all.iter().any(|process| is_alive(*process)));
    println!("  {} processes gone after {} ms", all.len(), took.as_millis());
}

/// A courier that does not care about the signal is ended by it; one that does is asked.
fn a_courier_can_be_asked_to_stop() {
    let directory = tempfile::tempdir().unwrap();
    let told = directory.path().join("courier");
    let SpawnedZygote { mut child, socket } = spawn_zygote(&role("zygote", &["best"])).unwrap();
    let arguments = role("courier", &[told.to_str().unwrap()]);
    let mut courier = spawn_courier(&arguments, &[], socket).unwrap();
    within(SOON, "the courier works", || told.exists());
    terminate(&courier).unwrap();
    assert_eq!(courier.wait().unwrap().signal(), Some(libc::SIGTERM));
    assert!(child.wait().unwrap().success(), "and the zygote ends with it");
}

pub(crate) fn supervisor_role(arguments: &[String]) -> ExitCode {
    let SpawnedZygote { mut child, socket } = spawn_zygote(&role("zygote", &["best"])).unwrap();
    let env = [(OsString::from("GIVEN"), OsString::from("to the courier"))];
    let mut courier = spawn_courier(&role("courier", &[&arguments[0]]), &env, socket).unwrap();
    // Until killed, or until the test that holds the other end is.
    let _ = std::io::stdin().read(&mut [0]);
    for member in [&mut child, &mut courier] {
        let _ = (member.kill(), member.wait());
    }
    ExitCode::SUCCESS
}

pub(crate) fn courier_role(arguments: &[String]) -> ExitCode {
    let descriptors = attempts::open_descriptors();
    let environment: Vec<_> = std::env::vars().collect();
    let cells = Cells::connect(take_socket().unwrap()).unwrap();
    assert!(take_socket().is_err(), "it can be taken once");
    assert_eq!(cells.run(job("echo", b"x", quick())).output, b"X");
    let at_work = cells.clone();
    let worker = std::thread::spawn(move || at_work.run(job("spin before", b"", quick())));
    let told = format!("environment {environment:?} descriptors {descriptors:?}");
    let half = Path::new(&arguments[0]).with_extension("half");
    fs::write(&half, told).unwrap();
    fs::rename(&half, &arguments[0]).unwrap();
    let _ = worker.join();
    ExitCode::SUCCESS
}
