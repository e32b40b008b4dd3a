//! Which steps from phase to phase were seen.

use std::collections::{BTreeMap, BTreeSet};

use cordon_courier::{CommittingPhase, CurrentPhase, Move, ProducerPhase, TransactionPhase};

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

impl Coverage {
    /// Notes the steps of a move.
    pub(crate) fn note(&mut self, Move { cause, before, after }: Move) {
        if before == after {
            return;
        }
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

    /// Steps of [`STEPS`] that were not seen.
    pub fn uncovered(&self) -> Vec<Step> {
        let is_seen = |step: &Step| self.seen.keys().any(|(seen, _)| seen == step);
        STEPS.iter().copied().filter(|step| !is_seen(step)).collect()
    }

    /// Steps that were seen, and that no slot may make.
    pub fn unknown(&self) -> Vec<Step> {
        let seen: BTreeSet<Step> = self.seen.keys().map(|(step, _)| *step).collect();
        seen.into_iter().filter(|step| !STEPS.contains(step)).collect()
    }
}

/// Every step that a slot may make, as ARCHITECTURE.md draws them. Each is one event's or one
/// rule's doing.
pub const STEPS: &[Step] = {
    use CommittingPhase as M;
    use CurrentPhase as C;
    use ProducerPhase as P;
    use Step::{Committing, Current, Producer, Transaction};
    use TransactionPhase as T;
    &[
        // Taken, fetched, marked, processed, handed on.
        Current(C::Idle, C::Fetching),
        Current(C::Fetching, C::Marking),
        Current(C::Marking, C::InCell),
        Current(C::Marking, C::Processed),
        Current(C::InCell, C::Processed),
        Current(C::Processed, C::Idle),
        // A cell died or lied: the suspect alone, its excerpt, then the others again.
        Current(C::InCell, C::Again),
        Current(C::Again, C::InCell),
        Current(C::Again, C::Alone),
        Current(C::Alone, C::Again),
        Current(C::Again, C::Extract),
        Current(C::Extract, C::Again),
        Current(C::Again, C::Processed),
        // Dropped: partitions left, the batch before it failed, the slot ends.
        Current(C::Fetching, C::Idle),
        Current(C::Marking, C::Idle),
        Current(C::InCell, C::Idle),
        Current(C::Alone, C::Idle),
        Current(C::Extract, C::Idle),
        Current(C::Again, C::Idle),
        // Stored and committed; without output there is nothing to store.
        Committing(M::Idle, M::Unstored),
        Committing(M::Idle, M::Ready),
        Committing(M::Unstored, M::Storing),
        Committing(M::Storing, M::Ready),
        Committing(M::Ready, M::InTransaction),
        Committing(M::InTransaction, M::Idle),
        // Tried again.
        Committing(M::Storing, M::Unstored),
        Committing(M::InTransaction, M::Ready),
        // Dropped.
        Committing(M::Unstored, M::Idle),
        Committing(M::Storing, M::Idle),
        Committing(M::Ready, M::Idle),
        // One transaction at a time; where nobody knows how it ended, that is found out first.
        Transaction(T::Idle, T::Batch),
        Transaction(T::Idle, T::Mark),
        Transaction(T::Idle, T::Unmark),
        Transaction(T::Batch, T::Idle),
        Transaction(T::Mark, T::Idle),
        Transaction(T::Unmark, T::Idle),
        Transaction(T::Batch, T::Unknown),
        Transaction(T::Mark, T::Unknown),
        Transaction(T::Unmark, T::Unknown),
        Transaction(T::Unknown, T::Idle),
        Producer(P::Closed, P::Opening),
        Producer(P::Opening, P::Open),
        Producer(P::Opening, P::Closed),
        Producer(P::Open, P::Closed),
    ]
};
