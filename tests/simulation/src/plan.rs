//! What a seed plays: the input, the limits, and how often what goes wrong.

use std::{sync::Arc, time::Duration};

use cordon_courier::{InputKind, Limits, StageSettings};
use cordon_records::{Fingerprint, Lane, Runs};
use fastrand::Rng;

use crate::datapoint::{Datapoint, Nature};

/// The stage of the simulation.
pub(crate) const STAGE: &str = "stage";
/// Where it reads.
pub(crate) const INPUT: &str = "in";
/// The other lane of it.
pub(crate) const INPUT_REPLAY: &str = "in.replay";
/// Where its pointers go.
pub(crate) const OUTPUT: &str = "out";
/// The other lane of that.
pub(crate) const OUTPUT_REPLAY: &str = "out.replay";
/// Its dead letters.
pub(crate) const DEAD: &str = "dead.stage";
/// Its receipts.
pub(crate) const RECEIPTS: &str = "receipts.stage";
/// Its group.
pub(crate) const GROUP: &str = "cordon-stage";
/// Where every object lies.
pub(crate) const BUCKET: &str = "cordon";

/// Everything that a seed decides before the first event.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) settings: Arc<StageSettings>,
    pub(crate) input_partitions: i32,
    /// Slots at the start; the world adds and removes some.
    pub(crate) slots: usize,
    pub(crate) inputs: Vec<PlannedInput>,
    pub(crate) rates: Rates,
    /// Steps of trouble, after which everything heals.
    pub(crate) trouble_steps: u32,
}

/// One input record.
#[derive(Clone, Debug)]
pub(crate) struct PlannedInput {
    pub(crate) lane: Lane,
    pub(crate) partition: i32,
    pub(crate) datapoints: Vec<Datapoint>,
    pub(crate) health: Health,
    /// n as its pointer claims; `None` for a pointer without digest.
    pub(crate) claimed: Option<i64>,
    pub(crate) selection: Option<Runs>,
}

/// What is wrong with a payload as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Nothing.
    Sound,
    /// The object is gone.
    Missing,
    /// Its bytes have another digest.
    Damaged,
    /// The record is no pointer.
    NoPointer,
}

/// How often things go wrong: once in so many calls, never for 0.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    pub(crate) lost_request: u32,
    pub(crate) lost_answer: u32,
    pub(crate) delayed_end: u32,
    pub(crate) lingering_end: u32,
    pub(crate) denied: u32,
    pub(crate) store_denied: u32,
    pub(crate) store_unavailable: u32,
    pub(crate) put_conflict: u32,
    pub(crate) no_fork: u32,
    pub(crate) zygote_gone: u32,
    /// A cell that lies or dies without a suspect; at most once a batch.
    pub(crate) blind_cell: u32,
    /// A chunk after which the batch's time is spent.
    pub(crate) budget_spent: u32,
    /// Scheduler steps between events of each kind.
    pub(crate) rebalance: u32,
    pub(crate) freeze: u32,
    pub(crate) twin: u32,
    pub(crate) graceful: u32,
    /// Scheduler steps between crashes.
    pub(crate) crash: u32,
    /// How often in the whole run somebody may die, or be thought dead, without a goodbye.
    pub(crate) unclean_ends_max: u32,
    /// Whether these are so many that an innocent datapoint may be held for a machine's killer.
    pub(crate) is_war: bool,
}

impl Plan {
    /// Draws a plan.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let input = if rng.u8(..4) == 0 { InputKind::Raw } else { InputKind::Pointers };
        let limits = draw_limits(rng, input);
        let input_partitions = rng.i32(1..=3);
        let settings = Arc::new(settings(input, limits));
        let harm = Harm::draw(rng, input);
        let inputs = draw_inputs(rng, input, input_partitions, &harm);
        let rates = draw_rates(rng, &settings.limits, &harm);
        let (slots, trouble_steps) = (rng.usize(1..=3), rng.u32(50..1_500));
        Self { settings, input_partitions, slots, inputs, rates, trouble_steps }
    }

    /// Whether records are datapoints themselves.
    pub(crate) fn is_raw(&self) -> bool {
        self.settings.input == InputKind::Raw
    }
}

impl PlannedInput {
    /// Datapoints that must get a fate. A record that is no pointer counts as one, and so does a
    /// missing payload whose pointer does not say how many it holds.
    pub(crate) fn wanted(&self) -> Runs {
        let n = match (self.health, self.claimed) {
            (Health::NoPointer, _) => 1,
            (_, Some(claimed)) => claimed,
            (Health::Sound, None) => self.datapoints.len() as i64,
            (Health::Missing | Health::Damaged, None) => 1,
        };
        match &self.selection {
            Some(selection) => selection.clip(0, n),
            None => Runs::range(0, n),
        }
    }
}

/// What kinds of harmful datapoints a run has: one in so many, never for 0.
struct Harm {
    killer: u32,
    machine: u32,
    payload: u32,
}

impl Harm {
    fn draw(rng: &mut Rng, input: InputKind) -> Self {
        let one_in = |rng: &mut Rng, choices: &[u32]| choices[rng.usize(..choices.len())];
        Self {
            killer: one_in(rng, &[0, 0, 4, 15, 40]),
            machine: one_in(rng, &[0, 0, 0, 0, 30]),
            payload: if input == InputKind::Raw { 0 } else { one_in(rng, &[0, 3, 8]) },
        }
    }
}

fn settings(input: InputKind, limits: Limits) -> StageSettings {
    StageSettings {
        stage: STAGE.to_owned(),
        version: "1".to_owned(),
        input,
        live_topics: vec![INPUT.to_owned()],
        replay_topics: vec![INPUT_REPLAY.to_owned()],
        output_topic: Arc::from(OUTPUT),
        output_replay_topic: Arc::from(OUTPUT_REPLAY),
        output_partitions: 2,
        output_schema: Fingerprint(1),
        dead_topic: Arc::from(DEAD),
        receipts_topic: Arc::from(RECEIPTS),
        metrics_topic: Arc::from("metrics.stage"),
        group: GROUP.to_owned(),
        bucket: BUCKET.to_owned(),
        limits,
    }
}

fn draw_limits(rng: &mut Rng, input: InputKind) -> Limits {
    let one_of = |rng: &mut Rng, choices: &[i64]| choices[rng.usize(..choices.len())];
    let queue_records_max = one_of(rng, &[2, 8, 64]) as usize;
    let batch_datapoints_max = one_of(rng, &[4, 8, 16, 64]);
    let batch_parts_max = one_of(rng, &[1, 3, 16]) as usize;
    let chunk_datapoints = one_of(rng, &[1, 3, 8]) as i32;
    Limits {
        batch_datapoints_max,
        batch_parts_max,
        chunk_datapoints_calm: 2 * chunk_datapoints,
        chunk_datapoints,
        linger: Duration::from_millis(one_of(rng, &[0, 0, 20]) as u64),
        // Raw records are taken only from what was read: a smaller queue is a smaller batch.
        queue_records_max: if input == InputKind::Raw { 64 } else { queue_records_max },
        missing_in_row_max: 1_000,
        first_offset_wait: Duration::from_secs(3_600),
        ..Limits::default()
    }
}

fn draw_inputs(rng: &mut Rng, input: InputKind, partitions: i32, harm: &Harm) -> Vec<PlannedInput> {
    let count = if input == InputKind::Raw { rng.usize(1..200) } else { rng.usize(1..25) };
    let mut next_id = 0;
    let mut inputs = Vec::with_capacity(count);
    for _ in 0..count {
        let len = if input == InputKind::Raw { 1 } else { rng.usize(1..40) };
        let datapoints = (0..len)
            .map(|_| {
                next_id += 1;
                Datapoint { id: next_id, nature: draw_nature(rng, harm) }
            })
            .collect();
        inputs.push(draw_input(rng, datapoints, partitions, harm));
    }
    inputs
}

fn draw_nature(rng: &mut Rng, harm: &Harm) -> Nature {
    if once_in(rng, harm.machine) {
        return Nature::Machine;
    }
    if once_in(rng, harm.killer) {
        let killers = [Nature::Crash, Nature::Hang, Nature::Flaky, Nature::Sealer];
        return killers[rng.usize(..killers.len())];
    }
    match rng.u8(..10) {
        0 => Nature::Rejected,
        1 | 2 => Nature::NotMapped,
        _ => Nature::Output,
    }
}

fn draw_input(
    rng: &mut Rng,
    datapoints: Vec<Datapoint>,
    partitions: i32,
    harm: &Harm,
) -> PlannedInput {
    let n = datapoints.len() as i64;
    let health = if once_in(rng, harm.payload) {
        [Health::Missing, Health::Damaged, Health::NoPointer][rng.usize(..3)]
    } else {
        Health::Sound
    };
    let is_sound = health == Health::Sound && harm.payload > 0;
    let claimed = match rng.u8(..12) {
        0 if is_sound => Some((n - rng.i64(1..5)).max(1)),
        1 if is_sound => Some(n + rng.i64(1..5)),
        2 if is_sound => None,
        _ => Some(n),
    };
    let is_exact = claimed == Some(n);
    let selection = (is_sound && is_exact && rng.u8(..6) == 0).then(|| {
        let mut chosen: Runs = (0..n).filter(|_| rng.u8(..3) == 0).collect();
        if chosen.is_empty() {
            chosen.push(rng.i64(0..n));
        }
        chosen
    });
    let lane = if rng.u8(..4) == 0 { Lane::Replay } else { Lane::Live };
    PlannedInput { lane, partition: rng.i32(0..partitions), datapoints, health, claimed, selection }
}

fn draw_rates(rng: &mut Rng, limits: &Limits, harm: &Harm) -> Rates {
    let mut one_of = |choices: &[u32]| choices[rng.usize(..choices.len())];
    // A letter needs as many crashes as there are halvings, and three more at size one.
    let harmless = if harm.machine > 0 { 2 } else { limits.batch_datapoints_max.ilog2() + 2 };
    let denied = one_of(&[0, 0, 0, 40]);
    // A Kafka that denies now and then may deny the taking back of a marker.
    let is_war = one_of(&[0, 0, 1]) == 1 || denied > 0;
    Rates {
        lost_request: one_of(&[0, 0, 10, 40]),
        lost_answer: one_of(&[0, 0, 10, 40]),
        delayed_end: one_of(&[0, 0, 5, 20]),
        lingering_end: one_of(&[0, 0, 5, 20]),
        denied,
        store_denied: one_of(&[0, 0, 100, 30]),
        store_unavailable: one_of(&[0, 0, 4, 20]),
        put_conflict: one_of(&[0, 0, 10]),
        no_fork: one_of(&[0, 0, 10]),
        zygote_gone: one_of(&[0, 0, 0, 30]),
        blind_cell: one_of(&[0, 0, 10]),
        budget_spent: one_of(&[0, 0, 5]),
        rebalance: one_of(&[0, 0, 40, 200]),
        freeze: one_of(&[0, 0, 80, 300]),
        twin: one_of(&[0, 0, 0, 300]),
        graceful: one_of(&[0, 0, 100, 400]),
        crash: one_of(&[0, 60, 200]),
        unclean_ends_max: if is_war { 1_000 } else { harmless },
        is_war,
    }
}

/// True once in `n` calls; never for 0.
pub(crate) fn once_in(rng: &mut Rng, n: u32) -> bool {
    n > 0 && rng.u32(..n) == 0
}
