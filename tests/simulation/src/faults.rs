//! What goes wrong between the clients and the model of Kafka.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use cordon_kafka::model::{Call, Faults, Step, Verdict};
use fastrand::Rng;

use crate::plan::{Rates, once_in};

/// The client that feeds the input: never in trouble.
pub(crate) const FEEDER: &str = "feeder";

/// Decides over each call, by a generator of its own.
pub(crate) struct LogTrouble {
    rng: Rng,
    rates: Rates,
    switch: Switch,
}

/// Ends all trouble, and counts it until then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switch {
    healed: Arc<AtomicBool>,
    caused: Arc<AtomicU64>,
}

impl Switch {
    /// From now on every call proceeds.
    pub(crate) fn heal(&self) {
        self.healed.store(true, Ordering::Relaxed);
    }

    /// Calls that did not proceed.
    pub(crate) fn caused(&self) -> u64 {
        self.caused.load(Ordering::Relaxed)
    }
}

impl LogTrouble {
    pub(crate) fn new(seed: u64, rates: &Rates, switch: &Switch) -> Self {
        Self { rng: Rng::with_seed(seed), rates: rates.clone(), switch: switch.clone() }
    }

    fn draw(&mut self, call: Call) -> Verdict {
        let is_end = matches!(call, Call::Commit | Call::Abort);
        if once_in(&mut self.rng, self.rates.lost_request) {
            Verdict::LoseRequest
        } else if once_in(&mut self.rng, self.rates.lost_answer) {
            Verdict::LoseAnswer
        } else if is_end && once_in(&mut self.rng, self.rates.delayed_end) {
            Verdict::Delay
        } else if is_end && once_in(&mut self.rng, self.rates.lingering_end) {
            Verdict::Linger
        } else if call != Call::Poll && once_in(&mut self.rng, self.rates.denied) {
            Verdict::Deny("the ACL was taken away".to_owned())
        } else {
            Verdict::Proceed
        }
    }
}

impl Faults for LogTrouble {
    fn verdict(&mut self, step: Step<'_>) -> Verdict {
        if step.client == FEEDER || self.switch.healed.load(Ordering::Relaxed) {
            return Verdict::Proceed;
        }
        let verdict = self.draw(step.call);
        if verdict != Verdict::Proceed {
            self.switch.caused.fetch_add(1, Ordering::Relaxed);
        }
        verdict
    }
}
