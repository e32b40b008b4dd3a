//! Cells on the real kernel: what goes in and comes out, how they die, what they cannot do, and
//! who ends with whom.
//!
//! Zygotes, couriers and supervisors are this binary, executed again with a role as its first
//! argument. Without one it runs the scenarios whose name contains its argument, or all.

#![expect(clippy::print_stdout, reason = "a test harness reports on standard output")]

mod attempts;
mod body;
mod confinement;
mod deaths;
mod fixture;
mod lifetimes;
mod results;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Instant,
};

type Scenario = (&'static str, fn());

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("zygote") => fixture::zygote_role(&arguments[1..]),
        Some("supervisor") => lifetimes::supervisor_role(&arguments[1..]),
        Some("courier") => lifetimes::courier_role(&arguments[1..]),
        _ => run_scenarios(&arguments),
    }
}

fn run_scenarios(arguments: &[String]) -> ExitCode {
    let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let chosen =
        [results::SCENARIOS, deaths::SCENARIOS, confinement::SCENARIOS, lifetimes::SCENARIOS]
            .concat()
            .into_iter()
            .filter(|(name, _)| {
                filters.is_empty() || filters.iter().any(|f| name.contains(f.as_str()))
            });
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, scenario) in chosen {
        let started = now();
        if catch_unwind(AssertUnwindSafe(scenario)).is_ok() {
            passed += 1;
            println!("test {name} ... ok ({} ms)", started.elapsed().as_millis());
        } else {
            println!("test {name} ... FAILED");
            failed.push(name);
        }
    }
    println!("\ntest result: {passed} passed; {} failed {failed:?}\n", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::disallowed_methods, reason = "tests measure real processes")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
