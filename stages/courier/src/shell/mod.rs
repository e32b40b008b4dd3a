//! The shell: runs the effects of a [`Slot`] on threads, and feeds it what happens.
//!
//! A slot has two threads of its own. One polls the consumer and runs the machine; the other owns
//! the producer, whose calls block. Fetches and puts run on a tokio runtime, cells in their own
//! processes; both answer through one channel. Waiting happens in one place, [`Shell::run`].

mod buckets;
mod metrics;
mod payloads;
mod processes;
mod producer;
mod world;

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use bytes::Bytes;
use cordon_cell::{CellJob, CellLimits, Cells, sealed_memfd};
use cordon_kafka::log::{Consumer, ConsumerError, Log, Membership, Polled};
use cordon_records::{BatchId, Lane, cell::Job, single_object};
use cordon_store::Store;

use self::{
    metrics::Metrics,
    payloads::Payloads,
    producer::{Measure, ProducerThread},
};
use crate::{
    Environment, Slot, StageSettings,
    event::{CellInput, Effect, Event, Halt, NewObject, PayloadRef, PutFailure, RunId},
};
pub use buckets::PREFIX as TRANSACTION_BUCKETS;
pub use processes::WatchedProcess;
pub use world::World;

/// How long completions are waited for between two polls while some are expected: the next record
/// can wait so long, and each wait that ends with nothing costs two switches of threads.
const POLL_EVERY_BUSY: Duration = Duration::from_millis(5);
/// How long a poll waits otherwise.
const POLL_IDLE: Duration = Duration::from_millis(50);
/// Records taken from one poll round before completions are looked at again.
const RECORDS_PER_ROUND: usize = 512;
/// How long reading committed offsets may wait for a transaction that holds them.
const COMMITTED_TIMEOUT: Duration = Duration::from_secs(20);

/// What all slots of a courier share.
pub struct Courier<L: Log> {
    /// Kafka, or the model of it.
    pub log: Arc<L>,
    /// S3, or a directory.
    pub store: Store,
    /// The zygote's cells.
    pub cells: Cells,
    /// Where fetches and puts run.
    pub runtime: tokio::runtime::Handle,
    /// The stage.
    pub settings: Arc<StageSettings>,
    /// Limits of its cells.
    pub cell_limits: CellLimits,
    /// Set when the courier shall stop in good order.
    pub stop: Arc<AtomicBool>,
    /// Conditions to report with the metrics, such as a missing jail layer.
    pub notes: Vec<String>,
    /// Processes whose memory and CPU time are reported with the metrics of the first slot.
    pub processes: Mutex<Vec<WatchedProcess>>,
}

impl<L: Log> Courier<L> {
    /// Runs one slot until it ends, on the calling thread.
    pub fn run_slot(&self, transactional_id: &str) -> Halt {
        let span = tracing::info_span!("slot", id = transactional_id);
        let _entered = span.enter();
        let consumer = match self.consumer() {
            Ok(consumer) => consumer,
            Err(halt) => return halt,
        };
        let (sender, messages) = mpsc::channel();
        let producer = ProducerThread::start(self.log.clone(), transactional_id, sender.clone());
        let store = self.store.counted();
        let processes = self.processes_once();
        let shell = Shell {
            courier: self,
            slot: Slot::new(self.settings.clone(), transactional_id),
            consumer,
            membership: None,
            payloads: Payloads::new(self, store.clone(), sender.clone()),
            metrics: Metrics::new(
                &self.settings,
                transactional_id,
                self.notes.clone(),
                store.clone(),
                processes,
            ),
            store,
            producer,
            messages,
            answers: VecDeque::new(),
            sender,
            wake_at_ms: None,
            is_stop_told: false,
        };
        let halt = shell.run();
        tracing::info!(%halt, "slot ended");
        halt
    }

    /// The processes to report on, for the first slot that asks.
    fn processes_once(&self) -> Vec<WatchedProcess> {
        std::mem::take(&mut self.processes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn consumer(&self) -> Result<L::Consumer, Halt> {
        self.log
            .consumer(&self.settings.group, &self.settings.topics())
            .map_err(|error| Halt::of_call(&error))
    }
}

struct Shell<'a, L: Log> {
    courier: &'a Courier<L>,
    slot: Slot,
    consumer: L::Consumer,
    /// Taken after the last assignment; every transaction runs under it.
    membership: Option<Membership>,
    /// Counts the slot's own requests.
    store: Store,
    payloads: Payloads,
    metrics: Metrics,
    producer: ProducerThread,
    /// Completions of effects.
    messages: mpsc::Receiver<Message>,
    /// What effects answered at once.
    answers: VecDeque<Event>,
    /// For those who complete them.
    sender: mpsc::Sender<Message>,
    wake_at_ms: Option<i64>,
    is_stop_told: bool,
}

/// What effects answer with.
enum Message {
    /// Something happened.
    Happened(Event),
    /// A transaction took so long, and wrote so much.
    Measured(Measure),
    /// A payload came.
    Arrived { batch: BatchId, payload: PayloadRef, bytes: Bytes },
}

fn now_ms() -> i64 {
    World.now_ms()
}

impl<L: Log> Shell<'_, L> {
    fn run(mut self) -> Halt {
        // The first tick opens the producer.
        let mut halt = self.dispatch(Event::Tick);
        while halt.is_none() {
            halt = self.round();
        }
        self.metrics.flush(&self.producer, now_ms());
        self.producer.finish();
        halt.unwrap_or(Halt::Stopped)
    }

    /// Waits for the next thing to happen, then lets the machine move.
    fn round(&mut self) -> Option<Halt> {
        while let Ok(message) = self.messages.try_recv() {
            if let Some(halt) = self.take(message) {
                return Some(halt);
            }
        }
        if self.courier.stop.load(Ordering::Relaxed) && !self.is_stop_told {
            self.is_stop_told = true;
            if let Some(halt) = self.dispatch(Event::Stop) {
                return Some(halt);
            }
        }
        let now_ms = now_ms();
        self.metrics.tick(&self.producer, now_ms);
        if self.wake_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            self.wake_at_ms = None;
            if let Some(halt) = self.dispatch(Event::Tick) {
                return Some(halt);
            }
        }
        if !self.slot.is_busy() {
            return self.poll(self.until_wake(now_ms, POLL_IDLE));
        }
        if let Ok(message) = self.messages.recv_timeout(self.until_wake(now_ms, POLL_EVERY_BUSY))
            && let Some(halt) = self.take(message)
        {
            return Some(halt);
        }
        self.poll(Duration::ZERO)
    }

    fn take(&mut self, message: Message) -> Option<Halt> {
        let event = match message {
            Message::Measured(measure) => {
                self.metrics.transaction(&measure);
                return None;
            }
            Message::Happened(event) => {
                if let Event::CellDone { result, .. } = &event {
                    self.metrics.cell(&result.usage);
                }
                event
            }
            Message::Arrived { batch, payload, bytes } => {
                self.payloads.arrived(batch, payload.clone(), bytes);
                Event::Fetched { batch, payload, result: Ok(()) }
            }
        };
        self.dispatch(event)
    }

    /// The time until the machine wants to be woken, and no more than `longest`.
    fn until_wake(&self, now_ms: i64, longest: Duration) -> Duration {
        match self.wake_at_ms {
            Some(at_ms) => {
                longest.min(Duration::from_millis(at_ms.saturating_sub(now_ms).max(0) as u64))
            }
            None => longest,
        }
    }

    fn poll(&mut self, timeout: Duration) -> Option<Halt> {
        let mut timeout = timeout;
        for _ in 0..RECORDS_PER_ROUND {
            let polled = match self.consumer.poll(timeout) {
                Ok(polled) => polled,
                Err(error) => {
                    tracing::warn!(%error, "poll failed");
                    return Halt::of(&error).and_then(|halt| self.dispatch(Event::Failed(halt)));
                }
            };
            let event = match polled {
                Polled::Nothing => return None,
                Polled::Record(record) => {
                    self.metrics.read(&record);
                    Event::Record(record)
                }
                Polled::Assigned(partitions) => {
                    tracing::info!(?partitions, "partitions assigned");
                    Event::Assigned(partitions)
                }
                Polled::Revoked(partitions) => {
                    tracing::info!(?partitions, "partitions revoked");
                    Event::Revoked(partitions)
                }
                Polled::Lost(partitions) => {
                    tracing::warn!(?partitions, "partitions lost");
                    Event::Lost(partitions)
                }
            };
            if let Some(halt) = self.dispatch(event) {
                return Some(halt);
            }
            timeout = Duration::ZERO;
        }
        None
    }

    fn dispatch(&mut self, event: Event) -> Option<Halt> {
        let mut event = Some(event);
        while let Some(happened) = event {
            for effect in self.slot.handle(happened, &mut World) {
                if let Some(halt) = self.perform(effect) {
                    return Some(halt);
                }
            }
            // What an effect answers at once comes after all effects that were asked for with it.
            event = self.answers.pop_front();
        }
        None
    }

    /// Does one thing; `Some` when the slot ends.
    fn perform(&mut self, effect: Effect) -> Option<Halt> {
        match effect {
            Effect::OpenProducer => self.producer.open(),
            Effect::ReadCommitted(partitions) => self.read_committed(&partitions),
            Effect::Start(starts) => {
                let done = self.consumer.start(&starts);
                return self.check(done);
            }
            Effect::Release(partitions) => {
                let done = self.consumer.release(&partitions);
                return self.check(done);
            }
            Effect::RefreshMembership => self.membership = self.consumer.membership().ok(),
            Effect::Pause(partitions) => {
                let done = self.consumer.pause(&partitions);
                return self.check(done);
            }
            Effect::Resume(partitions) => {
                let done = self.consumer.resume(&partitions);
                return self.check(done);
            }
            Effect::Fetch { batch, payload } => self.payloads.fetch(batch, payload),
            Effect::Forget(batch) => self.payloads.forget(batch),
            Effect::Announce { batch, line } => {
                tracing::info!(%batch, parts = line, "batch begins");
            }
            Effect::RunCell { run, batch, job, inputs, lane, alone } => {
                let job = self.cell_job(batch, *job, &inputs, self.limits(lane, alone));
                return self.run_cell(run, job);
            }
            Effect::Put { batch, objects } => self.put(batch, objects),
            Effect::Transact { id, transaction } => {
                self.producer.transact(id, transaction, self.membership.clone());
            }
            Effect::WakeAt(at_ms) => self.wake_at_ms = Some(at_ms),
            Effect::Count(name, count) => self.metrics.count(name, count),
            Effect::Leave => self.consumer.leave(),
            Effect::Halt(halt) => return Some(halt),
        }
        None
    }

    fn check(&self, done: Result<(), ConsumerError>) -> Option<Halt> {
        let error = done.err()?;
        tracing::warn!(%error, "consumer call failed");
        Some(Halt::of_call(&error))
    }

    fn read_committed(&mut self, partitions: &[cordon_kafka::log::TopicPartition]) {
        let read = self.consumer.committed(partitions, COMMITTED_TIMEOUT);
        self.answers.push_back(match read.as_ref().err().and_then(Halt::of) {
            Some(halt) => Event::Failed(halt),
            None => Event::CommittedRead(read.map_err(|error| error.to_string())),
        });
    }

    fn run_cell(&self, run: RunId, job: io::Result<CellJob>) -> Option<Halt> {
        let job = match job {
            Ok(job) => job,
            Err(error) => return Some(Halt::Broken(format!("cannot start a cell: {error}"))),
        };
        let sender = self.sender.clone();
        self.courier.cells.submit(job, move |result| {
            // The slot may have ended meanwhile.
            let _ = sender.send(Message::Happened(Event::CellDone { run, result }));
        });
        None
    }

    /// What a cell of a lane may use.
    fn limits(&self, lane: Lane, alone: bool) -> CellLimits {
        let mut limits = self.courier.cell_limits.clone();
        if alone {
            limits.datapoint_cpu_max = DATAPOINT_ALONE_CPU_MAX;
            limits.datapoint_wall_max = DATAPOINT_ALONE_WALL_MAX;
        }
        if lane == Lane::Replay {
            limits.niceness = REPLAY_NICENESS;
        }
        limits
    }

    /// Lays the job's bytes out in a sealed memfd, in the order that the job's offsets count in.
    fn cell_job(
        &self,
        batch: BatchId,
        job: Job,
        inputs: &[CellInput],
        limits: CellLimits,
    ) -> io::Result<CellJob> {
        let piece = |input: &CellInput| match input {
            CellInput::Payload(payload) => self.payloads.get(batch, payload),
            CellInput::Bytes(bytes) => Some(bytes.clone()),
        };
        let pieces: Option<Vec<Bytes>> = inputs.iter().map(piece).collect();
        let pieces =
            pieces.ok_or_else(|| io::Error::other("a payload of the batch is not held"))?;
        let slices: Vec<&[u8]> = pieces.iter().map(|piece| &piece[..]).collect();
        let header = single_object::encode(&job).map_err(io::Error::other)?;
        Ok(CellJob { header, input: sealed_memfd("input", &slices)?, limits })
    }

    fn put(&self, batch: BatchId, objects: Vec<NewObject>) {
        let (store, bucket) = (self.store.clone(), self.courier.settings.bucket.clone());
        let sender = self.sender.clone();
        self.courier.runtime.spawn(async move {
            let result = put_all(&store, &bucket, objects).await;
            let _ = sender.send(Message::Happened(Event::Stored { batch, result }));
        });
    }
}

/// A tenth of the time of a live cell beside it. No less: a datapoint's deadline in wall time is
/// twenty times that in CPU time, and waiting must not make it a suspect.
const REPLAY_NICENESS: u8 = 10;
/// A suspect alone gets more time: the machine may just be busy.
const DATAPOINT_ALONE_CPU_MAX: Duration = Duration::from_secs(1);
/// The same in wall time.
const DATAPOINT_ALONE_WALL_MAX: Duration = Duration::from_secs(5);

async fn put_all(store: &Store, bucket: &str, objects: Vec<NewObject>) -> Result<(), PutFailure> {
    use cordon_store::PutError;
    for object in objects {
        let put = store.put(bucket, &object.key, object.body, object.digest).await;
        put.map_err(|error| match error {
            PutError::Conflict => PutFailure::Conflict,
            PutError::Unavailable(why) => PutFailure::Unavailable(why),
            PutError::Digest => PutFailure::Denied("the bytes changed in memory".to_owned()),
            PutError::Refused(why) => {
                PutFailure::Denied(format!("put of {bucket}/{}: {why}", object.key))
            }
        })?;
    }
    Ok(())
}
