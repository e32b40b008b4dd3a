//! The writing half over librdkafka.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rdkafka::error::RDKafkaErrorCode as Code;

use super::{
    denial::refused,
    membership::Member,
    native::{Fault, NativeProducer},
    preflight,
    settings::Settings,
    verdict::{Names, Verdict},
};
use crate::{
    connection::Connection,
    deadline::Deadline,
    log::{METADATA_BYTES_MAX, Membership, NewOffset, NewRecord, Outcome, Producer},
};

/// How often a blocking call looks up: for a refused password, and for records that left.
const LOOK_UP_EVERY: Duration = Duration::from_millis(500);
/// For a broker that just answered to say which topic it denies.
const DENIED_TIMEOUT: Duration = Duration::from_secs(2);
const DRAIN_EVERY: Duration = Duration::from_millis(1);

/// Before the same call is made again. librdkafka has its own backoff below this.
const RETRY_AFTER: Duration = Duration::from_millis(5);

/// What may be lost of the records outside transactions when a producer is dropped.
const PLAIN_LINGER_MAX: Duration = Duration::from_millis(500);

/// A producer with one `transactional.id`.
pub struct RealProducer {
    native: NativeProducer,
    settings: Settings,
    connection: Connection,
    transactional_id: String,
    /// Topics of the open transaction, until one is denied: librdkafka's denials do not name them.
    topics: BTreeSet<Arc<str>>,
    /// The group of the last offsets, for the same reason.
    group: String,
    /// Once nobody knows, or another took over, nothing may be sent any more.
    over: Option<Outcome>,
    /// Opened by the first record outside a transaction. `None` inside: it could not be opened.
    plain: Option<Option<NativeProducer>>,
}

impl RealProducer {
    pub(super) fn new(
        native: NativeProducer,
        settings: Settings,
        connection: Connection,
        transactional_id: &str,
    ) -> Self {
        Self {
            native,
            settings,
            connection,
            transactional_id: transactional_id.to_owned(),
            topics: BTreeSet::new(),
            group: String::new(),
            over: None,
            plain: None,
        }
    }

    /// Makes a call until it is decided, or `budget` is spent and nobody knows.
    fn decide(
        &mut self,
        budget: Duration,
        call: impl Fn(&NativeProducer, Duration) -> Result<(), Fault>,
    ) -> Outcome {
        if let Some(over) = &self.over {
            return over.clone();
        }
        // What was seen earlier says nothing of this call.
        self.native.serve(Duration::ZERO);
        self.native.watched().events.take_refused();
        let deadline = Deadline::after(budget);
        let outcome = loop {
            let result = call(&self.native, deadline.slice(LOOK_UP_EVERY));
            self.native.serve(Duration::ZERO);
            let Err(fault) = result else { break Outcome::Done };
            if let Some(words) = self.native.watched().events.take_refused() {
                break Outcome::Denied(refused(&self.connection.principal(), &words));
            }
            let fault = self.native.watched().deliveries.explain(fault);
            if fault.code == Code::TopicAuthorizationFailed {
                self.narrow();
            }
            match Verdict::of(fault, &self.names()) {
                Verdict::End(outcome) => break outcome,
                Verdict::Again(_) if !deadline.passed() => std::thread::sleep(RETRY_AFTER),
                Verdict::Again(words) => break Outcome::Unknown(self.with_trouble(words)),
            }
        };
        self.note(outcome)
    }

    /// Leaves those topics that a denial is about.
    fn narrow(&mut self) {
        let topics = self.topics.iter().map(|topic| topic.to_string()).collect();
        let denied = preflight::denied(self.native.client(), topics, DENIED_TIMEOUT);
        self.topics = denied.into_iter().map(Arc::from).collect();
    }

    fn names(&self) -> Names<'_> {
        Names {
            principal: self.connection.principal(),
            transactional_id: &self.transactional_id,
            topics: &self.topics,
            group: &self.group,
        }
    }

    /// "Timed out" says little; what the client saw meanwhile says why.
    fn with_trouble(&self, words: String) -> String {
        match self.native.watched().events.last_words() {
            trouble if trouble.is_empty() => words,
            trouble => format!("{words} (last trouble: {trouble})"),
        }
    }

    fn note(&mut self, outcome: Outcome) -> Outcome {
        if matches!(outcome, Outcome::Unknown(_) | Outcome::Fenced(_)) {
            self.over = Some(outcome.clone());
        }
        outcome
    }

    /// The end of a transaction counts only when no request of it may still be on its way.
    fn settle(&mut self, outcome: Outcome) -> Outcome {
        if outcome == Outcome::Done && self.native.watched().limbo.is_occupied() {
            let words = "the connection dropped under a request of the transaction".to_owned();
            return self.note(Outcome::Unknown(self.with_trouble(words)));
        }
        outcome
    }

    /// Waits for records to be with the broker, with short looks: librdkafka's own waits look
    /// every 10 ms. A transaction that failed meanwhile purges its records, which ends this.
    fn drain(&self, deadline: Deadline) {
        while self.native.in_flight() > 0 && !deadline.passed() {
            self.native.serve(DRAIN_EVERY);
        }
    }

    fn plain(&mut self) -> Option<&NativeProducer> {
        let open = || {
            let config = self.settings.plain_producer(&self.connection);
            NativeProducer::new(&config)
                .inspect_err(|error| tracing::warn!(%error, "no producer outside transactions"))
                .ok()
        };
        self.plain.get_or_insert_with(open).as_ref()
    }
}

impl Producer for RealProducer {
    fn init(&mut self) -> Outcome {
        self.decide(self.settings.init_timeout, NativeProducer::init)
    }

    fn begin(&mut self) -> Outcome {
        self.topics.clear();
        self.native.watched().deliveries.clear();
        self.decide(self.settings.commit_timeout, |native, _| native.begin())
    }

    fn produce(&mut self, record: NewRecord) -> Outcome {
        if let Some(over) = &self.over {
            return over.clone();
        }
        self.topics.insert(Arc::clone(&record.topic));
        let deadline = Deadline::after(self.settings.commit_timeout);
        loop {
            match self.native.produce(&record) {
                Ok(()) => return Outcome::Done,
                Err(fault) if fault.code == Code::QueueFull && !deadline.passed() => {
                    self.native.serve(DRAIN_EVERY);
                }
                // Whatever else it is, this record is not in the transaction. Whether the
                // producer is still good, the abort will tell.
                Err(fault) => {
                    return match Verdict::of(fault, &self.names()) {
                        Verdict::End(Outcome::Unknown(words)) | Verdict::Again(words) => {
                            Outcome::Aborted(words)
                        }
                        Verdict::End(outcome) => self.note(outcome),
                    };
                }
            }
        }
    }

    /// # Panics
    /// For metadata that is not ASCII or too long, and a membership of another log: the slot's
    /// mistakes, which the broker would find too late.
    fn send_offsets(&mut self, offsets: &[NewOffset], membership: &Membership) -> Outcome {
        for NewOffset { metadata, .. } in offsets {
            assert!(metadata.is_ascii() && metadata.len() <= METADATA_BYTES_MAX, "{metadata:?}");
        }
        let member = membership.0.downcast_ref::<Member>().expect("a membership of this log");
        self.group = member.group();
        self.decide(self.settings.commit_timeout, |native, timeout| {
            native.send_offsets(offsets, member, timeout)
        })
    }

    fn commit(&mut self) -> Outcome {
        let deadline = Deadline::after(self.settings.commit_timeout);
        self.drain(deadline);
        let outcome = self.decide(deadline.remaining(), NativeProducer::commit);
        self.settle(outcome)
    }

    fn abort(&mut self) -> Outcome {
        let outcome = self.decide(self.settings.commit_timeout, NativeProducer::abort);
        self.settle(outcome)
    }

    fn produce_plain(&mut self, record: NewRecord) {
        let Some(plain) = self.plain() else { return };
        plain.serve(Duration::ZERO);
        // A full queue drops the newest: metrics are worth no waiting.
        if let Err(Fault { words, .. }) = plain.produce(&record) {
            tracing::debug!(words, topic = &*record.topic, "dropped a record outside transactions");
        }
    }
}

impl Drop for RealProducer {
    fn drop(&mut self) {
        if let Some(Some(plain)) = &self.plain {
            let deadline = Deadline::after(PLAIN_LINGER_MAX);
            while plain.in_flight() > 0 && !deadline.passed() {
                plain.serve(DRAIN_EVERY);
            }
        }
    }
}
