//! The thread that owns a slot's producer, whose calls block.

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use cordon_kafka::log::{ConsumerError, Log, Membership, NewRecord, Outcome, Producer};

use super::Message;
use crate::{
    event::{Event, OpenFailure, Transaction, TransactionId, TransactionOutcome},
    transaction,
};

/// What a committed transaction of a batch took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    /// From its begin until the commit was answered.
    pub(super) took: Duration,
    pub(super) records: i64,
    /// Of their keys and values.
    pub(super) bytes: i64,
}

enum Command {
    Open,
    Transact(TransactionId, Transaction, Option<Membership>),
    Plain(NewRecord),
}

pub(super) struct ProducerThread {
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl ProducerThread {
    pub(super) fn start<L: Log>(
        log: Arc<L>,
        transactional_id: &str,
        events: mpsc::Sender<Message>,
    ) -> Self {
        let (commands, received) = mpsc::channel();
        let id = transactional_id.to_owned();
        let thread = std::thread::spawn(move || serve(&*log, &id, &received, &events));
        Self { commands: Some(commands), thread: Some(thread) }
    }

    pub(super) fn open(&self) {
        self.send(Command::Open);
    }

    pub(super) fn transact(
        &self,
        id: TransactionId,
        transaction: Transaction,
        membership: Option<Membership>,
    ) {
        self.send(Command::Transact(id, transaction, membership));
    }

    pub(super) fn plain(&self, record: NewRecord) {
        self.send(Command::Plain(record));
    }

    /// Ends the thread, and with it the producer: an open transaction is left to the next one.
    pub(super) fn finish(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic over there was reported by its own thread.
            let _ = thread.join();
        }
    }

    fn send(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // The thread ends only after `finish`.
            let _ = commands.send(command);
        }
    }
}

fn serve<L: Log>(
    log: &L,
    transactional_id: &str,
    commands: &mpsc::Receiver<Command>,
    events: &mpsc::Sender<Message>,
) {
    let mut producer: Option<L::Producer> = None;
    for command in commands {
        let answer = match command {
            Command::Open => {
                // Dropped before the new one opens: two must never be alive under one id.
                drop(producer.take());
                let opened = open(log, transactional_id);
                let answer = opened.as_ref().map(|_| ()).map_err(Clone::clone);
                producer = opened.ok();
                Event::Opened(answer)
            }
            Command::Transact(id, transaction, membership) => {
                let mut measure = Measure::of(&transaction.records);
                let begun = now();
                let outcome = match (&mut producer, membership) {
                    (Some(producer), Some(membership)) => {
                        transaction::run(producer, Some(&membership), transaction)
                    }
                    (None, _) => TransactionOutcome::Unknown("the producer is not open".to_owned()),
                    (_, None) => TransactionOutcome::Aborted("not a member yet".to_owned()),
                };
                if outcome != TransactionOutcome::Committed {
                    tracing::warn!(?outcome, "transaction did not commit");
                } else if measure.records > 0 {
                    measure.took = begun.elapsed();
                    // It fails as the answer below would.
                    let _ = events.send(Message::Measured(measure));
                }
                Event::Transacted { id, outcome }
            }
            Command::Plain(record) => {
                if let Some(producer) = &mut producer {
                    producer.produce_plain(record);
                }
                continue;
            }
        };
        if events.send(Message::Happened(answer)).is_err() {
            return;
        }
    }
}

impl Measure {
    fn of(records: &[NewRecord]) -> Self {
        let bytes = |record: &NewRecord| {
            record.value.len() + record.key.as_ref().map_or(0, bytes::Bytes::len)
        };
        Self {
            took: Duration::ZERO,
            records: records.len() as i64,
            bytes: records.iter().map(bytes).sum::<usize>() as i64,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs the time")]
fn now() -> Instant {
    Instant::now()
}

fn open<L: Log>(log: &L, transactional_id: &str) -> Result<L::Producer, OpenFailure> {
    let mut producer = log.producer(transactional_id).map_err(|error| match error {
        ConsumerError::Denied(why) => OpenFailure::Denied(why),
        other => OpenFailure::Unavailable(other.to_string()),
    })?;
    match producer.init() {
        Outcome::Done => Ok(producer),
        Outcome::Denied(why) => Err(OpenFailure::Denied(why)),
        Outcome::Aborted(why) | Outcome::Unknown(why) | Outcome::Fenced(why) => {
            tracing::warn!(why, "producer did not open");
            Err(OpenFailure::Unavailable(why))
        }
    }
}
