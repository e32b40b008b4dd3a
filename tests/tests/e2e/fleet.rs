//! The couriers of the test, and how they are killed.

use std::{collections::BTreeMap, process::Command, thread};

use anyhow::{Result, anyhow};
use cordon_records::BatchId;
use cordon_tests::{
    diary::Note,
    patience::wait_for,
    stage::{PATIENCE, Stage},
    world::{World, key_of},
};

/// When a group gives up a dead member. Each kill costs as long, so it is short; and above what a
/// loaded machine may hold a heartbeat back.
const SESSION_TIMEOUT_MS: &str = "8000";

/// Fewer than a payload holds, for match alone: its payloads are cut over several batches, and
/// must be fetched once all the same. All other stages run under default limits.
const MATCH_BATCH_DATAPOINTS_MAX: &str = "1500";

/// All couriers, each with one slot, and a supervisor and an access key of its own.
pub(crate) struct Fleet {
    /// By stage.
    couriers: BTreeMap<String, Vec<Courier>>,
}

/// One of them, through all its incarnations.
pub(crate) struct Courier {
    stage: Stage,
    kills: Vec<Kill>,
    /// What each slot that ended fetched, and last, how often everything was fetched until then.
    fetched: Vec<Fetches>,
    fetched_before: Fetches,
}

/// How often each object was fetched.
pub(crate) type Fetches = BTreeMap<String, u64>;

/// When a courier is killed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    /// A batch was announced: its first cell is about to run.
    Begins,
    /// The output of a batch was stored: its transaction is about to begin.
    Stored,
}

/// A courier that was killed.
pub(crate) struct Kill {
    /// The stage.
    pub(crate) stage: String,
    /// The batches it may have had in flight: a slot has two in hand at most, so they are the last
    /// two that it announced, and that no rebalance took away from it before it died.
    in_hand: Vec<BatchId>,
}

impl Kill {
    /// Whether it had a batch in flight: announced before the kill, and never committed. (Whoever
    /// does the work again announces a batch of its own.)
    pub(crate) fn was_in_flight(&self, is_committed: impl Fn(&BatchId) -> bool) -> bool {
        !self.in_hand.iter().all(is_committed)
    }

    fn of(stage: &str, last_words: &[Note]) -> Self {
        let mut in_hand = Vec::new();
        for note in last_words {
            match note {
                Note::Begins(batch) => in_hand.push(*batch),
                Note::Gone(1..) => in_hand.clear(),
                _ => {}
            }
        }
        in_hand.drain(..in_hand.len().saturating_sub(2));
        Self { stage: stage.to_owned(), in_hand }
    }
}

impl Fleet {
    /// Starts one courier of each stage.
    pub(crate) fn start(world: &World) -> Result<Self> {
        let mut fleet = Self { couriers: BTreeMap::new() };
        for stage in world.topology().stages.keys() {
            fleet.add(world, stage, stage, |command| {
                if stage == "match" {
                    command.env("CORDON_COURIER_BATCH_DATAPOINTS_MAX", MATCH_BATCH_DATAPOINTS_MAX);
                }
            })?;
        }
        for courier in fleet.couriers.values_mut().flatten() {
            courier.stage.wait_until_it_owns()?;
        }
        Ok(fleet)
    }

    /// Starts a second courier of a stage, which takes partitions away from the first.
    pub(crate) fn reinforce(&mut self, world: &World, stage: &str) -> Result<()> {
        self.add(world, stage, &key_of(stage, 2), |command| {
            command.env("CORDON_SLOT_BASE", "1");
        })
    }

    fn add(
        &mut self,
        world: &World,
        stage: &str,
        access_key: &str,
        settings: impl FnOnce(&mut Command),
    ) -> Result<()> {
        let started = Stage::start(world, stage, access_key, |command| {
            command.env("CORDON_KAFKA_SESSION_TIMEOUT_MS", SESSION_TIMEOUT_MS);
            settings(command);
        })?;
        self.couriers.entry(stage.to_owned()).or_default().push(Courier::new(started));
        Ok(())
    }

    /// Feeds, and kills one courier of each target stage when it has a batch in flight. Returns
    /// when all were fed and all that died are back.
    pub(crate) fn kill_while<T: Send>(
        &mut self,
        world: &World,
        targets: &[(&str, Aim)],
        feed: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        thread::scope(|scope| {
            let feeder = scope.spawn(feed);
            let mut killers = Vec::new();
            for (stage, couriers) in &mut self.couriers {
                if let Some(&(_, aim)) = targets.iter().find(|(name, _)| name == stage) {
                    killers.push(scope.spawn(move || kill_one(world, couriers, aim)));
                }
            }
            for killer in killers {
                killer.join().map_err(|_| anyhow!("a killer panicked"))??;
            }
            feeder.join().map_err(|_| anyhow!("the feeder panicked"))?
        })
    }

    /// Everything that was logged, by courier.
    pub(crate) fn notes(&mut self) -> Result<Vec<Note>> {
        let mut all = Vec::new();
        for courier in self.couriers.values_mut().flatten() {
            all.extend_from_slice(courier.stage.notes()?);
        }
        Ok(all)
    }

    /// All kills so far.
    pub(crate) fn kills(&self) -> impl Iterator<Item = &Kill> {
        self.couriers.values().flatten().flat_map(|courier| &courier.kills)
    }

    /// What each slot fetched, from its start to its end, or up to now: its stage, and how often
    /// it fetched each object.
    pub(crate) fn fetched(&mut self, world: &World) -> Vec<(String, Fetches)> {
        let mut all = Vec::new();
        for courier in self.couriers.values_mut().flatten() {
            courier.close_fetches(world);
            let stage = &courier.stage.stage;
            all.extend(courier.fetched.iter().map(|fetches| (stage.clone(), fetches.clone())));
        }
        all
    }

    /// Asks all to stop: they must end in good order.
    pub(crate) fn stop(self) -> Result<()> {
        self.couriers.into_values().flatten().try_for_each(|courier| courier.stage.stop())
    }
}

/// Waits until one of a stage's couriers has something to lose, and kills it.
fn kill_one(world: &World, couriers: &mut [Courier], aim: Aim) -> Result<()> {
    let mut before = Vec::new();
    for courier in &mut *couriers {
        before.push(courier.done(world, aim)?);
    }
    let what = format!("a target: {aim:?}");
    let target = wait_for(&what, PATIENCE, || {
        for (index, courier) in couriers.iter_mut().enumerate() {
            if courier.done(world, aim)? > before[index] {
                return Ok(Some(index));
            }
        }
        Ok(None)
    })?;
    couriers[target].kill(world)
}

impl Courier {
    fn new(stage: Stage) -> Self {
        Self { stage, kills: Vec::new(), fetched: Vec::new(), fetched_before: Fetches::new() }
    }

    /// How often it did by now what the aim waits for.
    fn done(&mut self, world: &World, aim: Aim) -> Result<u64> {
        Ok(match aim {
            Aim::Begins => {
                let notes = self.stage.notes()?.iter();
                notes.filter(|note| matches!(note, Note::Begins(_))).count() as u64
            }
            Aim::Stored => requests(world, &self.stage.access_key, "PutObject").values().sum(),
        })
    }

    fn kill(&mut self, world: &World) -> Result<()> {
        let last_words = self.stage.kill_courier()?;
        self.kills.push(Kill::of(&self.stage.stage, &last_words));
        // The next one was started by now, but fetches nothing before it owns a partition.
        self.close_fetches(world);
        self.stage.wait_until_it_owns()
    }

    /// Notes what was fetched since the last time.
    fn close_fetches(&mut self, world: &World) {
        let now = requests(world, &self.stage.access_key, "GetObject");
        let since = now.iter().filter_map(|(object, count)| {
            let before = self.fetched_before.get(object).copied().unwrap_or_default();
            (*count > before).then(|| (object.clone(), count - before))
        });
        self.fetched.push(since.collect());
        self.fetched_before = now;
    }
}

/// How often an access key asked for an operation on each object.
pub(crate) fn requests(world: &World, access_key: &str, operation: &str) -> Fetches {
    let asked = format!("{access_key} {operation} ");
    let all = world.s3().requests().objects.into_iter();
    all.filter_map(|(what, count)| Some((what.strip_prefix(&asked)?.to_owned(), count))).collect()
}
