//! The model's producer.

use std::sync::Arc;

use super::{
    Broker, Call, Mutation, Shared, Verdict, broker::EndTransaction, group::Joined,
    requests::Refusal, transaction::Session,
};
use crate::log::{
    METADATA_BYTES_MAX, Membership, NewOffset, NewRecord, Outcome, Producer, TopicPartition,
};

/// A producer of the model log. Dropping it leaves its transaction open, as a crash does.
pub struct ModelProducer {
    shared: Arc<Shared>,
    transactional_id: Arc<str>,
    stage: Stage,
    /// Counts records without key and partition, to spread them.
    spread: u32,
}

/// How far the client is. As in librdkafka, it is the client that refuses calls out of order.
enum Stage {
    New,
    Ready(Session),
    Open(Session),
    /// Something was refused: only an abort leads on. A record's failure is told at commit.
    Failed(Session, Outcome),
    /// Beyond repair: what the last answer was, again and again.
    Broken(Outcome),
}

impl ModelProducer {
    pub(super) fn new(shared: Arc<Shared>, transactional_id: &str) -> Self {
        Self { shared, transactional_id: transactional_id.into(), stage: Stage::New, spread: 0 }
    }

    /// Makes one call, or has it fail as the faults say.
    fn request(&self, call: Call, act: impl FnOnce(&mut Broker) -> Result<(), Refusal>) -> Outcome {
        self.shared.call(|broker| match broker.ask(&self.transactional_id, call) {
            Verdict::Proceed | Verdict::Linger => outcome(act(broker)),
            Verdict::LoseRequest | Verdict::Delay => Outcome::Unknown("the request is lost".into()),
            Verdict::LoseAnswer => {
                // The client never sees this answer.
                let _ = act(broker);
                Outcome::Unknown("the answer is lost".into())
            }
            Verdict::Deny(reason) => Outcome::Denied(reason),
        })
    }

    /// As `request`, for a commit or an abort, which may also come late.
    fn request_end(&self, request: &EndTransaction) -> Outcome {
        let call = if request.commit { Call::Commit } else { Call::Abort };
        self.shared.call(|broker| match broker.ask(&self.transactional_id, call) {
            Verdict::Proceed => outcome(broker.end(request)),
            Verdict::Linger => outcome(broker.end_lingering(request)),
            Verdict::LoseRequest => Outcome::Unknown("the request is lost".into()),
            Verdict::LoseAnswer => {
                // The client never sees this answer.
                let _ = broker.end(request);
                Outcome::Unknown("the answer is lost".into())
            }
            Verdict::Delay => {
                broker.delayed.push(request.clone());
                Outcome::Unknown("the request is slow".into())
            }
            Verdict::Deny(reason) => Outcome::Denied(reason),
        })
    }

    /// The session of the open transaction, or what to answer when there is none to work in.
    fn open(&self) -> Result<Session, Outcome> {
        match &self.stage {
            Stage::Open(session) => Ok(session.clone()),
            Stage::Failed(_, outcome) | Stage::Broken(outcome) => Err(outcome.clone()),
            Stage::New | Stage::Ready(_) => Err(out_of_order("no transaction is open")),
        }
    }

    /// Remembers how a step inside the transaction ended.
    fn after_step(&mut self, session: Session, outcome: &Outcome) {
        self.stage = match outcome {
            Outcome::Done => Stage::Open(session),
            Outcome::Aborted(_) => Stage::Failed(session, outcome.clone()),
            _ => Stage::Broken(outcome.clone()),
        };
    }

    /// Remembers how the end of the transaction went.
    fn after_end(&mut self, session: Session, outcome: &Outcome) {
        self.stage = match outcome {
            Outcome::Done => Stage::Ready(session),
            _ => Stage::Broken(outcome.clone()),
        };
    }

    /// Where a record goes. Equal keys go to one partition.
    fn place(&mut self, record: &NewRecord) -> Option<TopicPartition> {
        let (count, mutation) = {
            let broker = self.shared.lock();
            (u32::try_from(broker.partitions(&record.topic)?).ok()?, broker.mutation)
        };
        let chosen = match (record.partition, &record.key) {
            (Some(partition), _) => return Some(at(record, partition)),
            (None, Some(key)) if mutation != Some(Mutation::KeySpread) => fnv1a(key),
            (None, _) => {
                self.spread = self.spread.wrapping_add(1);
                self.spread
            }
        };
        Some(at(record, i32::try_from(chosen.checked_rem(count)?).ok()?))
    }
}

impl Producer for ModelProducer {
    fn init(&mut self) -> Outcome {
        if let Stage::Broken(outcome) = &self.stage {
            return outcome.clone();
        }
        let mut session = None;
        let outcome = self.request(Call::Init, |broker| {
            session = Some(broker.init(&self.transactional_id)?);
            Ok(())
        });
        self.stage = match (&outcome, session) {
            (Outcome::Done, Some(session)) => Stage::Ready(session),
            _ => Stage::Broken(outcome.clone()),
        };
        outcome
    }

    fn begin(&mut self) -> Outcome {
        match &self.stage {
            Stage::Ready(session) => {
                self.stage = Stage::Open(session.clone());
                Outcome::Done
            }
            Stage::Failed(_, outcome) | Stage::Broken(outcome) => outcome.clone(),
            Stage::New => out_of_order("the producer is not open"),
            Stage::Open(_) => out_of_order("a transaction is open already"),
        }
    }

    fn produce(&mut self, record: NewRecord) -> Outcome {
        let session = match self.open() {
            Ok(session) => session,
            Err(outcome) => return outcome,
        };
        let Some(at) = self.place(&record) else {
            return Outcome::Denied(format!("there is no topic {}", record.topic));
        };
        let outcome = match self.check_size(&record) {
            Some(outcome) => outcome,
            None => self.request(Call::Produce, |broker| broker.add_record(&session, at, record)),
        };
        match outcome {
            // Delivery is known only at commit, and librdkafka tells a lost record as failed.
            Outcome::Unknown(reason) => {
                let failed = Outcome::Aborted(format!("a record was not delivered: {reason}"));
                self.after_step(session, &failed);
                Outcome::Done
            }
            outcome => {
                self.after_step(session, &outcome);
                outcome
            }
        }
    }

    /// # Panics
    /// For metadata that is not ASCII or too long, and a membership of another log: the slot's
    /// mistakes.
    fn send_offsets(&mut self, offsets: &[NewOffset], membership: &Membership) -> Outcome {
        self.assert_metadata(offsets);
        let session = match self.open() {
            Ok(session) => session,
            Err(outcome) => return outcome,
        };
        let joined = membership.0.downcast_ref::<Joined>().expect("a membership of this log");
        let outcome =
            self.request(Call::SendOffsets, |broker| broker.add_offsets(&session, joined, offsets));
        self.after_step(session, &outcome);
        outcome
    }

    fn commit(&mut self) -> Outcome {
        let session = match self.open() {
            Ok(session) => session,
            Err(outcome) => return outcome,
        };
        let outcome = self.request_end(&EndTransaction { session: session.clone(), commit: true });
        self.after_end(session, &outcome);
        outcome
    }

    fn abort(&mut self) -> Outcome {
        let session = match &self.stage {
            Stage::Open(session) | Stage::Failed(session, _) => session.clone(),
            Stage::Broken(outcome) => return outcome.clone(),
            Stage::New | Stage::Ready(_) => return out_of_order("no transaction is open"),
        };
        let outcome = self.request_end(&EndTransaction { session: session.clone(), commit: false });
        self.after_end(session, &outcome);
        outcome
    }

    fn produce_plain(&mut self, record: NewRecord) {
        let inside = self.shared.lock().mutation == Some(Mutation::PlainInTransaction);
        if inside && matches!(self.stage, Stage::Open(_)) {
            self.produce(record);
            return;
        }
        if let Some(at) = self.place(&record) {
            self.shared.call(|broker| broker.add_plain(&at, record));
        }
    }
}

impl ModelProducer {
    fn check_size(&self, record: &NewRecord) -> Option<Outcome> {
        let broker = self.shared.lock();
        let headers = record.headers.iter().map(|(name, value)| name.len() + value.len());
        let key_bytes = record.key.as_ref().map_or(0, |key| key.len());
        let bytes = record.value.len() + key_bytes + headers.sum::<usize>();
        let refused =
            bytes > broker.limits.record_bytes_max && broker.mutation != Some(Mutation::AnySize);
        refused.then(|| Outcome::Aborted(format!("the record of {bytes} bytes is too large")))
    }

    fn assert_metadata(&self, offsets: &[NewOffset]) {
        let mutation = self.shared.lock().mutation;
        for NewOffset { metadata, .. } in offsets {
            let fits = metadata.is_ascii() && metadata.len() <= METADATA_BYTES_MAX;
            assert!(fits || mutation == Some(Mutation::MetadataUnlimited), "{metadata:?}");
        }
    }
}

fn outcome(answer: Result<(), Refusal>) -> Outcome {
    match answer {
        Ok(()) => Outcome::Done,
        Err(Refusal::Fenced) => Outcome::Fenced("a newer producer has the transactional id".into()),
        // A client asks again until its own patience ends, and then nobody knows.
        Err(Refusal::Busy) => Outcome::Unknown("the last transaction is still ending".into()),
        Err(Refusal::Abort(reason)) => Outcome::Aborted(reason),
    }
}

fn out_of_order(what: &str) -> Outcome {
    Outcome::Denied(format!("out of order: {what}"))
}

fn at(record: &NewRecord, partition: i32) -> TopicPartition {
    TopicPartition::new(record.topic.clone(), partition)
}

/// FNV-1a: any hash will do that is the same everywhere and always.
fn fnv1a(key: &[u8]) -> u32 {
    key.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
