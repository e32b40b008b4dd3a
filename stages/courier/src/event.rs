//! The words between the pure machine and the world: events in, effects out.

use bytes::Bytes;
use cordon_cell::CellResult;
use cordon_kafka::log::{Committed, ConsumerError, NewOffset, NewRecord, Record, TopicPartition};
use cordon_records::{BatchId, Digest, Lane, ObjectKey, cell::Job};

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// The producer is open, or could not be opened.
    Opened(Result<(), OpenFailure>),
    /// Partitions were assigned; possibly none, when only the generation changed.
    Assigned(Vec<TopicPartition>),
    /// Partitions must be given up.
    Revoked(Vec<TopicPartition>),
    /// Partitions are gone.
    Lost(Vec<TopicPartition>),
    /// Answer to [`Effect::ReadCommitted`]; an error is one that passes.
    CommittedRead(Result<Vec<(TopicPartition, Option<Committed>)>, String>),
    /// A record of a started partition.
    Record(Record),
    /// Answer to [`Effect::Fetch`].
    Fetched {
        /// The batch it was asked for.
        batch: BatchId,
        /// The payload asked for.
        payload: PayloadRef,
        /// What came of it.
        result: Result<(), FetchFailure>,
    },
    /// Answer to [`Effect::RunCell`].
    CellDone {
        /// The run.
        run: RunId,
        /// What the cell left behind.
        result: CellResult,
    },
    /// Answer to [`Effect::Put`].
    Stored {
        /// The batch.
        batch: BatchId,
        /// The key that was written, or why not.
        result: Result<(), PutFailure>,
    },
    /// Answer to [`Effect::Transact`].
    Transacted {
        /// The transaction.
        id: TransactionId,
        /// How it ended, as far as anyone knows.
        outcome: TransactionOutcome,
    },
    /// Time passed. The machine asks for the time itself; this wakes it.
    Tick,
    /// Stop in good order.
    Stop,
    /// The consumer cannot go on.
    Failed(Halt),
}

impl Event {
    /// Its name, for whoever watches.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::Assigned(_) => "assigned",
            Self::Revoked(_) => "revoked",
            Self::Lost(_) => "lost",
            Self::CommittedRead(_) => "committed read",
            Self::Record(_) => "record",
            Self::Fetched { .. } => "fetched",
            Self::CellDone { .. } => "cell done",
            Self::Stored { .. } => "stored",
            Self::Transacted { .. } => "transacted",
            Self::Tick => "tick",
            Self::Stop => "stop",
            Self::Failed(_) => "failed",
        }
    }
}

/// Something to do. Answered by exactly one event where one is named.
#[derive(Debug)]
pub enum Effect {
    /// Drop the producer if there is one, open a new one under the same `transactional.id`.
    /// Answered by [`Event::Opened`].
    OpenProducer,
    /// Read what the group has committed. Answered by [`Event::CommittedRead`].
    ReadCommitted(Vec<TopicPartition>),
    /// Take up partitions, each from its offset.
    Start(Vec<(TopicPartition, i64)>),
    /// Give up partitions.
    Release(Vec<TopicPartition>),
    /// Take a fresh membership: one was assigned, or one turned out stale.
    RefreshMembership,
    /// Stop delivering records.
    Pause(Vec<TopicPartition>),
    /// Deliver records again.
    Resume(Vec<TopicPartition>),
    /// Fetch a payload range and keep it for the batch. Answered by [`Event::Fetched`].
    Fetch {
        /// The batch.
        batch: BatchId,
        /// The payload.
        payload: PayloadRef,
    },
    /// Nothing that was fetched for this batch is needed any more.
    Forget(BatchId),
    /// A batch is about to run: say so durably in the log *before* its first cell, so that work
    /// redone can be counted.
    Announce {
        /// The batch.
        batch: BatchId,
        /// One line for people and for the test's bookkeeping.
        line: String,
    },
    /// Run a cell. Answered by [`Event::CellDone`].
    RunCell {
        /// The run.
        run: RunId,
        /// The batch whose payloads it uses.
        batch: BatchId,
        /// Its job.
        job: Box<Job>,
        /// What to put into the input memfd, in order; the job's offsets count in it.
        inputs: Vec<CellInput>,
        /// The lane: a cell of the replay lane has low priority.
        lane: Lane,
        /// Whether to give a lone datapoint its longer deadline.
        alone: bool,
    },
    /// Store objects. Answered by one [`Event::Stored`].
    Put {
        /// The batch.
        batch: BatchId,
        /// The objects.
        objects: Vec<NewObject>,
    },
    /// Run a transaction under the newest membership. Answered by [`Event::Transacted`].
    Transact {
        /// The transaction.
        id: TransactionId,
        /// What to write.
        transaction: Transaction,
    },
    /// Answer with a [`Event::Tick`] at this time, milliseconds since the epoch. There is one alarm:
    /// this replaces it.
    WakeAt(i64),
    /// Count something.
    Count(&'static str, i64),
    /// Leave the group: the slot is done.
    Leave,
    /// End the slot.
    Halt(Halt),
}

/// Names one cell run; never used twice by a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

/// Names one transaction; never used twice by a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub u64);

/// A payload range, as a checked pointer names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadRef {
    /// The object.
    pub key: ObjectKey,
    /// First byte.
    pub range_start_bytes: i64,
    /// Length.
    pub range_bytes: i64,
    /// SHA-256 of the range; `None` means the whole object against its stored checksum.
    pub digest: Option<Digest>,
}

/// One piece of a cell's input.
#[derive(Clone, Debug)]
pub enum CellInput {
    /// A fetched payload.
    Payload(PayloadRef),
    /// Bytes the machine holds: raw records, or frames of an earlier cell.
    Bytes(Bytes),
}

/// An object to store.
#[derive(Clone, Debug)]
pub struct NewObject {
    /// Its key.
    pub key: ObjectKey,
    /// Its bytes.
    pub body: Bytes,
    /// Their SHA-256.
    pub digest: Digest,
}

/// What one transaction writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Pointers, letters and the receipt; none for a change of progress alone.
    pub records: Vec<NewRecord>,
    /// New committed offsets.
    pub offsets: Vec<NewOffset>,
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionOutcome {
    /// All of it is there.
    Committed,
    /// None of it is there and the producer is good: the membership was stale.
    Aborted(String),
    /// Nobody knows: open a new producer, then read what is committed.
    Unknown(String),
    /// Another producer has this `transactional.id`.
    Fenced(String),
    /// The broker denies it.
    Denied(String),
}

/// Why the producer did not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenFailure {
    /// It passes.
    Unavailable(String),
    /// The broker denies it.
    Denied(String),
}

/// Why a payload did not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchFailure {
    /// S3 is not available; nothing is wrong with the payload.
    Unavailable(String),
    /// The object is missing, while its prefix's canary is readable.
    Missing,
    /// The object and its prefix's canary cannot be read: a permission broke.
    Denied(String),
    /// The bytes do not have the digest, time and again.
    Digest(String),
}

/// Why an object was not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutFailure {
    /// S3 is not available.
    Unavailable(String),
    /// The key exists and may not be ours: draw another.
    Conflict,
    /// The stage may not write there.
    Denied(String),
}

/// Why a slot ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// It was asked to.
    #[error("stopped")]
    Stopped,
    /// Another courier runs with the same `transactional.id`.
    #[error("fenced: another courier runs with the same transactional.id ({0})")]
    Duplicate(String),
    /// A grant is missing.
    #[error("denied: {0}")]
    Denied(String),
    /// The committed progress cannot be trusted; a person must look.
    #[error(
        "progress of {partition}: {fault}; look at it with `cordon progress show`, \
         repair it with `cordon progress set`"
    )]
    Progress {
        /// The partition.
        partition: TopicPartition,
        /// What is wrong.
        fault: String,
    },
    /// The zygote is gone; supervisor and courier start anew.
    #[error("the zygote is gone")]
    Zygote,
    /// The client is beyond repair.
    #[error("broken: {0}")]
    Broken(String),
}

impl Halt {
    /// The end that a consumer's error means; `None` where it passes.
    pub fn of(error: &ConsumerError) -> Option<Self> {
        match error {
            ConsumerError::Unavailable(_) => None,
            ConsumerError::Denied(why) => Some(Self::Denied(why.clone())),
            ConsumerError::OutOfRange { at, detail } => {
                Some(Self::Progress { partition: at.clone(), fault: detail.clone() })
            }
            ConsumerError::Fatal(why) => Some(Self::Broken(why.clone())),
        }
    }

    /// The end that follows when a call of the consumer failed that may not fail.
    pub fn of_call(error: &ConsumerError) -> Self {
        Self::of(error).unwrap_or_else(|| Self::Broken(error.to_string()))
    }
}
