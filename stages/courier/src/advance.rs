//! What a slot does next: rules that look at the state alone. Each is a no-op where its time has
//! not come, so that they can all be tried after every event.

use bytes::Bytes;
use cordon_kafka::log::TopicPartition;
use cordon_records::{BatchId, Lane, Reason, cell::Report};

use crate::{
    batch::{Batch, BatchPart},
    environment::Environment,
    event::{Effect, Halt, RunId, Transaction},
    partition::{Partition, Room, Take, TakeSource},
    phase::Move,
    settings::InputKind,
    slot::{
        Committing, CommittingState, Current, CurrentState, ProducerState, Purpose, Slot, new_key,
    },
    transaction::{lay_out, records},
    trial::Trial,
};

/// What a slot may do by itself, told the time.
type Rule = fn(&mut Slot, i64, &mut dyn Environment);

/// The rules by name, the ones that free something first.
const RULES: [(&str, Rule); 14] = [
    ("open producer", Slot::open_producer),
    ("find out outcome", Slot::find_out_outcome),
    ("release", Slot::release),
    ("read committed", Slot::read_committed),
    ("start committing", Slot::start_committing),
    ("put", Slot::put),
    // The next batch is formed before this one is committed, so that its marker can ride.
    ("form batch", Slot::form_batch),
    ("fetch", Slot::fetch),
    ("commit", Slot::commit),
    ("mark", Slot::mark),
    ("run cell", Slot::run_cell),
    ("finish without cell", Slot::finish_without_cell),
    ("throttle reading", Slot::throttle_reading),
    ("leave", Slot::leave),
];

impl Slot {
    /// Tries every rule until none of them moves anything: one may make way for another that was
    /// tried before it, and no event need follow.
    pub(crate) fn advance(&mut self, env: &mut dyn Environment, watch: &mut impl FnMut(Move)) {
        let mut before = self.phase();
        loop {
            let (start, now_ms) = (before, env.now_ms());
            for (cause, rule) in RULES {
                rule(self, now_ms, env);
                let after = self.phase();
                watch(Move { cause, before, after });
                before = after;
            }
            if self.is_halted || before == start {
                return;
            }
        }
    }

    fn open_producer(&mut self, now_ms: i64, _: &mut dyn Environment) {
        if self.producer == ProducerState::Closed && self.backoff.is_over(now_ms) {
            self.producer = ProducerState::Opening;
            self.effects.push(Effect::OpenProducer);
        }
    }

    /// A transaction with an unknown outcome was settled by the reopened producer; now read how.
    fn find_out_outcome(&mut self, now_ms: i64, _: &mut dyn Environment) {
        let Some(transaction) = self.transaction.as_ref().filter(|t| t.is_unknown) else { return };
        let is_ready = self.producer == ProducerState::Open && self.read_backoff.is_over(now_ms);
        if is_ready && !self.is_reading {
            self.is_reading = true;
            let partitions = transaction.offsets.iter().map(|new| new.at.clone()).collect();
            self.effects.push(Effect::ReadCommitted(partitions));
        }
    }

    fn read_committed(&mut self, now_ms: i64, _: &mut dyn Environment) {
        if self.is_reading || self.awaited.is_empty() || !self.read_backoff.is_over(now_ms) {
            return;
        }
        if self.transaction.as_ref().is_some_and(|t| t.is_unknown) {
            return;
        }
        self.is_reading = true;
        self.effects.push(Effect::ReadCommitted(self.awaited.keys().cloned().collect()));
    }

    // ---- the current batch

    /// Takes what queued while the last batch ran. Live goes first; a batch never mixes lanes.
    fn form_batch(&mut self, now_ms: i64, env: &mut dyn Environment) {
        self.linger_until_ms = None;
        if self.current.is_some() || self.is_stopping || self.is_halted {
            return;
        }
        if self.committing.as_ref().is_some_and(|c| c.batch.is_solo) {
            return;
        }
        let Some((lane, candidates)) = self.candidates(now_ms) else { return };
        let solo = candidates.iter().position(|at| self.partitions[at].crash.is_some());
        let (candidates, is_solo) = match solo {
            // A courier died over this partition: its datapoints run alone, in smaller and
            // smaller batches, until the place is passed.
            Some(_) if self.committing.is_some() => return,
            Some(index) => (vec![candidates[index].clone()], true),
            None => (candidates, false),
        };
        let parts = self.take(&candidates, is_solo);
        if parts.is_empty() {
            return;
        }
        self.turn = self.turn.wrapping_add(1);
        let batch = Batch { id: BatchId(env.uuid().into_bytes()), lane, parts, is_solo };
        let wanted = batch.parts.iter().filter_map(BatchPart::payload);
        let state =
            CurrentState::Fetching(wanted.map(|payload| (payload.clone(), false)).collect());
        self.current = Some(Current { batch, trial: Trial::default(), state, is_announced: false });
    }

    /// The partitions that have something to take, in turn, all of one lane.
    fn candidates(&mut self, now_ms: i64) -> Option<(Lane, Vec<TopicPartition>)> {
        let ready = |lane: Lane| -> Vec<&Partition> {
            let is_ready = |p: &&Partition| {
                p.lane == lane && p.waiting_since_ms().is_some() && !self.leaving.contains(&p.at)
            };
            self.partitions.values().filter(is_ready).collect()
        };
        let mut lane = Lane::Live;
        let mut waiting = ready(lane);
        if waiting.is_empty() {
            lane = Lane::Replay;
            waiting = ready(lane);
        }
        let oldest_ms = waiting.iter().filter_map(|p| p.waiting_since_ms()).min()?;
        let until_ms = oldest_ms + self.settings.limits.linger.as_millis() as i64;
        if now_ms < until_ms && self.is_little(&waiting) {
            self.linger_until_ms = Some(until_ms);
            return None;
        }
        let mut candidates: Vec<TopicPartition> = waiting.iter().map(|p| p.at.clone()).collect();
        let turn = self.turn % candidates.len();
        candidates.rotate_left(turn);
        Some((lane, candidates))
    }

    /// Whether what waits would fill less than half a batch.
    fn is_little(&self, waiting: &[&Partition]) -> bool {
        let limits = &self.settings.limits;
        let records: usize = waiting.iter().map(|p| p.queue_records()).sum();
        match self.settings.input {
            InputKind::Raw => records < limits.queue_records_max / 2,
            // The count first: it bounds how many pointers are looked at.
            InputKind::Pointers => {
                records < limits.batch_parts_max / 2
                    && waiting.iter().map(|p| p.waiting_datapoints()).sum::<i64>()
                        < limits.batch_datapoints_max / 2
            }
        }
    }

    fn take(&mut self, candidates: &[TopicPartition], is_solo: bool) -> Vec<BatchPart> {
        let limits = &self.settings.limits;
        let mut room = Room {
            datapoints: limits.batch_datapoints_max,
            decoded_bytes: limits.batch_decoded_bytes_max,
            input_bytes: limits.batch_input_bytes_max,
            parts: limits.batch_parts_max,
        };
        let mut parts = Vec::new();
        for at in candidates {
            let Some(partition) = self.partitions.get_mut(at) else { continue };
            if is_solo {
                room.datapoints = partition.crash_room(room.datapoints).unwrap_or(room.datapoints);
            }
            let suspect = is_solo && partition.kills_machines();
            for take in partition.take(&mut room, parts.is_empty()) {
                let mut part = BatchPart { at: at.clone(), take, verdict: None };
                if let TakeSource::Refused { fault } = &part.take.source {
                    let fault = fault.clone();
                    part.give_up(Reason::Pointer, fault);
                }
                if suspect && part.verdict.is_none() {
                    part.give_up_first(Reason::Machine, "the courier died over it".to_owned());
                }
                parts.push(part);
            }
            if room.is_full() {
                break;
            }
        }
        parts
    }

    fn fetch(&mut self, now_ms: i64, _: &mut dyn Environment) {
        let is_over = self.backoff.is_over(now_ms);
        let Some(current) = &mut self.current else { return };
        let CurrentState::Fetching(missing) = &mut current.state else { return };
        for (payload, is_asked) in missing.iter_mut().filter(|(_, is_asked)| !**is_asked) {
            if is_over {
                *is_asked = true;
                let (batch, payload) = (current.batch.id, payload.clone());
                self.effects.push(Effect::Fetch { batch, payload });
            }
        }
        if missing.is_empty() {
            current.state = CurrentState::Marking;
        }
    }

    /// Commits a crash marker for what the current batch is about to risk, where none stands and
    /// none can ride along with the batch before it.
    fn mark(&mut self, now_ms: i64, env: &mut dyn Environment) {
        if self.transaction.is_some() || self.producer != ProducerState::Open {
            return;
        }
        if !self.backoff.is_over(now_ms) {
            return;
        }
        let Some(current) = &self.current else { return };
        if !matches!(current.state, CurrentState::Marking) {
            return;
        }
        let is_due = |(partition, take): &(&Partition, &Take)| {
            !self.is_marked(&partition.at, take) && partition.is_at_committed(take)
        };
        let due: Vec<(&Partition, &Take)> = (current.batch.partitions().iter())
            .filter_map(|at| Some((self.partitions.get(at)?, current.batch.first_take(at)?)))
            .filter(is_due)
            .collect();
        if due.is_empty() {
            return;
        }
        // Not the batch's own id: where a batch ends up taking nothing from a partition, its commit
        // says of that partition what its marker said, and must still be told apart from it.
        let id = BatchId(env.uuid().into_bytes());
        let offsets = due.iter().map(|(p, take)| p.offset_marked(id, take)).collect();
        let effect = due.iter().map(|(p, _)| (p.at.clone(), p.committed_cursor(), true)).collect();
        self.begin(Purpose::Mark, Transaction { records: Vec::new(), offsets }, effect);
    }

    /// Whether a marker covers the current batch's start in this partition: one is committed, or
    /// the marker of the batch before it stands and that batch's commit will carry the next.
    fn is_marked(&self, at: &TopicPartition, take: &Take) -> bool {
        let Some(partition) = self.partitions.get(at) else { return false };
        if partition.is_at_committed(take) {
            return partition.marked;
        }
        let rides = |committing: &Committing| {
            committing.state != CommittingState::InTransaction
                || self.transaction.as_ref().is_some_and(|t| {
                    t.effect.iter().any(|(marked, _, is_marked)| marked == at && *is_marked)
                })
        };
        self.committing.as_ref().is_some_and(rides)
    }

    fn run_cell(&mut self, now_ms: i64, _: &mut dyn Environment) {
        if !self.backoff.is_over(now_ms) {
            return;
        }
        let Some(current) = &self.current else { return };
        let is_due = match current.state {
            CurrentState::Again => true,
            CurrentState::Marking => current.batch.partitions().iter().all(|at| {
                current.batch.first_take(at).is_some_and(|take| self.is_marked(at, take))
            }),
            _ => false,
        };
        if !is_due || current.batch.parts.iter().all(|part| part.verdict.is_some()) {
            return;
        }
        let run = RunId(self.fresh_id());
        let settings = self.settings.clone();
        let Some(current) = &mut self.current else { return };
        if !current.is_announced {
            current.is_announced = true;
            let (batch, line) = (current.batch.id, describe(&current.batch));
            self.effects.push(Effect::Announce { batch, line });
        }
        let lane = current.batch.lane;
        let budget = match lane {
            Lane::Live => settings.limits.live_budget,
            Lane::Replay => settings.limits.replay_budget,
        };
        let asked = current.trial.run(&current.batch.parts, &settings, budget.as_millis() as i64);
        current.state = CurrentState::InCell(run);
        self.effects.push(Effect::Count("cells", 1));
        self.effects.push(Effect::RunCell {
            run,
            batch: current.batch.id,
            job: Box::new(asked.job),
            inputs: asked.inputs,
            lane,
            alone: asked.is_alone,
        });
    }

    /// A batch of letters alone needs no cell.
    fn finish_without_cell(&mut self, _: i64, _: &mut dyn Environment) {
        let Some(current) = &self.current else { return };
        let is_here = matches!(current.state, CurrentState::Marking | CurrentState::Again);
        if !is_here || current.batch.parts.iter().any(|part| part.verdict.is_none()) {
            return;
        }
        match crate::verify::verify(
            &current.batch.parts,
            Report::default(),
            0,
            self.settings.output_partitions,
        ) {
            Ok(verified) => self.processed(verified, Bytes::new()),
            Err(lie) => self.halt(Halt::Broken(lie.to_string())),
        }
    }

    // ---- the committing batch

    fn start_committing(&mut self, _: i64, env: &mut dyn Environment) {
        let is_processed = |current: &Current| matches!(current.state, CurrentState::Processed(..));
        if self.committing.is_some() || !self.current.as_ref().is_some_and(is_processed) {
            return;
        }
        let Some(Current { batch, state: CurrentState::Processed(verified, output), .. }) =
            self.current.take()
        else {
            return;
        };
        let topic = self.settings.output_topic.clone();
        let refused = format!("dead/{}", self.settings.stage);
        let (key, refused_key) = (new_key(&topic, env), new_key(&refused, env));
        let layout = lay_out(&output, &verified.sections, key, refused_key);
        let state = if layout.objects.is_empty() {
            CommittingState::Ready
        } else {
            CommittingState::Unstored
        };
        self.committing =
            Some(Committing { batch, verified: *verified, layout, state, is_doomed: false });
    }

    fn put(&mut self, now_ms: i64, _: &mut dyn Environment) {
        let is_over = self.backoff.is_over(now_ms);
        let Some(committing) = &mut self.committing else { return };
        if committing.state == CommittingState::Unstored && is_over {
            committing.state = CommittingState::Storing;
            let (batch, objects) = (committing.batch.id, committing.layout.objects.clone());
            self.effects.push(Effect::Put { batch, objects });
        }
    }

    fn commit(&mut self, now_ms: i64, _: &mut dyn Environment) {
        let is_free = self.transaction.is_none() && self.producer == ProducerState::Open;
        if !is_free || !self.backoff.is_over(now_ms) {
            return;
        }
        let Some(committing) = &mut self.committing else { return };
        if committing.state != CommittingState::Ready {
            return;
        }
        committing.state = CommittingState::InTransaction;
        let Some(committing) = &self.committing else { return };
        let batch = &committing.batch;
        let mut offsets = Vec::new();
        let mut effect = Vec::new();
        for (at, end) in batch.ends(&committing.verified.fates) {
            let Some(partition) = self.partitions.get(&at) else { continue };
            let next = self.current.as_ref().and_then(|c| c.batch.first_take(&at));
            let next = next.filter(|take| !batch.is_solo && partition.follows(end, take));
            offsets.push(partition.offset_at(end, batch.id, next));
            let end = next.map_or(end, |take| partition.cursor_of(take));
            effect.push((at, end, next.is_some()));
        }
        let records = records(
            &self.settings,
            &self.name,
            batch,
            &committing.verified,
            &committing.layout,
            now_ms,
        );
        self.begin(Purpose::Batch, Transaction { records, offsets }, effect);
    }

    // ---- leaving

    /// Gives up revoked partitions once no transaction can touch them any more; markers that
    /// stand for nothing are taken back first.
    fn release(&mut self, _: i64, env: &mut dyn Environment) {
        if self.leaving.is_empty() || self.transaction.is_some() {
            return;
        }
        let leaving = self.leaving.clone();
        self.drop_batches_of(&leaving);
        if self.unmark(&leaving, env) == Unmarking::UnderWay {
            return;
        }
        for at in &leaving {
            self.partitions.remove(at);
        }
        self.leaving.clear();
        self.effects.push(Effect::Release(leaving));
    }

    /// Takes back the markers of these partitions.
    fn unmark(&mut self, partitions: &[TopicPartition], env: &mut dyn Environment) -> Unmarking {
        let owned = partitions.iter().filter_map(|at| self.partitions.get(at));
        let marked: Vec<&Partition> = owned.filter(|partition| partition.marked).collect();
        if marked.is_empty() {
            return Unmarking::Done;
        }
        if self.producer != ProducerState::Open {
            // It is being opened again; the group waits for a revocation longer than that takes.
            return Unmarking::UnderWay;
        }
        let id = BatchId(env.uuid().into_bytes());
        let offsets = marked.iter().map(|p| p.offset_unmarked(id)).collect();
        let effect = marked.iter().map(|p| (p.at.clone(), p.committed_cursor(), false)).collect();
        self.begin(Purpose::Unmark, Transaction { records: Vec::new(), offsets }, effect);
        Unmarking::UnderWay
    }

    /// Ends the slot in good order: nothing in hand, no marker left standing, out of the group.
    fn leave(&mut self, _: i64, env: &mut dyn Environment) {
        if !self.is_stopping || self.is_busy() || self.is_halted {
            return;
        }
        let owned: Vec<TopicPartition> = self.partitions.keys().cloned().collect();
        if self.unmark(&owned, env) == Unmarking::UnderWay {
            return;
        }
        self.effects.push(Effect::Leave);
        self.halt(self.ending.clone().unwrap_or(Halt::Stopped));
    }

    /// Pauses a lane's partitions while enough of it is read ahead, and resumes them when half of
    /// that is gone.
    fn throttle_reading(&mut self, _: i64, _: &mut dyn Environment) {
        for lane in [Lane::Live, Lane::Replay] {
            self.throttle_lane(lane);
        }
    }

    fn throttle_lane(&mut self, lane: Lane) {
        let limits = &self.settings.limits;
        let of_lane = || self.partitions.values().filter(|partition| partition.lane == lane);
        let records: usize = of_lane().map(Partition::queue_records).sum();
        let bytes: usize = of_lane().map(Partition::queue_bytes).sum();
        let is_full = records >= limits.queue_records_max || bytes >= limits.queue_bytes_max;
        let has_room =
            records <= limits.queue_records_max / 2 && bytes <= limits.queue_bytes_max / 2;
        if is_full {
            let paused = self.change_reading(lane, true);
            if !paused.is_empty() {
                self.effects.push(Effect::Pause(paused));
            }
        } else if has_room {
            let resumed = self.change_reading(lane, false);
            if !resumed.is_empty() {
                self.effects.push(Effect::Resume(resumed));
            }
        }
    }

    /// Notes that a lane's partitions are paused or not; gives those that were otherwise.
    fn change_reading(&mut self, lane: Lane, pause: bool) -> Vec<TopicPartition> {
        let of_lane = self.partitions.values_mut().filter(|partition| partition.lane == lane);
        let others = of_lane.filter(|partition| partition.paused != pause);
        others
            .map(|partition| {
                partition.paused = pause;
                partition.at.clone()
            })
            .collect()
    }
}

/// How far the taking back of markers is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unmarking {
    /// None stands.
    Done,
    /// A transaction does it, or waits for its producer.
    UnderWay,
}

/// One line on a batch, for people and for counting redone work.
fn describe(batch: &Batch) -> String {
    let parts: Vec<String> = batch
        .parts
        .iter()
        .map(|part| {
            format!("{}@{}[{}..{}]", part.at, part.take.offset, part.take.from, part.take.to)
        })
        .collect();
    parts.join(" ")
}
