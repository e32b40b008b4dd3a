//! One courier of the simulation: the shipped slot, with a shell around it whose every wait is
//! the scheduler's to end.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use cordon_courier::{
    Environment, Slot,
    event::{
        CellInput, Effect, Event, FetchFailure, Halt, NewObject, OpenFailure, PayloadRef,
        PutFailure, RunId, Transaction, TransactionId, TransactionOutcome,
    },
    transaction::Running,
};
use cordon_kafka::{
    log::{
        Consumer, ConsumerError, Log, Membership, NewOffset, Outcome, Polled, Producer,
        TopicPartition,
    },
    model::{MemberId, ModelConsumer, ModelLog, ModelProducer},
    progress::Progress,
};
use cordon_records::{BatchId, cell::Job};
use fastrand::Rng;
use uuid::Uuid;

use crate::{
    cell,
    coverage::Coverage,
    plan::{GROUP, Plan, once_in},
    store::Objects,
    trace::Trace,
};

/// Where the simulated clock starts: some day, so that keys look like keys.
const EPOCH_MS: i64 = 1_700_000_000_000;

/// What all couriers of a simulation share.
pub(crate) struct Shared {
    pub(crate) log: ModelLog,
    pub(crate) objects: Objects,
    pub(crate) rng: Rng,
    pub(crate) plan: Plan,
    pub(crate) is_healed: bool,
    pub(crate) coverage: Coverage,
    pub(crate) trace: Trace,
    /// Batches over which a cell was blind already: twice would be somebody's letter.
    pub(crate) blind: Vec<BatchId>,
    pub(crate) counts: BTreeMap<&'static str, i64>,
    /// What couriers did that no courier may.
    pub(crate) faults: Vec<String>,
    /// How often somebody died, or was thought dead, with a batch in hand.
    pub(crate) unclean_ends: u32,
}

impl Shared {
    /// Whether something goes wrong now that does once in `n` times.
    pub(crate) fn trouble(&mut self, n: u32) -> bool {
        !self.is_healed && once_in(&mut self.rng, n)
    }

    /// Whether one more end without a goodbye is within the plan; then it is counted.
    pub(crate) fn may_die_uncleanly(&mut self) -> bool {
        let is_planned = self.unclean_ends < self.plan.rates.unclean_ends_max;
        self.unclean_ends += u32::from(is_planned);
        is_planned
    }

    pub(crate) fn count(&mut self, name: &'static str, count: i64) {
        *self.counts.entry(name).or_default() += count;
    }
}

/// Time and randomness of the seed.
struct SeededWorld<'a> {
    now_ms: i64,
    rng: &'a mut Rng,
}

impl Environment for SeededWorld<'_> {
    fn now_ms(&mut self) -> i64 {
        self.now_ms
    }

    fn uuid(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid()
    }
}

/// Milliseconds since the epoch, as the slots see them.
pub(crate) fn now_ms(log: &ModelLog) -> i64 {
    EPOCH_MS + log.drive(|broker| broker.now_ms())
}

/// Something under way that ends when the scheduler says so.
enum Pending {
    Fetch {
        batch: BatchId,
        payload: PayloadRef,
    },
    Put {
        batch: BatchId,
        objects: Vec<NewObject>,
    },
    /// With its input, which the cell has from its start: the batch may be dropped meanwhile.
    Cell {
        run: RunId,
        batch: BatchId,
        job: Box<Job>,
        input: Vec<u8>,
    },
}

/// What the producer's thread is to do.
enum Command {
    Open,
    Transact(TransactionId, Box<Running>),
    /// A transaction without a membership.
    Refuse(TransactionId),
}

/// What happened to a courier while it did something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It goes on; whether anything happened.
    Alive { moved: bool },
    /// The slot ended.
    Ended(Halt),
    /// The machine died.
    Died,
}

/// One life of a courier.
pub(crate) struct Courier {
    /// Its `transactional.id`.
    pub(crate) name: String,
    /// Whether records are datapoints, so that a crash's end is an offset.
    is_raw: bool,
    slot: Slot,
    consumer: ModelConsumer,
    membership: Option<Membership>,
    producer: Option<ModelProducer>,
    commands: VecDeque<Command>,
    /// What effects answered at once.
    answers: VecDeque<Event>,
    pending: Vec<Pending>,
    held: BTreeMap<BatchId, BTreeMap<PayloadRef, Bytes>>,
    wake_at_ms: Option<i64>,
    /// Attempts that stood in the committed progress of a partition when it was taken up.
    attempts: BTreeMap<TopicPartition, u32>,
    /// The ids of its own transactions, as they stand in committed progress.
    transactions: BTreeSet<BatchId>,
    /// Stopped by the scheduler, as SIGSTOP does, until this time.
    pub(crate) frozen_until_ms: Option<i64>,
    is_stop_told: bool,
}

impl Courier {
    /// Starts one.
    pub(crate) fn start(name: &str, shared: &mut Shared) -> Self {
        let settings = &shared.plan.settings;
        let consumer =
            shared.log.consumer(&settings.group, &settings.topics()).expect("the topics are there");
        Self {
            name: name.to_owned(),
            is_raw: shared.plan.is_raw(),
            slot: Slot::new(settings.clone(), name),
            consumer,
            membership: None,
            producer: None,
            commands: VecDeque::new(),
            answers: VecDeque::new(),
            pending: Vec::new(),
            held: BTreeMap::new(),
            wake_at_ms: Some(0),
            attempts: BTreeMap::new(),
            transactions: BTreeSet::new(),
            frozen_until_ms: None,
            is_stop_told: false,
        }
    }

    /// Dies without a word, and leaves whoever it was in the group.
    pub(crate) fn crash(self) -> Option<MemberId> {
        let member = self.consumer.member();
        self.consumer.crash();
        member
    }

    /// Who it is in the group.
    pub(crate) fn member(&self) -> Option<MemberId> {
        self.consumer.member()
    }

    /// When it must be woken.
    pub(crate) fn wake_at_ms(&self) -> Option<i64> {
        self.wake_at_ms
    }

    /// Whether something is under way that could end now.
    pub(crate) fn has_work(&self) -> bool {
        !self.pending.is_empty() || !self.commands.is_empty()
    }

    /// Where it stands, for whoever finds it stuck.
    pub(crate) fn describe(&self) -> String {
        let Self { name, slot, pending, commands, wake_at_ms, .. } = self;
        let (pending, commands) = (pending.len(), commands.len());
        format!(
            "{name} {:?} pending {pending} commands {commands} wake {wake_at_ms:?}",
            slot.phase()
        )
    }

    /// Asks it to stop in good order.
    pub(crate) fn stop(&mut self, shared: &mut Shared) -> Turn {
        if std::mem::replace(&mut self.is_stop_told, true) {
            return Turn::Alive { moved: false };
        }
        turn(self.dispatch(Event::Stop, shared))
    }

    /// Lets one thing happen, drawn among those that can.
    pub(crate) fn step(&mut self, shared: &mut Shared) -> Turn {
        if self.wake_at_ms.is_some_and(|at_ms| at_ms <= now_ms(&shared.log)) {
            self.wake_at_ms = None;
            return turn(self.dispatch(Event::Tick, shared));
        }
        match shared.rng.u8(..4) {
            0 if !self.commands.is_empty() => turn(self.command(shared)),
            1 | 2 if !self.pending.is_empty() => self.complete(shared),
            _ if self.has_work() && shared.rng.bool() => {
                if self.commands.is_empty() {
                    self.complete(shared)
                } else {
                    turn(self.command(shared))
                }
            }
            _ => self.poll(shared),
        }
    }

    /// What the shell does once the slot has ended: the producer's thread finishes its work.
    pub(crate) fn finish(mut self, shared: &mut Shared) {
        while !self.commands.is_empty() {
            self.run_command(shared);
        }
    }

    // ---- what may happen

    fn poll(&mut self, shared: &mut Shared) -> Turn {
        let event = match self.consumer.poll(Duration::ZERO) {
            Ok(Polled::Nothing) => return Turn::Alive { moved: false },
            Ok(Polled::Record(record)) => Event::Record(record),
            Ok(Polled::Assigned(partitions)) => Event::Assigned(partitions),
            Ok(Polled::Revoked(partitions)) => Event::Revoked(partitions),
            Ok(Polled::Lost(partitions)) => Event::Lost(partitions),
            Err(error) => {
                return match Halt::of(&error) {
                    Some(halt) => turn(self.dispatch(Event::Failed(halt), shared)),
                    None => Turn::Alive { moved: true },
                };
            }
        };
        turn(self.dispatch(event, shared))
    }

    fn command(&mut self, shared: &mut Shared) -> Option<Halt> {
        let event = self.run_command(shared)?;
        self.dispatch(event, shared)
    }

    /// Makes one call of the producer; the event once the command is done.
    fn run_command(&mut self, shared: &mut Shared) -> Option<Event> {
        let (event, is_done) = match self.commands.front_mut()? {
            Command::Open => {
                drop(self.producer.take());
                let opened = open(&shared.log, &self.name);
                let answer = opened.as_ref().map(|_| ()).map_err(Clone::clone);
                self.producer = opened.ok();
                (Some(Event::Opened(answer)), true)
            }
            Command::Refuse(id) => {
                let outcome = TransactionOutcome::Aborted("not a member yet".to_owned());
                (Some(Event::Transacted { id: *id, outcome }), true)
            }
            Command::Transact(id, running) => {
                let outcome = match &mut self.producer {
                    Some(producer) => running.step(producer),
                    None => Some(TransactionOutcome::Unknown("no producer".to_owned())),
                };
                let id = *id;
                let is_done = outcome.is_some();
                (outcome.map(|outcome| Event::Transacted { id, outcome }), is_done)
            }
        };
        if is_done {
            self.commands.pop_front();
        }
        event
    }

    fn complete(&mut self, shared: &mut Shared) -> Turn {
        let index = shared.rng.usize(..self.pending.len());
        match self.pending.remove(index) {
            Pending::Fetch { batch, payload } => {
                let result = self.fetch(batch, &payload, shared);
                turn(self.dispatch(Event::Fetched { batch, payload, result }, shared))
            }
            Pending::Put { batch, objects } => {
                let result = put(&objects, shared);
                turn(self.dispatch(Event::Stored { batch, result }, shared))
            }
            Pending::Cell { run, batch, job, input } => self.cell(run, batch, &job, &input, shared),
        }
    }

    fn fetch(
        &mut self,
        batch: BatchId,
        payload: &PayloadRef,
        shared: &mut Shared,
    ) -> Result<(), FetchFailure> {
        if shared.trouble(shared.plan.rates.store_unavailable) {
            return Err(FetchFailure::Unavailable("503".to_owned()));
        }
        if shared.trouble(shared.plan.rates.store_denied) {
            return Err(FetchFailure::Denied("the policy was taken away".to_owned()));
        }
        let bytes = shared.objects.get(payload)?;
        if let Some(held) = self.held.get_mut(&batch) {
            held.insert(payload.clone(), bytes);
        }
        Ok(())
    }

    fn cell(
        &mut self,
        run: RunId,
        batch: BatchId,
        job: &Job,
        input: &[u8],
        shared: &mut Shared,
    ) -> Turn {
        use cordon_cell::CellEnd;
        let rates = shared.plan.rates.clone();
        let result = if shared.trouble(rates.no_fork) {
            cell::result(CellEnd::NoFork("no memory".to_owned()))
        } else if shared.trouble(rates.zygote_gone) {
            // One that dies over a batch is as a courier that does: it counts against the batch.
            let died = shared.may_die_uncleanly() && shared.rng.bool();
            cell::result(if died { CellEnd::ZygoteDied } else { CellEnd::ZygoteGone })
        } else if !shared.blind.contains(&batch) && shared.trouble(rates.blind_cell) {
            shared.blind.push(batch);
            cell::blind(job, &mut shared.rng)
        } else {
            match cell::run(job, input, &rates, &mut shared.rng) {
                cell::Run::Ended(result) => result,
                cell::Run::MachineDied => return Turn::Died,
            }
        };
        turn(self.dispatch(Event::CellDone { run, result }, shared))
    }

    fn input(&self, batch: BatchId, inputs: &[CellInput]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for input in inputs {
            match input {
                CellInput::Bytes(piece) => bytes.extend_from_slice(piece),
                CellInput::Payload(payload) => {
                    let held = self.held.get(&batch).and_then(|held| held.get(payload));
                    bytes.extend_from_slice(held.expect("a payload of a running batch is held"));
                }
            }
        }
        bytes
    }

    // ---- the machine

    fn dispatch(&mut self, event: Event, shared: &mut Shared) -> Option<Halt> {
        let mut event = Some(event);
        while let Some(happened) = event {
            shared.trace.event(&self.name, &happened);
            self.remember(&happened);
            let now_ms = now_ms(&shared.log);
            let mut world = SeededWorld { now_ms, rng: &mut shared.rng };
            let watch = &mut |step| shared.coverage.note(step);
            for effect in self.slot.handle_watched(happened, &mut world, watch) {
                shared.trace.effect(&self.name, &effect);
                if let Some(halt) = self.perform(effect, shared) {
                    return Some(halt);
                }
            }
            event = self.answers.pop_front();
        }
        None
    }

    /// Keeps the attempts of what is taken up, and forgets those of what is lost.
    fn remember(&mut self, event: &Event) {
        match event {
            Event::CommittedRead(Ok(committed)) => {
                for (at, committed) in committed {
                    let progress = committed.as_ref().map(|c| Progress::parse(&c.metadata));
                    if let Some(Ok(progress)) = progress {
                        self.attempts.entry(at.clone()).or_insert(progress.attempts);
                    }
                }
            }
            Event::Assigned(partitions) | Event::Lost(partitions) => {
                self.attempts.retain(|at, _| !partitions.contains(at));
            }
            _ => {}
        }
    }

    /// Whoever gives partitions up in good order leaves no crash marker of its own behind.
    fn check_markers(&mut self, given_up: &[TopicPartition], shared: &mut Shared) {
        for at in given_up {
            let Some(attempts) = self.attempts.remove(at) else { continue };
            let committed = shared.log.drive(|broker| {
                // What is decided counts, whether it shows yet or not.
                broker.settle_lingering();
                broker.committed_offset(GROUP, at)
            });
            let progress = committed.and_then(|c| Progress::parse(&c.metadata).ok());
            let is_own = |progress: &Progress| self.transactions.contains(&progress.batch);
            let is_left = |progress: &Progress| progress.attempts > attempts && is_own(progress);
            if let Some(progress) = progress.filter(is_left) {
                let name = &self.name;
                shared.faults.push(format!("{name} leaves {at} with its marker: {progress}"));
            }
        }
    }

    fn perform(&mut self, effect: Effect, shared: &mut Shared) -> Option<Halt> {
        match effect {
            Effect::OpenProducer => self.commands.push_back(Command::Open),
            Effect::ReadCommitted(partitions) => {
                let read = self.consumer.committed(&partitions, Duration::ZERO);
                self.answers.push_back(match read.as_ref().err().and_then(Halt::of) {
                    Some(halt) => Event::Failed(halt),
                    None => Event::CommittedRead(read.map_err(|error| error.to_string())),
                });
            }
            Effect::Start(starts) => return check(self.consumer.start(&starts)),
            Effect::Release(partitions) => {
                self.check_markers(&partitions, shared);
                return check(self.consumer.release(&partitions));
            }
            Effect::RefreshMembership => self.membership = self.consumer.membership().ok(),
            Effect::Pause(partitions) => return check(self.consumer.pause(&partitions)),
            Effect::Resume(partitions) => return check(self.consumer.resume(&partitions)),
            Effect::Fetch { batch, payload } => {
                self.held.entry(batch).or_default();
                self.pending.push(Pending::Fetch { batch, payload });
            }
            Effect::Forget(batch) => {
                self.held.remove(&batch);
            }
            Effect::Announce { .. } => shared.count("batches_begun", 1),
            Effect::RunCell { run, batch, job, inputs, .. } => {
                let input = self.input(batch, &inputs);
                self.pending.push(Pending::Cell { run, batch, job, input });
            }
            Effect::Put { batch, objects } => self.pending.push(Pending::Put { batch, objects }),
            Effect::Transact { id, transaction } => self.transact(id, transaction, shared),
            Effect::WakeAt(at_ms) => self.wake_at_ms = Some(at_ms),
            Effect::Count(name, count) => shared.count(name, count),
            Effect::Leave => self.consumer.leave(),
            Effect::Halt(halt) => {
                if halt == Halt::Stopped {
                    let owned: Vec<TopicPartition> = self.attempts.keys().cloned().collect();
                    self.check_markers(&owned, shared);
                }
                return Some(halt);
            }
        }
        None
    }

    fn transact(&mut self, id: TransactionId, transaction: Transaction, shared: &mut Shared) {
        shared.count("transactions", 1);
        for new in &transaction.offsets {
            match Progress::parse(new.metadata.as_bytes()) {
                Ok(progress) => {
                    self.transactions.insert(progress.batch);
                    shared.faults.extend(self.check_crash(new, &progress));
                }
                Err(fault) => shared.faults.push(format!("{} commits {fault}", self.name)),
            }
        }
        let membership = self.membership.clone();
        if membership.is_none() {
            // As the shell has it: the thread answers without a call.
            self.commands.push_back(Command::Refuse(id));
            return;
        }
        let running = Running::new(membership, transaction);
        self.commands.push_back(Command::Transact(id, Box::new(running)));
    }
}

impl Courier {
    /// Attempts are told only of datapoints that are before the crash's end.
    fn check_crash(&self, new: &NewOffset, progress: &Progress) -> Option<String> {
        let place = if self.is_raw { new.offset } else { progress.position };
        (progress.attempts > 0 && place >= progress.crash_end).then(|| {
            format!("{} tells of a crash that {} has passed: {progress}", self.name, new.at)
        })
    }
}

fn put(objects: &[NewObject], shared: &mut Shared) -> Result<(), PutFailure> {
    let rates = shared.plan.rates.clone();
    for object in objects {
        if shared.trouble(rates.store_unavailable) {
            return Err(PutFailure::Unavailable("503".to_owned()));
        }
        if shared.trouble(rates.store_denied) {
            return Err(PutFailure::Denied("the policy was taken away".to_owned()));
        }
        if shared.trouble(rates.put_conflict) {
            return Err(PutFailure::Conflict);
        }
        shared.objects.put(object)?;
        // It is there, but the answer is lost: the same bytes are put again.
        if shared.trouble(rates.store_unavailable) {
            return Err(PutFailure::Unavailable("connection reset".to_owned()));
        }
    }
    Ok(())
}

fn open(log: &ModelLog, name: &str) -> Result<ModelProducer, OpenFailure> {
    let mut producer =
        log.producer(name).map_err(|error| OpenFailure::Denied(error.to_string()))?;
    match producer.init() {
        Outcome::Done => Ok(producer),
        Outcome::Denied(why) => Err(OpenFailure::Denied(why)),
        Outcome::Aborted(why) | Outcome::Unknown(why) | Outcome::Fenced(why) => {
            Err(OpenFailure::Unavailable(why))
        }
    }
}

fn turn(halt: Option<Halt>) -> Turn {
    halt.map_or(Turn::Alive { moved: true }, Turn::Ended)
}

fn check(done: Result<(), ConsumerError>) -> Option<Halt> {
    done.err().as_ref().map(Halt::of_call)
}
