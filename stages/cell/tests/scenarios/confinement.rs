//! What a cell cannot do, and what it cannot see. Each attempt has its control: without the jail
//! the same code is not killed, so it is the jail that kills it.

use cordon_cell::CellEnd;

use crate::{Scenario, attempts::ATTEMPTS, fixture::Fixture};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("every_forbidden_call_is_a_death", every_forbidden_call_is_a_death),
    ("a_cell_has_its_own_descriptors_only", a_cell_has_its_own_descriptors_only),
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
