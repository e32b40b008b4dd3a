//! What a cell cannot do, and what it cannot see. Each attempt has its control: without the jail
//! the same code is not killed, so it is the jail that kills it.

use cordon_cell::CellEnd;

use crate::{Scenario, attempts::ATTEMPTS, fixture::Fixture};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("every_forbidden_call_is_a_death", every_forbidden_call_is_a_death),
    ("a_cell_has_its_own_descriptors_only", a_cell_has_its_own_descriptors_only),
    ("no_secret_crosses_the_exec", no_secret_crosses_the_exec),
];

fn every_forbidden_call_is_a_death() {
    let (jailed, free) = (Fixture::new(), Fixture::unjailed());
    for attempt in ATTEMPTS {
        let command = format!("attempt {attempt}");
        let result = jailed.run(&command, b"");
        assert_eq!(result.end, CellEnd::Signal(libc::SIGSYS), "{attempt} in the jail");
        assert_eq!(result.at, Some((0, 0)), "{attempt} was reached");
        let result = free.run(&command, b"");
        assert_eq!(result.end, CellEnd::Finished, "{attempt} without");
    }
    println!("  {} attempts, each with its control", ATTEMPTS.len());
}

fn a_cell_has_its_own_descriptors_only() {
    // The null device three times, and frames, output and report of its job.
    let result = Fixture::new().run("descriptors", b"");
    assert_eq!(String::from_utf8(result.output).unwrap(), "[0, 1, 2, 6, 7, 8]");
}

/// Plants a secret in the environment and on the heap of this process, starts a zygote, and
/// searches all readable memory of one of its cells.
fn no_secret_crosses_the_exec() {
    let secret = format!("{}-{:x}", "canary", std::process::id());
    let on_the_heap: Vec<String> = vec![secret.clone(); 100];
    #[expect(
        unsafe_code,
        clippy::disallowed_methods,
        reason = "the environment is where secrets leak from"
    )]
    // SAFETY: this test binary runs its scenarios on one thread, and no other one reads it.
    unsafe {
        std::env::set_var("CORDON_TEST_SECRET", &secret);
    }
    let (found, searched) = search(&Fixture::unjailed(), &secret);
    assert_eq!(found, 0, "{} copies lie in this process", on_the_heap.len());
    assert!(searched > 1 << 20, "{searched} bytes are no process");

    // The control: handed over in an argument, it is found.
    let (found, _) = search(&Fixture::with(&["off", "2", "4", "0", &secret]), &secret);
    assert!(found > 0, "the search finds what is there");
}

fn search(fixture: &Fixture, secret: &str) -> (usize, usize) {
    let flipped: String = secret.bytes().map(|byte| format!("{:02x}", !byte)).collect();
    let result = fixture.run(&format!("find {flipped}"), b"");
    assert_eq!(result.end, CellEnd::Finished);
    let words = String::from_utf8(result.output).unwrap();
    let (found, searched) = words.split_once(' ').unwrap();
    (found.parse().unwrap(), searched.parse().unwrap())
}
