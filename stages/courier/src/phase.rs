//! Where a slot stands, for those who watch it: the simulator counts which steps from phase to
//! phase it has seen, and the same words stand in ARCHITECTURE.md.

use crate::{
    slot::{CommittingState, CurrentState, ProducerState, Purpose, Slot},
    trial::TrialStep,
};

/// A slot's four parts, each with the state it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phase {
    /// The batch that is fetched and processed.
    pub current: CurrentPhase,
    /// The batch that is stored and committed.
    pub committing: CommittingPhase,
    /// The transaction.
    pub transaction: TransactionPhase,
    /// The producer.
    pub producer: ProducerPhase,
}

/// Where the current batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CurrentPhase {
    /// There is none.
    Idle,
    /// Payloads are being fetched.
    Fetching,
    /// Everything is here, but its crash markers are not committed.
    Marking,
    /// A cell works on all of it.
    InCell,
    /// A cell works on a suspect alone.
    Alone,
    /// A cell copies the excerpt of a datapoint that is as good as sentenced.
    Extract,
    /// A cell is to be started again.
    Again,
    /// Its result waits for the batch before it.
    Processed,
}

/// Where the committing batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommittingPhase {
    /// There is none.
    Idle,
    /// To be stored.
    Unstored,
    /// Being stored.
    Storing,
    /// To be committed.
    Ready,
    /// In a transaction.
    InTransaction,
}

/// What transaction runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionPhase {
    /// None.
    Idle,
    /// One that commits a batch.
    Batch,
    /// One that marks what the current batch is about to risk.
    Mark,
    /// One that takes markers back.
    Unmark,
    /// One whose outcome is being found out.
    Unknown,
}

/// How the producer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProducerPhase {
    /// To be opened.
    Closed,
    /// Being opened.
    Opening,
    /// Open.
    Open,
}

/// A slot's move, or its standing still, when an event came or a rule was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The event's name, or the rule's.
    pub cause: &'static str,
    /// Where it stood.
    pub before: Phase,
    /// Where it stands.
    pub after: Phase,
}

impl Slot {
    /// Where it stands.
    pub fn phase(&self) -> Phase {
        Phase {
            current: self.current_phase(),
            committing: match self.committing.as_ref().map(|committing| committing.state) {
                None => CommittingPhase::Idle,
                Some(CommittingState::Unstored) => CommittingPhase::Unstored,
                Some(CommittingState::Storing) => CommittingPhase::Storing,
                Some(CommittingState::Ready) => CommittingPhase::Ready,
                Some(CommittingState::InTransaction) => CommittingPhase::InTransaction,
            },
            transaction: match &self.transaction {
                None => TransactionPhase::Idle,
                Some(transaction) if transaction.is_unknown => TransactionPhase::Unknown,
                Some(transaction) => match transaction.purpose {
                    Purpose::Batch => TransactionPhase::Batch,
                    Purpose::Mark => TransactionPhase::Mark,
                    Purpose::Unmark => TransactionPhase::Unmark,
                },
            },
            producer: match self.producer {
                ProducerState::Closed => ProducerPhase::Closed,
                ProducerState::Opening => ProducerPhase::Opening,
                ProducerState::Open => ProducerPhase::Open,
            },
        }
    }

    fn current_phase(&self) -> CurrentPhase {
        let Some(current) = &self.current else { return CurrentPhase::Idle };
        match current.state {
            CurrentState::Fetching(_) => CurrentPhase::Fetching,
            CurrentState::Marking => CurrentPhase::Marking,
            CurrentState::InCell(_) => match current.trial.step {
                TrialStep::Whole => CurrentPhase::InCell,
                TrialStep::Alone { .. } => CurrentPhase::Alone,
                TrialStep::Extract { .. } => CurrentPhase::Extract,
            },
            CurrentState::Again => CurrentPhase::Again,
            CurrentState::Processed(..) => CurrentPhase::Processed,
        }
    }
}
