//! Trouble, injected by whoever drives a simulation.

/// Asked before each call of a client what shall become of it.
pub trait Faults: Send {
    /// Decides. Called under the broker's lock, so it must not call the log.
    fn verdict(&mut self, step: Step<'_>) -> Verdict;
}

/// A call that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The caller: a producer's transactional id, or a consumer's group.
    pub client: &'a str,
    /// What it asks.
    pub call: Call,
}

/// The calls that talk to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the method of its name")]
pub enum Call {
    Init,
    Produce,
    SendOffsets,
    Commit,
    Abort,
    Poll,
    Committed,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It reaches the broker, and the answer reaches the client.
    Proceed,
    /// It never happens; the client does not learn that.
    LoseRequest,
    /// It happens; the client does not learn that.
    LoseAnswer,
    /// The broker denies it, with these words.
    Deny(String),
    /// Commit and abort: still under way when the client gives up, until
    /// [`Broker::deliver_delayed`](super::Broker::deliver_delayed). Other calls: as `LoseRequest`.
    Delay,
    /// Commit and abort: decided and answered, but the markers are written only at
    /// [`Broker::settle_lingering`](super::Broker::settle_lingering); until then the
    /// transactional id is busy. Other calls: as `Proceed`.
    Linger,
}

impl<F: FnMut(Step<'_>) -> Verdict + Send> Faults for F {
    fn verdict(&mut self, step: Step<'_>) -> Verdict {
        self(step)
    }
}
