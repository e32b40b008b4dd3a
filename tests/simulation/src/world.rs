//! The scheduler: lets couriers, brokers and time take turns, as the seed says.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use cordon_courier::event::Halt;
use cordon_kafka::{
    log::{self, Committed, Log, NewRecord, Producer, TopicPartition},
    model::{Limits, MemberId, ModelLog, ModelProducer},
    progress::Progress,
};
use cordon_records::{BatchId, Digest, Lane, ObjectKey, Pointer, single_object};
use fastrand::Rng;

use crate::{
    Counts, Outcome,
    cell::PAYLOAD_SCHEMA,
    check::{self, Verdict},
    courier::{Courier, Shared, Turn, now_ms},
    coverage::Coverage,
    faults::{FEEDER, LogTrouble, Switch},
    plan::{self, BUCKET, GROUP, Health, INPUT, INPUT_REPLAY, Plan, PlannedInput},
    store::Objects,
    trace::Trace,
};

/// Steps in which everything must be done once the trouble is over: far more than any run needs.
const HEALING_STEPS_MAX: u32 = 400_000;
/// How long the group misses a dead member.
const SESSION_MS: i64 = 300;
/// A transaction that stays open for so long is aborted by the broker.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a supervisor waits before it starts a courier anew.
const RESTART_MS: i64 = 100;

/// A simulation under way.
pub(crate) struct World {
    pub(crate) shared: Shared,
    couriers: Vec<Courier>,
    /// Names to start, and when.
    restarts: Vec<(i64, String)>,
    /// Members to expel, and when: their session times out.
    expiries: Vec<(i64, MemberId)>,
    feeder: ModelProducer,
    /// Whether a transaction of its own is open, which will be aborted.
    is_feeder_open: bool,
    /// Index of the next input to feed.
    fed: usize,
    /// Where each input record lies.
    pub(crate) places: Vec<(TopicPartition, i64)>,
    switch: Switch,
    next_slot: usize,
    crashes: u32,
    rebalances: u64,
    /// Steps since anything happened.
    idle: u32,
}

impl World {
    /// A world before its first event.
    pub(crate) fn new(seed: u64, trace: Trace) -> Self {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::draw(&mut rng);
        let log =
            ModelLog::new(Limits { transaction_timeout: TRANSACTION_TIMEOUT, ..Limits::default() });
        let switch = Switch::default();
        create_topics(&log, &plan);
        let mut feeder = log.producer(FEEDER).expect("a producer");
        let _ = feeder.init();
        let trouble = LogTrouble::new(rng.u64(..), &plan.rates, &switch);
        log.drive(|broker| broker.set_faults(trouble));
        let shared = Shared {
            log,
            objects: Objects::default(),
            rng,
            plan,
            is_healed: false,
            coverage: Coverage::default(),
            trace,
            blind: Vec::new(),
            counts: BTreeMap::new(),
            unclean_ends: 0,
            faults: Vec::new(),
        };
        Self {
            shared,
            couriers: Vec::new(),
            restarts: Vec::new(),
            expiries: Vec::new(),
            feeder,
            is_feeder_open: false,
            fed: 0,
            places: Vec::new(),
            switch,
            next_slot: 0,
            crashes: 0,
            rebalances: 0,
            idle: 0,
        }
    }

    /// Runs it: trouble, healing, a graceful stop, the verdict.
    pub(crate) fn run(mut self) -> Outcome {
        for _ in 0..self.shared.plan.slots {
            self.scale_out();
        }
        for _ in 0..self.shared.plan.trouble_steps {
            self.trouble();
            self.step();
        }
        let is_done = self.heal() && self.stop();
        // What a dead producer left open hides what was written behind it until it times out.
        self.shared.log.drive(|broker| {
            broker.settle_lingering();
            broker.advance(2 * TRANSACTION_TIMEOUT);
        });
        let verdict = if is_done {
            check::verdict(&self)
        } else {
            Verdict { faults: vec![format!("stuck: {}", self.describe())], ..Verdict::default() }
        };
        let counts = &self.shared.counts;
        let count = |name: &str| counts.get(name).copied().unwrap_or(0);
        Outcome {
            is_stuck: !is_done,
            counts: Counts {
                lost: verdict.lost,
                duplicated: verdict.duplicated,
                crashes: u64::from(self.crashes),
                rebalances: self.rebalances,
                unknown_outcomes: count("transactions_unknown"),
                batches: count("batches"),
                cells_died: count("cells_died"),
                letters: count("letters"),
            },
            lost_calls: self.switch.caused(),
            faults: verdict.faults,
            coverage: self.shared.coverage,
        }
    }

    // ---- the phases of a run

    /// Ends all trouble, and waits until everything is committed.
    fn heal(&mut self) -> bool {
        self.shared.is_healed = true;
        self.switch.heal();
        while self.feed_one() {}
        for courier in &mut self.couriers {
            courier.frozen_until_ms = None;
        }
        for _ in 0..HEALING_STEPS_MAX {
            if self.couriers.is_empty() && self.restarts.is_empty() {
                self.scale_out();
            }
            self.settle_late();
            self.step();
            if self.idle > 20 && self.is_drained() {
                return true;
            }
        }
        false
    }

    /// Stops every courier in good order.
    fn stop(&mut self) -> bool {
        self.restarts.clear();
        for _ in 0..HEALING_STEPS_MAX {
            if self.couriers.is_empty() {
                return true;
            }
            self.settle_late();
            let index = self.shared.rng.usize(..self.couriers.len());
            let turn = self.couriers[index].stop(&mut self.shared);
            self.after_turn(index, turn);
            self.restarts.clear();
            if !self.couriers.is_empty() {
                self.step();
                self.restarts.clear();
            }
        }
        false
    }

    /// Everything that was fed is committed, and nothing of it is begun.
    fn is_drained(&self) -> bool {
        self.shared.log.drive(|broker| {
            self.partitions().iter().all(|at| {
                let last = self.places.iter().filter(|(place, _)| place == at).map(|(_, o)| *o);
                let Some(committed) = broker.committed_offset(GROUP, at) else { return false };
                last.max().is_none_or(|last| committed.offset > last)
            })
        })
    }

    // ---- one step

    /// Lets one courier do one thing, and time go on.
    fn step(&mut self) {
        self.on_time();
        let now_ms = now_ms(&self.shared.log);
        let running: Vec<usize> = (0..self.couriers.len())
            .filter(|index| {
                self.couriers[*index].frozen_until_ms.is_none_or(|until| until <= now_ms)
            })
            .collect();
        let mut moved = false;
        if !running.is_empty() {
            let index = running[self.shared.rng.usize(..running.len())];
            self.couriers[index].frozen_until_ms = None;
            let turn = self.couriers[index].step(&mut self.shared);
            moved = turn != Turn::Alive { moved: false };
            self.after_turn(index, turn);
        }
        self.idle = if moved { 0 } else { self.idle + 1 };
        self.pass_time(moved);
    }

    fn after_turn(&mut self, index: usize, turn: Turn) {
        match turn {
            Turn::Alive { .. } => {}
            Turn::Died => self.crash(index),
            Turn::Ended(halt) => self.ended(index, &halt),
        }
    }

    fn ended(&mut self, index: usize, halt: &Halt) {
        let courier = self.couriers.swap_remove(index);
        self.shared.trace.world(&format_args!("{} ended: {halt}", courier.name));
        let name = courier.name.clone();
        self.shared.count(halt_word(halt), 1);
        // A process that ends leaves its group, or is missed by it, as librdkafka has time.
        if self.shared.rng.bool() {
            courier.finish(&mut self.shared);
        } else {
            self.missed(courier);
        }
        if *halt != Halt::Stopped {
            self.restart_later(name);
        }
    }

    fn crash(&mut self, index: usize) {
        let courier = self.couriers.swap_remove(index);
        self.shared.trace.world(&format_args!("{} dies", courier.name));
        let name = courier.name.clone();
        self.crashes += 1;
        self.missed(courier);
        self.restart_later(name);
    }

    fn missed(&mut self, courier: Courier) {
        if let Some(member) = courier.crash() {
            self.expiries.push((now_ms(&self.shared.log) + SESSION_MS, member));
        }
    }

    /// As a platform does that runs each name once: a twin that ends is not started again.
    fn restart_later(&mut self, name: String) {
        let is_there = self.couriers.iter().any(|courier| courier.name == name)
            || self.restarts.iter().any(|(_, other)| *other == name);
        if is_there {
            return;
        }
        self.restarts.push((now_ms(&self.shared.log) + RESTART_MS, name));
    }

    /// What is due by now.
    fn on_time(&mut self) {
        let now_ms = now_ms(&self.shared.log);
        let due = |entries: &mut Vec<(i64, MemberId)>| -> Vec<MemberId> {
            let (due, later) = entries.drain(..).partition(|(at_ms, _)| *at_ms <= now_ms);
            *entries = later;
            due.into_iter().map(|(_, member): (i64, MemberId)| member).collect()
        };
        for member in due(&mut self.expiries) {
            self.rebalances += 1;
            self.shared.log.drive(|broker| broker.expire(GROUP, member));
        }
        let (due, later): (Vec<_>, Vec<_>) =
            self.restarts.drain(..).partition(|(at_ms, _)| *at_ms <= now_ms);
        self.restarts = later;
        for (_, name) in due {
            self.start(&name);
        }
    }

    fn start(&mut self, name: &str) {
        self.shared.trace.world(&format_args!("{name} starts"));
        self.rebalances += 1;
        let courier = Courier::start(name, &mut self.shared);
        self.couriers.push(courier);
    }

    /// Moves time on by a little; when nothing happens, to the next thing that is due.
    fn pass_time(&mut self, moved: bool) {
        let by_ms =
            if moved || self.idle < 8 { self.shared.rng.u64(0..3) } else { self.until_next_ms() };
        self.shared.log.drive(|broker| broker.advance(Duration::from_millis(by_ms)));
    }

    fn until_next_ms(&self) -> u64 {
        let wakes = self.couriers.iter().filter_map(Courier::wake_at_ms);
        let frozen = self.couriers.iter().filter_map(|courier| courier.frozen_until_ms);
        let restarts = self.restarts.iter().map(|(at_ms, _)| *at_ms);
        let expiries = self.expiries.iter().map(|(at_ms, _)| *at_ms);
        let next = wakes.chain(frozen).chain(restarts).chain(expiries).min();
        let now_ms = now_ms(&self.shared.log);
        next.map_or(50, |at_ms| at_ms.saturating_sub(now_ms).clamp(1, 1_000).unsigned_abs())
    }

    // ---- trouble

    /// Something that goes wrong, or is simply news.
    fn trouble(&mut self) {
        let rates = self.shared.plan.rates.clone();
        let rng = &mut self.shared.rng;
        if plan::once_in(rng, 6) {
            self.feed_one();
        }
        if plan::once_in(&mut self.shared.rng, 10) {
            self.settle_late();
        }
        if self.may(rates.crash) {
            self.with_courier(Self::crash);
        }
        if self.may(rates.rebalance) {
            self.rebalance();
        }
        if self.may(rates.freeze) {
            self.with_courier(Self::freeze);
        }
        if self.may(rates.twin) {
            self.with_courier(|world, index| {
                let name = world.couriers[index].name.clone();
                world.start(&name);
            });
        }
        if plan::once_in(&mut self.shared.rng, rates.graceful) {
            self.scale();
        }
    }

    /// Once in `n` times, while the plan has room for one more end without a goodbye.
    fn may(&mut self, n: u32) -> bool {
        plan::once_in(&mut self.shared.rng, n) && self.shared.may_die_uncleanly()
    }

    fn with_courier(&mut self, act: impl FnOnce(&mut Self, usize)) {
        if !self.couriers.is_empty() {
            let index = self.shared.rng.usize(..self.couriers.len());
            act(self, index);
        }
    }

    /// The group expels a member that is well: the network was slow.
    fn rebalance(&mut self) {
        self.with_courier(|world, index| {
            if let Some(member) = world.couriers[index].member() {
                world.shared.trace.world(&format_args!("expels {member}"));
                world.rebalances += 1;
                world.shared.log.drive(|broker| broker.expire(GROUP, member));
            }
        });
    }

    /// SIGSTOP, for shorter or longer than the session; a new courier may take its name meanwhile.
    fn freeze(&mut self, index: usize) {
        let now_ms = now_ms(&self.shared.log);
        let for_ms = self.shared.rng.i64(1..3 * SESSION_MS);
        self.shared.trace.world(&format_args!("freezes {}", self.couriers[index].name));
        self.couriers[index].frozen_until_ms = Some(now_ms + for_ms);
        if for_ms > SESSION_MS {
            if let Some(member) = self.couriers[index].member() {
                self.expiries.push((now_ms + SESSION_MS, member));
            }
            if self.shared.rng.bool() {
                let name = self.couriers[index].name.clone();
                self.restarts.push((now_ms + SESSION_MS / 2, name));
            }
        }
    }

    /// One slot more, or one less in good order.
    fn scale(&mut self) {
        if self.shared.rng.bool() || self.couriers.len() < 2 {
            if self.couriers.len() < 4 {
                self.scale_out();
            }
        } else {
            self.with_courier(|world, index| {
                let turn = world.couriers[index].stop(&mut world.shared);
                world.after_turn(index, turn);
            });
        }
    }

    fn scale_out(&mut self) {
        let name = format!("{}-{}", plan::STAGE, self.next_slot);
        self.next_slot += 1;
        self.start(&name);
    }

    /// What was late arrives.
    fn settle_late(&mut self) {
        let is_one = self.shared.rng.bool();
        self.shared.log.drive(|broker| {
            broker.settle_lingering();
            if is_one {
                broker.deliver_delayed();
            }
        });
    }

    // ---- the input

    /// Writes the next input record; `false` when there is none left.
    fn feed_one(&mut self) -> bool {
        let Some(input) = self.shared.plan.inputs.get(self.fed).cloned() else { return false };
        let topic = match input.lane {
            Lane::Live => INPUT,
            Lane::Replay => INPUT_REPLAY,
        };
        let at = TopicPartition::new(topic, input.partition);
        // Aborts and commits leave offsets without a record behind; plain records lie side by side.
        let way = self.shared.rng.u8(..8);
        if std::mem::take(&mut self.is_feeder_open) {
            self.end_feeders_transaction();
        } else if way == 0 {
            // It stays open for a while, in which nobody may see what it wrote.
            let _ = self.feeder.begin();
            let _ = self.feeder.produce(record(&at, Bytes::from_static(b"never committed")));
            self.is_feeder_open = true;
            return true;
        }
        self.fed += 1;
        let value = self.value_of(&input);
        if way < 4 {
            let _ = self.feeder.begin();
            let _ = self.feeder.produce(record(&at, value));
            let _ = self.feeder.commit();
        } else {
            self.feeder.produce_plain(record(&at, value));
        }
        let offset = self.shared.log.drive(|broker| {
            broker
                .committed_records(topic)
                .into_iter()
                .filter(|r| r.at == at)
                .map(|r| r.offset)
                .max()
        });
        self.places.push((at, offset.expect("it was just written")));
        true
    }

    /// Aborts it. The broker may have done so before, because it was overdue: then the feeder is
    /// opened again.
    fn end_feeders_transaction(&mut self) {
        if self.feeder.abort() != log::Outcome::Done {
            let _ = self.feeder.init();
        }
    }

    fn value_of(&mut self, input: &PlannedInput) -> Bytes {
        if self.shared.plan.is_raw() {
            return Bytes::copy_from_slice(&input.datapoints[0].encode());
        }
        if input.health == Health::NoPointer {
            return Bytes::from(format!("no pointer {}", self.fed));
        }
        let body: Bytes = input.datapoints.iter().flat_map(|one| one.encode()).collect();
        let id = uuid::Builder::from_random_bytes(self.shared.rng.u128(..).to_be_bytes());
        let key = ObjectKey::new(INPUT, now_ms(&self.shared.log), id.into_uuid())
            .expect("a topic is a prefix");
        let pointer = Pointer {
            bucket: BUCKET.to_owned(),
            key: key.to_string(),
            range_start_bytes: 0,
            range_bytes: body.len() as i64,
            digest: input.claimed.map(|_| Digest::of(&body)),
            datapoints: input.claimed,
            decoded_bytes: body.len() as i64,
            schema: PAYLOAD_SCHEMA,
            time_min_ms: None,
            time_max_ms: None,
            stage: "before".to_owned(),
            stage_version: "1".to_owned(),
            selection: input.selection.clone(),
            redrives: Vec::new(),
        };
        if input.health != Health::Missing {
            self.shared.objects.put_input(key, body, input.health == Health::Damaged);
        }
        Bytes::from(single_object::encode(&pointer).expect("a pointer fits its schema"))
    }

    /// The input partitions of both lanes.
    pub(crate) fn partitions(&self) -> Vec<TopicPartition> {
        let of = |topic: &'static str| {
            (0..self.shared.plan.input_partitions).map(move |p| TopicPartition::new(topic, p))
        };
        of(INPUT).chain(of(INPUT_REPLAY)).collect()
    }

    fn describe(&self) -> String {
        let committed: Vec<String> = self.shared.log.drive(|broker| {
            let of = |at: &TopicPartition| broker.committed_offset(GROUP, at);
            let word =
                |c: Committed| format!("{} {}", c.offset, String::from_utf8_lossy(&c.metadata));
            self.partitions().iter().map(|at| format!("{at}: {:?}", of(at).map(word))).collect()
        });
        let couriers: Vec<String> = self.couriers.iter().map(Courier::describe).collect();
        format!("committed {committed:?}, couriers {couriers:?}, restarts {:?}", self.restarts)
    }
}

fn record(at: &TopicPartition, value: Bytes) -> NewRecord {
    NewRecord {
        topic: at.topic.clone(),
        partition: Some(at.partition),
        key: None,
        value,
        headers: Vec::new(),
    }
}

fn create_topics(log: &ModelLog, plan: &Plan) {
    log.drive(|broker| {
        broker.create_topic(INPUT, plan.input_partitions);
        broker.create_topic(INPUT_REPLAY, plan.input_partitions);
        for output in [plan::OUTPUT, plan::OUTPUT_REPLAY] {
            broker.create_topic(output, plan.settings.output_partitions);
        }
        broker.create_topic(plan::DEAD, 1);
        broker.create_topic(plan::RECEIPTS, 1);
        for topic in [INPUT, INPUT_REPLAY] {
            for partition in 0..plan.input_partitions {
                let metadata = Progress::start(BatchId::default()).to_string().into_bytes();
                let first = Committed { offset: 0, metadata };
                broker.commit_offset(GROUP, TopicPartition::new(topic, partition), first);
            }
        }
    });
}

fn halt_word(halt: &Halt) -> &'static str {
    match halt {
        Halt::Stopped => "halts: stopped",
        Halt::Duplicate(_) => "halts: duplicate",
        Halt::Denied(_) => "halts: denied",
        Halt::Progress { .. } => "halts: progress",
        Halt::Zygote => "halts: zygote",
        Halt::Broken(_) => "halts: broken",
    }
}
