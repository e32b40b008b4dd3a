//! Which steps from phase to phase were seen.

use std::collections::BTreeMap;

use cordon_courier::{
    CommittingPhase, CurrentPhase, Phase, ProducerPhase, TransactionPhase, event::Event,
};

/// Steps of each part of a slot, with how often and by which event.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    seen: BTreeMap<(Step, &'static str), u64>,
}

/// A step of one part of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Of the batch that is fetched and processed.
    Current(CurrentPhase, CurrentPhase),
    /// Of the batch that is stored and committed.
    Committing(CommittingPhase, CommittingPhase),
    /// Of the transaction.
    Transaction(TransactionPhase, TransactionPhase),
    /// Of the producer.
    Producer(ProducerPhase, ProducerPhase),
}

impl Step {
    fn is_move(self) -> bool {
        match self {
            Self::Current(from, to) => from != to,
            Self::Committing(from, to) => from != to,
            Self::Transaction(from, to) => from != to,
            Self::Producer(from, to) => from != to,
        }
    }
}

/// The name of an event.
pub(crate) fn cause(event: &Event) -> &'static str {
    match event {
        Event::Opened(_) => "opened",
        Event::Assigned(_) => "assigned",
        Event::Revoked(_) => "revoked",
        Event::Lost(_) => "lost",
        Event::CommittedRead(_) => "committed read",
        Event::Record(_) => "record",
        Event::Fetched { .. } => "fetched",
        Event::CellDone { .. } => "cell done",
        Event::Stored { .. } => "stored",
        Event::Transacted { .. } => "transacted",
        Event::Tick => "tick",
        Event::Stop => "stop",
        Event::Failed(_) => "failed",
    }
}

impl Coverage {
    /// Notes a step.
    pub(crate) fn step(&mut self, before: Phase, after: Phase, cause: &'static str) {
        let steps = [
            Step::Current(before.current, after.current),
            Step::Committing(before.committing, after.committing),
            Step::Transaction(before.transaction, after.transaction),
            Step::Producer(before.producer, after.producer),
        ];
        for step in steps.into_iter().filter(|step| step.is_move()) {
            *self.seen.entry((step, cause)).or_default() += 1;
        }
    }

    /// Takes in what another run has seen.
    pub fn add(&mut self, other: &Self) {
        for (step, count) in &other.seen {
            *self.seen.entry(*step).or_default() += count;
        }
    }

    /// Every step with its cause and how often it was seen.
    pub fn steps(&self) -> impl Iterator<Item = (Step, &'static str, u64)> {
        self.seen.iter().map(|((step, cause), count)| (*step, *cause, *count))
    }
}
