//! What was played, and how it went.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use cordon_tests::patience::now;
use serde_json::{Value, json};

/// The scenarios so far.
#[derive(Default)]
pub struct Report {
    scenarios: usize,
    faults: Vec<String>,
    figures: BTreeMap<&'static str, Value>,
}

impl Report {
    /// Plays one scenario, and tells how it went. The others go on whatever it does.
    #[expect(clippy::print_stdout, reason = "printing is its purpose")]
    pub fn play<T>(&mut self, name: &str, scenario: impl FnOnce() -> Result<T>) -> Option<T> {
        let started = now();
        let outcome = scenario();
        let seconds = started.elapsed().as_secs_f64();
        self.scenarios += 1;
        match outcome {
            Ok(left) => {
                println!("{seconds:6.1} s  {name}");
                Some(left)
            }
            Err(error) => {
                println!("{seconds:6.1} s  {name}: NOT AS EXPECTED: {error:#}");
                self.faults.push(name.to_owned());
                None
            }
        }
    }

    /// Counts more scenarios that one play went through.
    pub fn count_more(&mut self, scenarios: usize) {
        self.scenarios += scenarios;
    }

    /// A figure for the last line.
    pub fn figure(&mut self, name: &'static str, value: impl Into<Value>) {
        self.figures.insert(name, value.into());
    }

    /// Prints the last line.
    ///
    /// # Errors
    ///
    /// Something was not as expected.
    #[expect(clippy::print_stdout, reason = "printing is its purpose")]
    pub fn end(self) -> Result<()> {
        let as_expected = self.scenarios - self.faults.len();
        let mut figures = json!({ "scenarios": self.scenarios, "as_expected": as_expected });
        for (name, value) in self.figures {
            figures[name] = value;
        }
        println!("figures: {figures}");
        match &self.faults[..] {
            [] => Ok(()),
            faults => bail!("not as expected: {}", faults.join(", ")),
        }
    }
}
