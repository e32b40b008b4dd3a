//! Bytes in, bytes out.

use std::{collections::HashMap, fs::File, io::Write, sync::mpsc};

use cordon_cell::{CellEnd, CellJob, CellLimits, JailLayer};

use crate::{
    Scenario,
    fixture::{Fixture, job, quick},
};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("bytes_go_in_and_come_out", bytes_go_in_and_come_out),
    ("a_job_may_be_empty", a_job_may_be_empty),
    ("a_body_may_fail_or_panic_in_its_own_words", a_body_may_fail_or_panic_in_its_own_words),
    ("a_caught_panic_leaves_its_words", a_caught_panic_leaves_its_words),
    ("frames_published_before_a_death_are_kept", frames_published_before_a_death_are_kept),
    ("frames_are_dropped_once_sealed", frames_are_dropped_once_sealed),
    ("the_mark_survives_a_death", the_mark_survives_a_death),
    ("an_overrun_is_an_error_and_nothing_else", an_overrun_is_an_error_and_nothing_else),
    ("a_cell_may_have_low_priority", a_cell_may_have_low_priority),
    ("a_job_that_is_not_sealed_is_refused", a_job_that_is_not_sealed_is_refused),
    ("two_hundred_jobs_at_once", two_hundred_jobs_at_once),
    ("a_zygote_without_a_pool_serves", a_zygote_without_a_pool_serves),
    ("large_rules_are_what_was_loaded", large_rules_are_what_was_loaded),
    ("layers_of_the_jail_are_told", layers_of_the_jail_are_told),
    ("notes_are_told", notes_are_told),
];

fn bytes_go_in_and_come_out() {
    let fixture = Fixture::new();
    let result = fixture.run("echo please", b"hello, cell");
    assert_eq!(result.end, CellEnd::Finished);
    assert_eq!(result.output, b"HELLO, CELL");
    assert_eq!(result.report, b"echo please");
    assert_eq!((result.at, result.sealing), (None, false));
    assert!(result.usage.rss_bytes_max > 0);
    // Again, with another cell: nothing of the first is left.
    let result = fixture.run("echo", &vec![b'a'; 8 << 20]);
    assert_eq!(result.output, vec![b'A'; 8 << 20]);
}

fn a_job_may_be_empty() {
    let result = Fixture::new().run("echo", b"");
    assert_eq!((result.end, result.output.len()), (CellEnd::Finished, 0));
}

fn a_body_may_fail_or_panic_in_its_own_words() {
    let fixture = Fixture::new();
    let result = fixture.run("error the job is a lie", b"");
    assert_eq!(result.end, CellEnd::Failed("the job is a lie".to_owned()));
    assert!(result.report.is_empty());

    let CellEnd::Failed(words) = fixture.run("panic at the disco", b"").end else {
        panic!("a panic is a failure");
    };
    assert!(words.starts_with("panicked: at the disco, at "), "{words}");
    assert!(words.contains("body.rs:"), "{words}");

    let CellEnd::Failed(words) = fixture.run(&format!("error {}", "x".repeat(9999)), b"").end
    else {
        panic!("an error is a failure");
    };
    assert_eq!(words.len(), 4096);
}

fn a_caught_panic_leaves_its_words() {
    let result = Fixture::new().run("caught-panic", b"");
    assert_eq!(result.end, CellEnd::Finished);
    let words = String::from_utf8(result.output).unwrap();
    assert!(words.starts_with("a field is missing, at "), "{words}");
}

fn frames_published_before_a_death_are_kept() {
    let fixture = Fixture::new();
    let result = fixture.run("frames-then-abort", b"");
    assert_eq!(result.end, CellEnd::Signal(libc::SIGABRT));
    assert_eq!(result.frames, b"onetwosix", "and not the half frame behind");
    assert_eq!(result.at, Some((0, 3)));
    let alone = fixture.run("frames-only", b"");
    assert_eq!((alone.end, alone.frames), (CellEnd::Finished, b"frame".to_vec()));
}

fn frames_are_dropped_once_sealed() {
    let result = Fixture::new().run("frames-then-seal", b"");
    assert_eq!(result.end, CellEnd::Finished);
    assert_eq!((result.frames.len(), result.output), (0, b"sealed".to_vec()));
    assert!(result.sealing);
}

fn the_mark_survives_a_death() {
    let fixture = Fixture::new();
    let result = fixture.run("mark-then-abort", b"");
    assert_eq!((result.at, result.sealing), (Some((3, 77)), false));
    let result = fixture.run("seal-then-abort", b"");
    assert_eq!((result.at, result.sealing), (None, true));
}

fn an_overrun_is_an_error_and_nothing_else() {
    let fixture = Fixture::new();
    let limits = CellLimits { output_bytes_max: 1_000_000, ..quick() };
    let result = fixture.run_within("big-output", limits);
    assert_eq!(result.end, CellEnd::Finished);
    let whole_pieces = (1_000_000 >> 16) << 16;
    assert_eq!(result.output.len(), whole_pieces);
    assert_eq!(result.report, b"output is limited to 1000000 bytes");

    // A body that does not care about the API is stopped by the seal.
    let limits = CellLimits { frames_bytes_max: 4, ..quick() };
    let result = fixture.run_within("frames-then-abort", limits);
    assert!(matches!(result.end, CellEnd::Failed(_)), "{:?}", result.end);
    assert_eq!(result.frames, b"one");
    assert_eq!(fixture.run("echo", b"others go on").output, b"OTHERS GO ON");
}

fn a_cell_may_have_low_priority() {
    let nice = |niceness| CellLimits { niceness, ..quick() };
    // A cell may not ask for its own priority; without a jail it may.
    let free = Fixture::unjailed();
    // The zygote's is that of this process.
    let own = rustix::process::getpriority_process(None).unwrap();
    for niceness in [0, 5, 19] {
        let result = free.run_within("niceness", nice(niceness));
        let expected = (own + i32::from(niceness)).min(19);
        assert_eq!(String::from_utf8(result.output).unwrap(), expected.to_string());
    }
    let jailed = Fixture::new().run_within("nothing", nice(10));
    assert_eq!(jailed.end, CellEnd::Finished, "the zygote may lower a priority");
}

fn a_job_that_is_not_sealed_is_refused() {
    let fixture = Fixture::new();
    let mut open_file = tempfile::tempfile().unwrap();
    open_file.write_all(b"this could change under the cell's eyes").unwrap();
    let result = fixture.cells().run(CellJob {
        header: b"echo".to_vec(),
        input: File::into(open_file),
        limits: quick(),
    });
    assert_eq!(result.end, CellEnd::NoFork("Invalid argument (os error 22)".to_owned()));
    assert_eq!(fixture.run("echo", b"still here").output, b"STILL HERE");
}

fn two_hundred_jobs_at_once() {
    const JOBS: u64 = 200;
    let fixture = Fixture::new();
    let (sender, receiver) = mpsc::channel();
    for number in 0..JOBS {
        let sender = sender.clone();
        // Every tenth dies, which is nothing to the others.
        let command = if number % 10 == 3 { "die abort" } else { "sum" };
        let input = vec![(number % 251) as u8; 10_000 + number as usize];
        fixture.cells().submit(job(command, &input, quick()), move |result| {
            sender.send((number, result)).unwrap();
        });
    }
    drop(sender);
    let results: Vec<_> = receiver.iter().collect();
    assert_eq!(results.len() as u64, JOBS, "each is answered once");
    let results: HashMap<u64, _> = results.into_iter().collect();
    for number in 0..JOBS {
        let result = &results[&number];
        if number % 10 == 3 {
            assert_eq!(result.end, CellEnd::Signal(libc::SIGABRT));
        } else {
            let sum = (number % 251) * (10_000 + number);
            assert_eq!(
                (&result.end, &result.output[..]),
                (&CellEnd::Finished, &sum.to_le_bytes()[..])
            );
        }
    }
}

fn a_zygote_without_a_pool_serves() {
    let fixture = Fixture::with(&["best", "0", "1"]);
    assert_eq!(fixture.cells().cells_max(), 1);
    for _ in 0..5 {
        assert_eq!(fixture.run("echo", b"x").output, b"X");
    }
}

/// Rules are moved into memory files before the first fork, under the feet of everything that
/// points at them.
fn large_rules_are_what_was_loaded() {
    const RULES_MB: usize = 48;
    let arguments = ["off", "2", "4", &RULES_MB.to_string()];
    let told = |result: cordon_cell::CellResult| String::from_utf8(result.output).unwrap();
    let fixture = Fixture::with(&arguments);
    let moved: usize = told(fixture.run("file-backed-bytes", b"")).parse().unwrap();
    println!("  {} MB in memory files", moved >> 20);
    assert!(moved > RULES_MB << 19, "{moved} bytes were moved");
    for _ in 0..3 {
        assert_eq!(told(fixture.run("rules", b"")), format!("Some({})", RULES_MB * 8000));
    }
    let jailed = Fixture::with(&["best", "2", "4", &RULES_MB.to_string()]);
    assert_eq!(told(jailed.run("rules", b"")), format!("Some({})", RULES_MB * 8000));
    // Limits count from what the rules take.
    let limits = CellLimits { data_bytes_max: 64 << 20, ..quick() };
    let result = jailed.run_within("die memory", limits);
    assert_eq!(result.end, CellEnd::Signal(libc::SIGABRT));
}

fn layers_of_the_jail_are_told() {
    let best = Fixture::new();
    assert!(!best.cells().jail().missing.contains(&JailLayer::Seccomp));
    println!(
        "  the jail here: {} (Landlock ABI {})",
        best.cells().jail(),
        best.cells().jail().landlock_abi
    );
    let off = Fixture::unjailed();
    assert_eq!(off.cells().jail().missing, JailLayer::ALL);
    if best.cells().jail().is_complete() {
        assert_eq!(Fixture::with(&["strict"]).run("echo", b"x").output, b"X");
    }
}

fn notes_are_told() {
    assert!(Fixture::new().cells().notes().is_empty());
    let told = |notes| Fixture::with(&["best", "2", "4", "0", "", notes]).cells().notes().to_vec();
    assert_eq!(told("one\nand another"), ["one", "and another"]);
    let many = "ü".repeat(20_000);
    let cut = told(&many);
    assert!(cut.len() == 1 && cut[0].len() == 16 << 10 && many.starts_with(&cut[0]), "it is cut");
    assert_eq!(Fixture::with(&["best", "2", "4", "0", "", "x"]).run("echo", b"x").output, b"X");
}
