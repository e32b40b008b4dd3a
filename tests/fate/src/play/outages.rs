//! One stage down, all others unaffected: each stage in turn is stopped, crash-looped, and denied
//! its input, while the whole pipeline is under a quarter of its greatest load.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::admin::{Acl, Admin, Operation, Resource};
use cordon_load::{Settings, Telemetry};
use cordon_tests::{
    audit::ensure_none,
    diary::Note,
    hostile::write,
    patience::{now, wait_for},
    ran::run,
    stage::{PATIENCE, Stage},
};
use rustix::process::{Pid, Signal, kill_process};

use crate::{place::Place, plant::File, report::Report};

/// How long a stage is down.
const DOWN: Duration = Duration::from_secs(60);
/// How often the load comes.
const PERIOD: Duration = Duration::from_secs(2);
/// Of the greatest load.
const SHARE: f64 = 0.25;
/// Batches that a stage may be behind.
const BATCHES_BEHIND_MAX: i64 = 3;
/// Of the lines, one in so many comes by `raw`; the others come as files.
const SHIPPED_ONE_IN: usize = 8;

/// How a stage is down.
#[derive(Clone, Copy, Debug)]
enum Way {
    Stopped,
    CrashLooped,
    Denied,
}

/// Each stage in each way.
pub fn play(report: &mut Report, place: &mut Place) -> Result<()> {
    let mut fleet = Fleet::start(place)?;
    let lines = report.play("greatest load of all stages together", || {
        let per_second = fleet.greatest_load(place)?;
        Ok((per_second * SHARE * PERIOD.as_secs_f64()) as usize)
    });
    let lines = lines.context("the load is measured")?;
    report.figure("outage_lines_per_second", lines as f64 / PERIOD.as_secs_f64());
    for way in [Way::Stopped, Way::CrashLooped, Way::Denied] {
        for stage in fleet.names() {
            report.play(&format!("Kafka: {stage} {way:?} for {} s", DOWN.as_secs()), || {
                fleet.endure(place, &stage, way, lines)
            });
        }
    }
    fleet.stop()
}

/// All stages, a courier each.
struct Fleet {
    running: BTreeMap<String, Stage>,
    portions: usize,
}

impl Fleet {
    fn start(place: &Place) -> Result<Self> {
        let names = place.world.topology().stages.keys();
        let running = names.map(|name| Ok((name.clone(), place.stage_named(name, name, |_| {})?)));
        let mut fleet = Self { running: running.collect::<Result<_>>()?, portions: 0 };
        for stage in fleet.running.values_mut() {
            stage.wait_until_it_owns()?;
        }
        Ok(fleet)
    }

    fn names(&self) -> Vec<String> {
        self.running.keys().cloned().collect()
    }

    fn stop(self) -> Result<()> {
        self.running.into_values().try_for_each(Stage::stop)
    }

    /// Lines a second, from the first that comes in until the last is through all stages.
    fn greatest_load(&mut self, place: &mut Place) -> Result<f64> {
        const LINES: usize = 20_000;
        self.feed(place, 100)?;
        self.drain(place)?;
        let started = now();
        self.feed(place, LINES)?;
        self.drain(place)?;
        Ok(LINES as f64 / started.elapsed().as_secs_f64())
    }

    /// Sends lines in, by files and by records of a shipper.
    fn feed(&mut self, place: &mut Place, lines: usize) -> Result<()> {
        self.portions += 1;
        let name = format!("portion {}", self.portions);
        let shipped = lines.div_ceil(SHIPPED_ONE_IN);
        place.feed(&[File::new(&name, lines - shipped, [])])?;
        let seed = self.portions as u64;
        let settings = Settings { seed, malformed_per_million: 0, ..Settings::default() };
        let lines: Vec<Vec<u8>> =
            Telemetry::new(settings).take(shipped).map(|line| line.bytes).collect();
        // As the administrator: a shipper has no transactions, and these shall come at once.
        write(&place.world.log("admin")?, "test-shipper", ("raw", seed as i32 % 4), &lines)
    }

    /// Waits until every stage has read everything.
    fn drain(&mut self, place: &Place) -> Result<()> {
        // In the order of the flow: what an earlier one writes, a later one must read.
        for stage in ["pack", "generate", "match", "merge"] {
            wait_for(&format!("{stage} drains"), 3 * PATIENCE, || {
                self.look()?;
                Ok((lag(place, stage)? == 0).then_some(()))
            })?;
        }
        Ok(())
    }

    fn look(&mut self) -> Result<()> {
        self.running.values_mut().try_for_each(|stage| stage.notes().map(drop))
    }

    /// One stage is down for a while; all that do not wait for it go on as if nothing had happened.
    fn endure(&mut self, place: &mut Place, name: &str, way: Way, lines: usize) -> Result<()> {
        let waiting = downstream(place, name);
        let unaffected: Vec<String> =
            self.names().into_iter().filter(|n| n != name && !waiting.contains(n)).collect();
        let before = self.condition(place, &unaffected)?;
        let mut down = Down::begin(self, place, name, way)?;
        let until = now() + DOWN;
        while now() < until {
            let next = now() + PERIOD;
            self.feed(place, lines)?;
            down.keep()?;
            for stage in &unaffected {
                let (behind, bound) = (lag(place, stage)?, lag_max(stage, lines));
                ensure!(behind <= bound, "{stage} is {behind} records behind, at most {bound}");
            }
            thread::sleep(next.saturating_duration_since(now()));
        }
        let was_down = down.check(place);
        self.running.insert(name.to_owned(), down.end(place)?);
        was_down?;
        self.drain(place)?;
        let after = self.condition(place, &unaffected)?;
        ensure!(before == after, "starts and errors of the others: {before:?}, then {after:?}");
        for stage in self.names() {
            let audit = place.audit(&stage)?;
            let faults = ["lost", "duplicated", "both", "gaps", "overlaps", "pending"];
            ensure_none(&audit, &faults).context(stage)?;
        }
        Ok(())
    }

    /// How often each stage's courier started, and how many errors it logged.
    fn condition(
        &mut self,
        place: &Place,
        stages: &[String],
    ) -> Result<BTreeMap<String, (usize, usize)>> {
        let mut condition = BTreeMap::new();
        for name in stages {
            let stage = self.running.get_mut(name).context("the stage runs")?;
            let notes = stage.notes()?.iter();
            let starts = notes.filter(|note| matches!(note, Note::Started(_))).count();
            let log = fs::read_to_string(place.world.path(&format!("{name}.log")))?;
            let errors = log.lines().filter(|line| line.contains(r#""level":"ERROR""#)).count();
            condition.insert(name.clone(), (starts, errors));
        }
        Ok(condition)
    }
}

/// A stage that is down.
struct Down {
    name: String,
    way: Way,
    /// It lives, and dies again and again.
    looping: Option<Stage>,
    /// The couriers that were killed.
    killed: Vec<Pid>,
    taken: Vec<Acl>,
}

impl Down {
    fn begin(fleet: &mut Fleet, place: &Place, name: &str, way: Way) -> Result<Self> {
        let stage = fleet.running.remove(name).context("the stage runs")?;
        let (killed, taken) = (Vec::new(), Vec::new());
        let mut down = Self { name: name.to_owned(), way, looping: None, killed, taken };
        match way {
            Way::Stopped => stage.stop()?,
            Way::CrashLooped => down.looping = Some(stage),
            Way::Denied => down.deny(place, stage)?,
        }
        Ok(down)
    }

    /// Takes the grants on its input away, and waits until it halts because of that.
    fn deny(&mut self, place: &Place, mut stage: Stage) -> Result<()> {
        let topology = place.world.topology();
        let spec = &topology.stages[&self.name];
        let principal = format!("User:{}", self.name);
        self.taken = topology.acls();
        self.taken.retain(|acl| {
            acl.principal == principal
                && acl.resource == Resource::Topic
                && acl.operation == Operation::Read
                && spec.live.iter().chain(&spec.replay).any(|topic| *topic == acl.name)
        });
        ensure!(!self.taken.is_empty(), "{} has no grant to take", self.name);
        admin(place)?.delete_acls(&self.taken)?;
        wait_for("the stage halts", PATIENCE, || Ok(stage.notes().is_err().then_some(())))
    }

    /// Sees to it that it stays down.
    fn keep(&mut self) -> Result<()> {
        if let Some(stage) = &mut self.looping {
            let courier = stage.courier()?;
            if !self.killed.contains(&courier) {
                kill_process(courier, Signal::KILL)?;
                self.killed.push(courier);
            }
        }
        Ok(())
    }

    /// Fails if it was not down. One that dies over and over may do some work in between.
    fn check(&self, place: &Place) -> Result<()> {
        let behind = lag(place, &self.name)?;
        let crashes = self.killed.len();
        let was_down = if self.looping.is_some() { crashes > 3 } else { behind > 0 };
        ensure!(was_down, "it was not down: {behind} records behind, {crashes} crashes");
        Ok(())
    }

    /// Gives back what it lacks.
    fn end(self, place: &Place) -> Result<Stage> {
        if matches!(self.way, Way::Denied) {
            admin(place)?.create_acls(&self.taken)?;
        }
        let mut stage = match self.looping {
            Some(stage) => stage,
            None => place.stage_named(&self.name, &self.name, |_| {})?,
        };
        stage.wait_until_it_owns()?;
        Ok(stage)
    }
}

fn admin(place: &Place) -> Result<Admin> {
    Ok(Admin::new(place.world.log("admin")?.connection())?)
}

/// The stages that read what a stage writes, directly or not.
fn downstream(place: &Place, name: &str) -> BTreeSet<String> {
    let stages = &place.world.topology().stages;
    let mut found = BTreeSet::new();
    let mut next = vec![name.to_owned()];
    while let Some(name) = next.pop() {
        let output = &stages[&name].output;
        let readers = stages.iter().filter(|(_, spec)| spec.live.contains(output));
        for (reader, _) in readers {
            if found.insert(reader.clone()) {
                next.push(reader.clone());
            }
        }
    }
    found
}

/// Records that a stage has not read yet.
fn lag(place: &Place, stage: &str) -> Result<i64> {
    let ran = run(&place.world, "operator", &format!("progress show {stage} --json"))?;
    let shown = ran.expect(0, &[])?.json()?;
    let lags = shown.iter().map(|partition| partition["lag"].as_i64().context("a lag"));
    lags.sum()
}

/// What three batches are. Each period is one: a file and a portion of records become a pointer
/// each, and a graph of each has a part for every partition.
fn lag_max(stage: &str, lines: usize) -> i64 {
    let records_of_a_batch = match stage {
        "pack" => lines.div_ceil(SHIPPED_ONE_IN) as i64,
        "generate" | "match" => 2,
        _ => 2 * 4,
    };
    BATCHES_BEHIND_MAX * records_of_a_batch
}
