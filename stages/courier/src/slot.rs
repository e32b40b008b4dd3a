//! The slot: a pure state machine, `event → (state, effects)`.
//!
//! It holds no clock, no randomness, no tokio, and nothing whose order depends on a hash, so that
//! the same events give the same effects, byte for byte.
//!
//! Two batches are in hand at most. *Current* is fetched and processed while *committing* is
//! stored and committed. What moves is decided in one place, [`Slot::advance`], by rules that each
//! look at the state alone: an event only changes state.
//!
//! ```text
//!  current:     Fetching ─▶ Marking ─▶ InCell ─▶ Processed ─┐
//!  committing:                                Storing ◀─────┘─▶ Ready ─▶ InTransaction ─▶ gone
//!  transaction: idle ─▶ running ─▶ committed | aborted (again) | unknown ─▶ reopen ─▶ read ─▶ …
//! ```

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use cordon_kafka::log::{Committed, NewOffset, Record, TopicPartition};
use cordon_kafka::progress::Progress;
use cordon_records::{BatchId, ObjectKey, Pointer, Reason, single_object};

use crate::{
    batch::Batch,
    environment::Environment,
    event::{
        Effect, Event, FetchFailure, Halt, OpenFailure, PayloadRef, PutFailure, RunId, Transaction,
        TransactionId, TransactionOutcome,
    },
    partition::{Cursor, EntryBody, Partition},
    phase::Move,
    settings::{InputKind, StageSettings},
    transaction::Layout,
    trial::{Next, Trial},
    verify::Verified,
};

/// First pause after something that passes; doubled up to [`BACKOFF_MS_MAX`].
const BACKOFF_MS_MIN: i64 = 50;
/// Longest pause: a service that is back is noticed within it.
const BACKOFF_MS_MAX: i64 = 5_000;

/// One slot of a courier.
pub struct Slot {
    pub(crate) settings: Arc<StageSettings>,
    /// The `transactional.id`.
    pub(crate) name: String,
    pub(crate) partitions: BTreeMap<TopicPartition, Partition>,
    /// Assigned, and waiting for their committed offset, since when.
    pub(crate) awaited: BTreeMap<TopicPartition, i64>,
    /// Revoked, and kept until nothing of theirs is in a transaction.
    pub(crate) leaving: Vec<TopicPartition>,
    pub(crate) producer: ProducerState,
    /// The transaction that runs, or whose outcome is being found out.
    pub(crate) transaction: Option<InFlight>,
    /// Whether a [`Effect::ReadCommitted`] is out.
    pub(crate) is_reading: bool,
    pub(crate) current: Option<Current>,
    pub(crate) committing: Option<Committing>,
    pub(crate) is_stopping: bool,
    /// Why it stops, where nobody asked it to.
    pub(crate) ending: Option<Halt>,
    /// Ended: nothing is done any more.
    pub(crate) is_halted: bool,
    /// For the store and the producer: while it runs, nothing is tried.
    pub(crate) backoff: Backoff,
    /// For reading committed offsets: a partition without one must not slow the others.
    pub(crate) read_backoff: Backoff,
    /// Until when what waits may wait for company.
    pub(crate) linger_until_ms: Option<i64>,
    /// The alarm that is set.
    alarm_ms: Option<i64>,
    pub(crate) missing_in_row: u32,
    next_id: u64,
    /// Spreads batches over partitions: where the next one starts to look.
    pub(crate) turn: usize,
    pub(crate) effects: Vec<Effect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProducerState {
    Closed,
    Opening,
    Open,
}

/// A batch that is fetched and processed.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) batch: Batch,
    pub(crate) trial: Trial,
    pub(crate) state: CurrentState,
    pub(crate) is_announced: bool,
}

#[derive(Debug)]
pub(crate) enum CurrentState {
    /// Payloads that have not come yet, each with whether it was asked for.
    Fetching(BTreeMap<PayloadRef, bool>),
    /// Everything is here; its crash markers may not be.
    Marking,
    /// A cell works on it.
    InCell(RunId),
    /// A cell could not be started; once more at this time.
    Again,
    /// Its result is verified.
    Processed(Box<Verified>, Bytes),
}

/// A batch that is stored and committed.
#[derive(Debug)]
pub(crate) struct Committing {
    pub(crate) batch: Batch,
    pub(crate) verified: Verified,
    pub(crate) layout: Layout,
    pub(crate) state: CommittingState,
    /// A partition of it was taken away while its transaction ran.
    pub(crate) is_doomed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommittingState {
    /// To be stored.
    Unstored,
    /// Being stored.
    Storing,
    /// Stored; to be committed.
    Ready,
    /// In a transaction.
    InTransaction,
}

/// A transaction that runs or ran with an unknown outcome.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) id: TransactionId,
    pub(crate) purpose: Purpose,
    pub(crate) offsets: Vec<NewOffset>,
    /// What each partition becomes if it is there: its place, and whether a marker of ours rides.
    pub(crate) effect: Vec<(TopicPartition, Cursor, bool)>,
    /// Its outcome is unknown: the producer is reopened, then the truth is read.
    pub(crate) is_unknown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Commits the batch.
    Batch,
    /// Marks what the current batch is about to risk.
    Mark,
    /// Takes markers back: the partitions leave in good order.
    Unmark,
}

/// When to try again what failed in passing.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    until_ms: i64,
}

impl Backoff {
    pub(crate) fn fail(&mut self, now_ms: i64) {
        let pause = (BACKOFF_MS_MIN << self.failures.min(16)).min(BACKOFF_MS_MAX);
        self.failures += 1;
        self.until_ms = now_ms + pause;
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn is_over(&self, now_ms: i64) -> bool {
        now_ms >= self.until_ms
    }

    /// When it is over, if it is not.
    fn ends_ms(&self, now_ms: i64) -> Option<i64> {
        (!self.is_over(now_ms)).then_some(self.until_ms)
    }
}

impl Slot {
    /// A slot with this `transactional.id`, owning nothing.
    pub fn new(settings: Arc<StageSettings>, transactional_id: &str) -> Self {
        Self {
            settings,
            name: transactional_id.to_owned(),
            partitions: BTreeMap::new(),
            awaited: BTreeMap::new(),
            leaving: Vec::new(),
            producer: ProducerState::Closed,
            transaction: None,
            is_reading: false,
            current: None,
            committing: None,
            is_stopping: false,
            ending: None,
            is_halted: false,
            backoff: Backoff::default(),
            read_backoff: Backoff::default(),
            linger_until_ms: None,
            alarm_ms: None,
            missing_in_row: 0,
            next_id: 0,
            turn: 0,
            effects: Vec::new(),
        }
    }

    /// The `transactional.id`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether work is under way: then completions are expected soon.
    pub fn is_busy(&self) -> bool {
        self.current.is_some() || self.committing.is_some() || self.transaction.is_some()
    }

    /// Takes in what happened and answers with what to do.
    pub fn handle(&mut self, event: Event, env: &mut dyn Environment) -> Vec<Effect> {
        self.handle_watched(event, env, &mut |_| {})
    }

    /// As [`Slot::handle`], and tells `watch` how the event and each rule moved the slot.
    pub fn handle_watched(
        &mut self,
        event: Event,
        env: &mut dyn Environment,
        watch: &mut impl FnMut(Move),
    ) -> Vec<Effect> {
        if self.is_halted {
            return Vec::new();
        }
        if matches!(event, Event::Tick) {
            self.alarm_ms = None;
        }
        // Read before the rules read it: a pause that ends between the two is not overlooked.
        let now_ms = env.now_ms();
        let (cause, before) = (event.name(), self.phase());
        self.apply(event, env);
        watch(Move { cause, before, after: self.phase() });
        self.advance(env, watch);
        self.set_alarm(now_ms);
        std::mem::take(&mut self.effects)
    }

    fn apply(&mut self, event: Event, env: &mut dyn Environment) {
        match event {
            Event::Opened(result) => self.opened(result, env.now_ms()),
            Event::Assigned(partitions) => self.assigned(partitions, env.now_ms()),
            Event::Revoked(partitions) => self.revoked(partitions),
            Event::Lost(partitions) => self.lost(&partitions),
            Event::CommittedRead(result) => self.committed_read(result, env.now_ms()),
            Event::Record(record) => self.record(&record, env.now_ms()),
            Event::Fetched { batch, payload, result } => {
                self.fetched(batch, &payload, result, env.now_ms());
            }
            Event::CellDone { run, result } => self.cell_done(run, result, env.now_ms()),
            Event::Stored { batch, result } => self.stored(batch, result, env),
            Event::Transacted { id, outcome } => self.transacted(id, outcome, env.now_ms()),
            Event::Tick => {}
            Event::Stop => self.stop(),
            Event::Failed(halt) => self.failed(halt),
        }
    }

    // ---- membership

    fn opened(&mut self, result: Result<(), OpenFailure>, now_ms: i64) {
        match result {
            Ok(()) => {
                self.producer = ProducerState::Open;
                self.backoff.clear();
            }
            Err(OpenFailure::Unavailable(_)) => {
                self.producer = ProducerState::Closed;
                self.backoff.fail(now_ms);
            }
            // Without a producer nothing can be taken back.
            Err(OpenFailure::Denied(why)) => self.halt(Halt::Denied(why)),
        }
    }

    fn assigned(&mut self, partitions: Vec<TopicPartition>, now_ms: i64) {
        self.effects.push(Effect::RefreshMembership);
        self.awaited.extend(partitions.into_iter().map(|at| (at, now_ms)));
    }

    fn revoked(&mut self, partitions: Vec<TopicPartition>) {
        // Markers are taken back under it.
        self.effects.push(Effect::RefreshMembership);
        for at in &partitions {
            self.awaited.remove(at);
        }
        self.drop_batches_of(&partitions);
        self.leaving.extend(partitions);
    }

    /// The partitions are somebody else's already: there is nothing to take back.
    fn lost(&mut self, partitions: &[TopicPartition]) {
        self.drop_batches_of(partitions);
        for at in partitions {
            self.awaited.remove(at);
            self.partitions.remove(at);
        }
        self.leaving.retain(|at| !partitions.contains(at));
        self.effects.push(Effect::Release(partitions.to_vec()));
    }

    /// Drops what touches these partitions, unless a transaction decides over it just now. What
    /// was taken behind a dropped batch goes with it.
    pub(crate) fn drop_batches_of(&mut self, partitions: &[TopicPartition]) {
        let touches = |batch: &Batch| batch.parts.iter().any(|part| partitions.contains(&part.at));
        let committing = self.committing.as_mut().filter(|c| touches(&c.batch));
        match committing {
            Some(committing) if committing.state == CommittingState::InTransaction => {
                // If it does not commit it is not tried again: the partitions may have come back
                // meanwhile, and what they hold may be in another batch.
                committing.is_doomed = true;
            }
            Some(_) => return self.drop_committing(),
            None => {}
        }
        if self.current.as_ref().is_some_and(|c| touches(&c.batch)) {
            self.drop_current();
        }
    }

    pub(crate) fn drop_current(&mut self) {
        if let Some(current) = self.current.take() {
            self.effects.push(Effect::Count("batches_dropped", 1));
            self.effects.push(Effect::Forget(current.batch.id));
        }
        self.rewind();
    }

    pub(crate) fn drop_committing(&mut self) {
        if let Some(committing) = self.committing.take() {
            self.effects.push(Effect::Count("batches_dropped", 1));
            self.effects.push(Effect::Forget(committing.batch.id));
        }
        self.drop_current();
    }

    /// Everything not in hand may be taken again.
    pub(crate) fn rewind(&mut self) {
        self.partitions.values_mut().for_each(Partition::rewind);
        if let Some(committing) = &self.committing {
            for (at, end) in committing.batch.ends(&committing.verified.fates) {
                if let Some(partition) = self.partitions.get_mut(&at) {
                    partition.take_back_to(end);
                }
            }
        }
    }

    fn committed_read(
        &mut self,
        result: Result<Vec<(TopicPartition, Option<Committed>)>, String>,
        now_ms: i64,
    ) {
        self.is_reading = false;
        let Ok(committed) = result else {
            self.read_backoff.fail(now_ms);
            return;
        };
        self.read_backoff.clear();
        if self.transaction.as_ref().is_some_and(|t| t.is_unknown) {
            self.resolve(&committed);
            return;
        }
        let mut starts = Vec::new();
        for (at, committed) in committed {
            match committed {
                Some(committed) => starts.extend(self.take_up(at, &committed)),
                None => self.still_awaited(&at, now_ms),
            }
        }
        if !starts.is_empty() {
            self.effects.push(Effect::Start(starts));
        }
    }

    fn take_up(
        &mut self,
        at: TopicPartition,
        committed: &Committed,
    ) -> Option<(TopicPartition, i64)> {
        self.awaited.remove(&at)?;
        match Progress::parse(&committed.metadata) {
            Ok(progress) => {
                let lane = self.settings.lane(&at.topic);
                let is_raw = self.settings.input == InputKind::Raw;
                let halvings_to_one = self.settings.limits.batch_datapoints_max.max(1).ilog2();
                let place = (at.clone(), committed.offset);
                let partition = Partition::new(place, lane, is_raw, halvings_to_one, &progress);
                let start = partition.start_offset();
                self.partitions.insert(at.clone(), partition);
                Some((at, start))
            }
            Err(fault) => {
                self.end(Halt::Progress { partition: at, fault: fault.to_string() });
                None
            }
        }
    }

    fn still_awaited(&mut self, at: &TopicPartition, now_ms: i64) {
        let Some(since_ms) = self.awaited.get(at) else { return };
        let wait_ms = self.settings.limits.first_offset_wait.as_millis() as i64;
        if now_ms - since_ms >= wait_ms {
            let fault =
                "the group has no committed offset; `cordon topology apply` commits the first";
            self.end(Halt::Progress { partition: at.clone(), fault: fault.to_owned() });
        } else {
            self.read_backoff.fail(now_ms);
        }
    }

    /// The consumer cannot go on. What is to be read to find out an outcome cannot be read, and
    /// without that nothing can be taken back.
    fn failed(&mut self, halt: Halt) {
        self.is_reading = false;
        let is_unknown = self.transaction.as_ref().is_some_and(|t| t.is_unknown);
        if is_unknown || matches!(halt, Halt::Broken(_)) {
            self.halt(halt);
        } else {
            self.end(halt);
        }
    }

    // ---- records

    fn record(&mut self, record: &Record, now_ms: i64) {
        let body = self.entry_body(record);
        let Some(partition) = self.partitions.get_mut(&record.at) else { return };
        if let Err(misfit) = partition.push(record, body, now_ms) {
            let (partition, fault) = (record.at.clone(), misfit.to_string());
            self.end(Halt::Progress { partition, fault });
        }
    }

    fn entry_body(&self, record: &Record) -> EntryBody {
        if self.settings.input == InputKind::Raw {
            return EntryBody::Raw { value: record.value.clone() };
        }
        let pointer: Pointer = match single_object::decode(&record.value) {
            Ok(pointer) => pointer,
            Err(fault) => return EntryBody::Refused { fault: fault.to_string() },
        };
        match pointer.check(&self.settings.pointer_limits()) {
            Ok(key) => {
                EntryBody::Payload { payload: payload_ref(key, &pointer), pointer: pointer.into() }
            }
            Err(fault) => EntryBody::Refused { fault: fault.to_string() },
        }
    }

    // ---- the current batch

    fn fetched(
        &mut self,
        batch: BatchId,
        payload: &PayloadRef,
        result: Result<(), FetchFailure>,
        now_ms: i64,
    ) {
        let Some(current) = self.current.as_mut().filter(|c| c.batch.id == batch) else { return };
        let CurrentState::Fetching(missing) = &mut current.state else { return };
        if !missing.contains_key(payload) {
            return;
        }
        match result {
            Ok(()) => {
                self.missing_in_row = 0;
                missing.remove(payload);
                self.backoff.clear();
            }
            Err(FetchFailure::Unavailable(_)) => {
                missing.insert(payload.clone(), false);
                self.backoff.fail(now_ms);
            }
            Err(FetchFailure::Digest(detail)) => self.give_up(payload, Reason::Digest, detail),
            Err(FetchFailure::Missing) => self.missing(payload),
            Err(FetchFailure::Denied(why)) => self.end(Halt::Denied(why)),
        }
    }

    /// One missing object is an accident; many in a row are a broken permission or a wrong
    /// lifecycle rule, and a topic must never drain into letters because of one.
    fn missing(&mut self, payload: &PayloadRef) {
        self.missing_in_row += 1;
        if self.missing_in_row > self.settings.limits.missing_in_row_max {
            let count = self.missing_in_row;
            self.end(Halt::Denied(format!("{count} objects in a row are missing")));
        } else {
            self.give_up(payload, Reason::Missing, "the object is gone".to_owned());
        }
    }

    fn give_up(&mut self, payload: &PayloadRef, reason: Reason, detail: String) {
        let Some(current) = &mut self.current else { return };
        for part in &mut current.batch.parts {
            if part.payload() == Some(payload) {
                part.give_up(reason, detail.clone());
            }
        }
        if let CurrentState::Fetching(missing) = &mut current.state {
            missing.remove(payload);
        }
    }

    fn cell_done(&mut self, run: RunId, result: cordon_cell::CellResult, now_ms: i64) {
        let Some(current) = &mut self.current else { return };
        if !matches!(current.state, CurrentState::InCell(id) if id == run) {
            return;
        }
        if result.end != cordon_cell::CellEnd::Finished {
            self.effects.push(Effect::Count("cells_died", 1));
        }
        current.state = CurrentState::Again;
        let mut next = current.trial.finished(result);
        if !current.trial.is_plausible(&current.batch.parts) {
            current.trial.acquit();
            next = current.trial.blind("the cell names a datapoint outside its batch".to_owned());
        }
        self.follow(next, now_ms);
    }

    fn follow(&mut self, next: Next, now_ms: i64) {
        match next {
            Next::Run => {}
            Next::RunLater => self.backoff.fail(now_ms),
            Next::ZygoteGone { was_at_work: false } => self.end(Halt::Zygote),
            // The batch may have killed it: the crash marker stands.
            Next::ZygoteGone { was_at_work: true } => self.halt(Halt::Zygote),
            Next::Halve(detail) => self.halve(detail),
            Next::Done { report, output } => self.check_result(report, output, now_ms),
        }
    }

    fn check_result(&mut self, report: cordon_records::cell::Report, output: Bytes, now_ms: i64) {
        let Some(current) = &mut self.current else { return };
        let partitions = self.settings.output_partitions;
        let parts = &current.batch.parts;
        match crate::verify::verify(parts, report, output.len() as i64, partitions) {
            Ok(verified) => self.processed(verified, output),
            Err(lie) => {
                self.effects.push(Effect::Count("reports_refused", 1));
                let next = current.trial.blind(lie.to_string());
                self.follow(next, now_ms);
            }
        }
    }

    pub(crate) fn processed(&mut self, verified: Verified, output: Bytes) {
        let Some(current) = &mut self.current else { return };
        for (at, end) in current.batch.ends(&verified.fates) {
            if let Some(partition) = self.partitions.get_mut(&at) {
                partition.take_back_to(end);
            }
        }
        current.state = CurrentState::Processed(Box::new(verified), output);
    }

    /// Nobody can say which datapoint it is: try the first half, down to one, which is then dead.
    fn halve(&mut self, detail: String) {
        let Some(current) = &mut self.current else { return };
        if current.batch.halve() {
            current.trial = Trial::default();
            let ends = current.batch.planned_ends();
            self.rewind();
            for (at, end) in ends {
                if let Some(partition) = self.partitions.get_mut(&at) {
                    partition.take_back_to(end);
                }
            }
            return;
        }
        let Some(part) = current.batch.parts.iter_mut().find(|part| part.verdict.is_none()) else {
            return;
        };
        let index = part.take.from;
        if !current.trial.sentence_last(index, detail.clone()) {
            part.give_up_first(Reason::Seal, detail);
        }
    }

    // ---- the committing batch

    fn stored(
        &mut self,
        batch: BatchId,
        result: Result<(), PutFailure>,
        env: &mut dyn Environment,
    ) {
        let Some(committing) = &mut self.committing else { return };
        if committing.batch.id != batch || committing.state != CommittingState::Storing {
            return;
        }
        match result {
            Ok(()) => {
                committing.state = CommittingState::Ready;
                self.backoff.clear();
            }
            Err(PutFailure::Unavailable(_)) => {
                committing.state = CommittingState::Unstored;
                self.backoff.fail(env.now_ms());
            }
            Err(PutFailure::Conflict) => {
                committing.state = CommittingState::Unstored;
                committing.layout.rename(|prefix| new_key(prefix, env));
            }
            Err(PutFailure::Denied(why)) => self.end(Halt::Denied(why)),
        }
    }

    fn transacted(&mut self, id: TransactionId, outcome: TransactionOutcome, now_ms: i64) {
        let Some(transaction) = self.transaction.as_mut().filter(|t| t.id == id) else { return };
        let is_last = transaction.purpose == Purpose::Unmark;
        if let Some(halt) = self.ending.clone()
            && is_last
            && outcome != TransactionOutcome::Committed
        {
            return self.halt(halt);
        }
        match outcome {
            TransactionOutcome::Committed => self.settle(true),
            TransactionOutcome::Aborted(_) => {
                self.effects.push(Effect::Count("transactions_aborted", 1));
                self.effects.push(Effect::RefreshMembership);
                self.backoff.fail(now_ms);
                self.settle(false);
            }
            TransactionOutcome::Unknown(_) => {
                self.effects.push(Effect::Count("transactions_unknown", 1));
                transaction.is_unknown = true;
                self.producer = ProducerState::Closed;
            }
            TransactionOutcome::Fenced(why) => self.halt(Halt::Duplicate(why)),
            TransactionOutcome::Denied(why) => {
                self.settle(false);
                self.end(Halt::Denied(why));
            }
        }
    }

    /// The truth about a transaction whose outcome was unknown. A reopened producer has settled
    /// it, and a transaction is all or nothing, so one partition's offset tells.
    fn resolve(&mut self, committed: &[(TopicPartition, Option<Committed>)]) {
        let Some(transaction) = &self.transaction else { return };
        let is_there = transaction.offsets.iter().any(|new| {
            committed.iter().any(|(at, found)| {
                *at == new.at
                    && found.as_ref().is_some_and(|found| {
                        found.offset == new.offset && found.metadata == new.metadata.as_bytes()
                    })
            })
        });
        self.settle(is_there);
    }

    /// A transaction is decided.
    fn settle(&mut self, is_committed: bool) {
        let Some(transaction) = self.transaction.take() else { return };
        if is_committed {
            self.backoff.clear();
            for (at, end, is_marked) in &transaction.effect {
                if let Some(partition) = self.partitions.get_mut(at) {
                    partition.commit(*end, *is_marked);
                }
            }
        }
        match (transaction.purpose, is_committed) {
            (Purpose::Batch, true) => self.batch_committed(),
            (Purpose::Batch, false) => self.batch_not_committed(),
            (Purpose::Mark | Purpose::Unmark, _) => {}
        }
    }

    fn batch_committed(&mut self) {
        let Some(committing) = self.committing.take() else { return };
        self.effects.push(Effect::Forget(committing.batch.id));
        self.count_batch(&committing);
    }

    /// Tried again, unless its partitions left while the transaction ran, or the slot ends.
    fn batch_not_committed(&mut self) {
        let Some(committing) = &mut self.committing else { return };
        committing.state = CommittingState::Ready;
        if committing.is_doomed || self.ending.is_some() {
            self.drop_committing();
        }
    }

    fn count_batch(&mut self, committing: &Committing) {
        let sum = |f: fn(&crate::batch::PartFate) -> i64| -> i64 {
            committing.verified.fates.iter().map(f).sum()
        };
        let counts = [
            ("batches", 1),
            ("output", sum(|fate| fate.output.count())),
            ("not_mapped", sum(|fate| fate.not_mapped.count())),
            ("dead", sum(|fate| crate::verify::dead_of(&fate.letters).count())),
            ("letters", sum(|fate| fate.letters.len() as i64)),
            ("elements_in", committing.verified.elements_in),
            ("elements_out", committing.verified.elements_out),
        ];
        self.effects.extend(counts.map(|(name, count)| Effect::Count(name, count)));
    }

    // ---- the end

    fn stop(&mut self) {
        self.is_stopping = true;
        let in_cell =
            |c: &Current| matches!(c.state, CurrentState::InCell(_) | CurrentState::Processed(..));
        if self.current.as_ref().is_some_and(|c| !in_cell(c)) {
            self.drop_current();
        }
    }

    /// Ends the slot for a reason that is no datapoint's doing: nothing new is begun, and crash
    /// markers are taken back, so that it is not counted as one.
    pub(crate) fn end(&mut self, halt: Halt) {
        if self.ending.is_none() {
            self.ending = Some(halt);
            self.is_stopping = true;
        }
        let in_transaction =
            self.committing.as_ref().is_some_and(|c| c.state == CommittingState::InTransaction);
        if in_transaction {
            self.drop_current();
        } else {
            self.drop_committing();
        }
    }

    pub(crate) fn halt(&mut self, halt: Halt) {
        if !self.is_halted {
            self.is_halted = true;
            self.effects.push(Effect::Halt(halt));
        }
    }

    /// Sets the alarm to the next time at which a rule could find its time come.
    fn set_alarm(&mut self, now_ms: i64) {
        let ends = [self.backoff.ends_ms(now_ms), self.read_backoff.ends_ms(now_ms)];
        let next = ends.into_iter().flatten().chain(self.linger_until_ms).min();
        if let Some(at_ms) = next
            && self.alarm_ms != next
        {
            self.effects.push(Effect::WakeAt(at_ms));
        }
        self.alarm_ms = next;
    }

    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(crate) fn begin(
        &mut self,
        purpose: Purpose,
        transaction: Transaction,
        effect: Vec<(TopicPartition, Cursor, bool)>,
    ) {
        let id = TransactionId(self.fresh_id());
        let offsets = transaction.offsets.clone();
        self.transaction = Some(InFlight { id, purpose, offsets, effect, is_unknown: false });
        self.effects.push(Effect::Transact { id, transaction });
    }
}

pub(crate) fn new_key(prefix: &str, env: &mut dyn Environment) -> ObjectKey {
    // Topics are checked when the settings are made, so that only a bug could make this fail.
    ObjectKey::new(prefix, env.now_ms(), env.uuid()).expect("a topic is a valid prefix")
}

fn payload_ref(key: ObjectKey, pointer: &Pointer) -> PayloadRef {
    PayloadRef {
        key,
        range_start_bytes: pointer.range_start_bytes,
        range_bytes: pointer.range_bytes,
        digest: pointer.digest,
    }
}
