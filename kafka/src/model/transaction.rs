//! A transactional id: who may write under it, and the transaction it has open.

use std::{collections::BTreeSet, sync::Arc};

use crate::log::TopicPartition;

/// Identity of a transactional id's writes in the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ProducerId(pub(super) i64);

/// What an opened producer proves itself with. A later epoch fences it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) transactional_id: Arc<str>,
    pub(super) epoch: u32,
}

/// Where a transaction has left traces that its end must settle.
#[derive(Clone, Default)]
pub(super) struct Traces {
    pub(super) partitions: BTreeSet<TopicPartition>,
    pub(super) groups: BTreeSet<Arc<str>>,
}

/// What the transaction coordinator knows of one transactional id.
pub(super) struct Transactional {
    pub(super) producer: ProducerId,
    pub(super) epoch: u32,
    pub(super) state: State,
}

pub(super) enum State {
    /// No transaction.
    Idle,
    /// One that has written something.
    Open { since_ms: i64, traces: Traces },
    /// One that is decided; its markers are not written yet.
    Ending { commit: bool, traces: Traces },
}

impl Transactional {
    pub(super) fn new(producer: ProducerId) -> Self {
        Self { producer, epoch: 0, state: State::Idle }
    }

    /// The traces of the open transaction, which begins with its first write; `None` while the
    /// last one's markers are not written.
    pub(super) fn traces(&mut self, now_ms: i64) -> Option<&mut Traces> {
        if let State::Idle = self.state {
            self.state = State::Open { since_ms: now_ms, traces: Traces::default() };
        }
        match &mut self.state {
            State::Open { traces, .. } => Some(traces),
            State::Idle | State::Ending { .. } => None,
        }
    }

    /// Whether its open transaction is older than it may be.
    pub(super) fn is_overdue(&self, now_ms: i64, timeout_ms: i64) -> bool {
        matches!(self.state, State::Open { since_ms, .. } if now_ms - since_ms >= timeout_ms)
    }
}
