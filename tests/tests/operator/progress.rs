//! `cordon progress show` and `set`: whatever is done to the committed progress of a stage, it stops
//! and says how to go on; done so, it goes on from exactly there, and nothing is lost.

use std::{fs, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use cordon_kafka::{
    admin::Admin,
    log::{Committed, TopicPartition},
    progress::{PointerHash, Progress},
    topology::Topology,
};
use cordon_records::BatchId;
use cordon_tests::{
    audit::{FAULTS, audit, ensure_none, of_stage},
    diary::Note,
    patience::wait_for,
    ran::{Ran, run},
    stage::Stage,
    telemetry,
    world::World,
};
use serde_json::Value;

const STAGE: &str = "generate";
/// So that there is work left whenever the stage is stopped: some hundred batches.
const LINES: usize = 40_000;
const BATCH_DATAPOINTS_MAX: &str = "64";
/// Batches of a stage that is let run for a moment.
const BATCHES: usize = 6;
/// For a stage that must end by itself: it waits a minute for an offset that is not there, and for
/// partitions that a dead member holds.
const STOP_PATIENCE: Duration = Duration::from_secs(180);
/// For all that is left to be processed.
const DRAIN_PATIENCE: Duration = Duration::from_secs(240);

pub(crate) fn run_test(world: &World) -> Result<()> {
    ingest(world)?;
    run_a_moment(world)?;
    run(world, "operator", "progress show")?.expect(0, &["cordon.generate, stopped"])?;
    let bench = Bench::new(world)?;
    for damage in DAMAGES {
        bench.damage_and_repair(damage).with_context(|| damage.what.to_owned())?;
    }
    bench.a_deleted_offset()?;
    who_may_not(world)?;
    a_running_stage_keeps_its_progress(world)?;
    drain(world)?;
    nothing_is_lost_or_doubled(world)?;
    // Last: this does what the audit calls a fault.
    skipping_and_repeating_take_consent(&bench)
}

/// Telemetry in several payloads on every partition.
fn ingest(world: &World) -> Result<()> {
    let lines = cordon_load::Telemetry::new(cordon_load::Settings::default()).take(LINES);
    telemetry::write(&world.path("telemetry.jsonl"), lines)?;
    run(world, "ingest", "ingest telemetry.jsonl")?.expect(0, &[])?;
    Ok(())
}

fn small_batches(command: &mut Command) {
    command.env("CORDON_COURIER_BATCH_DATAPOINTS_MAX", BATCH_DATAPOINTS_MAX);
}

fn start(world: &World) -> Result<Stage> {
    Stage::start(world, STAGE, STAGE, small_batches)
}

/// Lets the stage process a few batches, and stops it in good order.
fn run_a_moment(world: &World) -> Result<()> {
    let mut stage = start(world)?;
    stage.wait_for("processes batches", |notes| {
        let begun = notes.iter().filter(|note| matches!(note, Note::Begins(_))).count();
        (begun >= BATCHES).then_some(())
    })?;
    stage.stop()
}

/// A partition as `progress show` tells it.
#[derive(Clone, Debug)]
struct Shown {
    at: TopicPartition,
    committed: Option<i64>,
    position: Option<i64>,
    lag: Option<i64>,
    fault: Option<String>,
    place: Option<String>,
    repair: Option<String>,
}

impl Shown {
    fn of(value: &Value) -> Result<Self> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let partition = value["partition"].as_i64().context("a partition")?;
        let topic = text("topic").context("a topic")?;
        Ok(Self {
            at: TopicPartition::new(topic, i32::try_from(partition)?),
            committed: value["committed"].as_i64(),
            position: value["position"].as_i64(),
            lag: value["lag"].as_i64(),
            fault: text("fault"),
            place: text("place"),
            repair: text("repair"),
        })
    }

    /// Where it stands, as `progress set` takes it.
    fn stands_at(&self) -> Result<String> {
        let committed = self.committed.context("nothing is committed")?;
        Ok(match self.position.context("no position can be trusted")? {
            0 => committed.to_string(),
            position => format!("{committed}:{position}"),
        })
    }
}

/// What `progress show` says of the stage; `code` is how it must end.
fn show(world: &World, code: i32) -> Result<Vec<Shown>> {
    let ran = run(world, "operator", &format!("progress show {STAGE} --json"))?;
    ran.expect(code, &[])?.json()?.iter().map(Shown::of).collect()
}

fn shown(world: &World, code: i32, at: &TopicPartition) -> Result<Shown> {
    let mut all = show(world, code)?.into_iter();
    all.find(|shown| shown.at == *at).with_context(|| format!("{at} is not shown"))
}

/// A way in which committed progress can be broken.
#[derive(Clone, Copy)]
struct Damage {
    what: &'static str,
    /// What becomes of the offset and metadata that are committed.
    plant: fn(&Sound) -> (i64, Vec<u8>),
    /// What the stage says, and `progress show` after it.
    fault: &'static str,
}

/// What was committed before.
struct Sound {
    offset: i64,
    metadata: Vec<u8>,
    progress: Progress,
    /// One past the last offset of the log.
    end: i64,
}

impl Sound {
    fn with(&self, change: impl FnOnce(&mut Progress)) -> (i64, Vec<u8>) {
        let mut progress = self.progress.clone();
        change(&mut progress);
        (self.offset, progress.to_string().into_bytes())
    }
}

const DAMAGES: [Damage; 8] = [
    Damage {
        what: "corrupt",
        plant: |sound| (sound.offset, sound.metadata[..sound.metadata.len() - 1].to_vec()),
        fault: "malformed at its pointer hash",
    },
    Damage {
        what: "no UTF-8",
        plant: |sound| (sound.offset, [&sound.metadata[..], b"\xff\x1b[2J"].concat()),
        fault: "malformed at its",
    },
    Damage {
        what: "longer than 4096",
        plant: |sound| (sound.offset, [&sound.metadata[..], &[b'x'; 5000]].concat()),
        fault: "malformed at its",
    },
    Damage { what: "empty", plant: |sound| (sound.offset, Vec::new()), fault: "has no metadata" },
    Damage {
        what: "of another version",
        plant: |sound| (sound.offset, [b"v2", &sound.metadata[2..]].concat()),
        fault: "of an unknown version",
    },
    Damage {
        what: "of another pointer",
        plant: |sound| sound.with(|p| p.pointer = Some(PointerHash::of(b"another"))),
        fault: "it counts in another record",
    },
    Damage {
        what: "past the end",
        plant: |sound| sound.with(|p| p.position = 1_000_000),
        fault: "position 1000000 is past the end",
    },
    Damage {
        what: "out of range",
        plant: |sound| {
            let start = Progress::start(BatchId::default()).to_string();
            (sound.end + 1000, start.into_bytes())
        },
        fault: "",
    },
];

struct Bench<'a> {
    world: &'a World,
    admin: Admin,
    group: String,
}

impl<'a> Bench<'a> {
    fn new(world: &'a World) -> Result<Self> {
        let admin = Admin::new(world.log("admin")?.connection())?;
        Ok(Self { world, admin, group: Topology::group(STAGE) })
    }

    /// A partition where the stage stands within a payload.
    fn partition(&self) -> Result<Shown> {
        let all = show(self.world, 0)?;
        let within = |shown: &Shown| shown.position > Some(0) && shown.lag > Some(0);
        all.into_iter().find(within).context("the stage stands within no payload")
    }

    fn damage_and_repair(&self, damage: Damage) -> Result<()> {
        let before = self.partition()?;
        let place = before.stands_at()?;
        self.plant(&before.at, damage)?;
        self.the_stage_stops(&before.at, damage.fault)?;
        let faulty = shown(self.world, 1, &before.at)?;
        let told = faulty.fault.clone().unwrap_or_default();
        ensure!(told.contains(damage.fault), "it says {told:?}");
        self.repair_as_told(&faulty, &place)?;
        let after = shown(self.world, 0, &before.at)?;
        ensure!(after.stands_at()? == place, "it stands at {after:?}");
        run_a_moment(self.world)
    }

    fn plant(&self, at: &TopicPartition, damage: Damage) -> Result<()> {
        let committed = self.admin.group_offsets(&self.group)?.remove(at).context("an offset")?;
        let Committed { offset, metadata } = committed;
        let ends = self.admin.ends(std::slice::from_ref(at), cordon_kafka::admin::End::End)?;
        let progress = Progress::parse(&metadata)?;
        let sound = Sound { offset, progress, metadata, end: ends[at] };
        let (offset, metadata) = (damage.plant)(&sound);
        let planted = (at.clone(), Committed { offset, metadata });
        Ok(self.admin.set_group_offsets(&self.group, &[planted])?)
    }

    /// With the exit code for a person, and the words that lead to the commands.
    fn the_stage_stops(&self, at: &TopicPartition, fault: &str) -> Result<()> {
        let mut command = self.world.cordon(STAGE);
        small_batches(command.args(["run", STAGE]));
        let (show, set) = ("cordon progress show", "cordon progress set");
        let progress = format!("progress of {at}: ");
        Ran::within(STOP_PATIENCE, &mut command)?.expect(4, &[&progress, fault, show, set])?;
        Ok(())
    }

    /// Runs the very command that `progress show` names, which must lead to the place where the
    /// stage stood.
    fn repair_as_told(&self, faulty: &Shown, place: &str) -> Result<()> {
        ensure!(faulty.place.as_deref() == Some(place), "it stood at {place}: {faulty:?}");
        let told = faulty.repair.as_deref().context("no repair is named")?;
        ensure!(told == format!("cordon progress set {STAGE} {} {place}", faulty.at), "{told}");
        let said = run(self.world, "operator", &format!("progress show {STAGE}"))?;
        said.expect(1, &["NEEDS REPAIR", told])?.text()?;
        let set = told.strip_prefix("cordon ").context("a command of cordon's")?;
        run(self.world, "admin", set)?.expect(0, &[&format!("goes on at {place}")])?;
        Ok(())
    }

    /// The stage waits for an offset that is not there, and stops at last. It may be set while it
    /// waits: then it goes on by itself.
    fn a_deleted_offset(&self) -> Result<()> {
        let before = self.partition()?;
        let place = before.stands_at()?;
        self.delete_offset(&before.at)?;
        self.the_stage_stops(&before.at, "the group has no committed offset")?;
        let mut stage = start(self.world)?;
        stage.wait_until_it_owns()?;
        let faulty = shown(self.world, 1, &before.at)?;
        ensure!(faulty.committed.is_none(), "{faulty:?}");
        self.repair_as_told(&faulty, &place)?;
        wait_for("the waiting stage goes on", DRAIN_PATIENCE, || {
            stage.notes()?;
            let now = shown(self.world, 0, &before.at)?;
            Ok((now.stands_at()? != place).then_some(()))
        })?;
        stage.stop()
    }

    /// By Kafka's own tool, as an administrator would who means well.
    fn delete_offset(&self, at: &TopicPartition) -> Result<()> {
        let libs = std::env::var_os("CORDON_KAFKA_LIBS").context("CORDON_KAFKA_LIBS")?;
        let connection = self.world.log("admin")?.connection().clone();
        let properties = self.world.path("client.properties");
        let (user, password) = (&connection.username, connection.password.expose());
        fs::write(
            &properties,
            format!(
                "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\n\
                 sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
                 username=\"{user}\" password=\"{password}\";\n"
            ),
        )?;
        let classes = std::path::Path::new(&libs).join("*");
        let output = Command::new("java")
            .arg("-cp")
            .arg(classes)
            .arg("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand")
            .args(["--bootstrap-server", &self.world.bootstrap(), "--command-config"])
            .arg(&properties)
            .args(["--delete-offsets", "--group", &self.group, "--topic"])
            .arg(format!("{}:{}", at.topic, at.partition))
            .output()?;
        let left = self.admin.group_offsets(&self.group)?.contains_key(at);
        ensure!(!left, "it was not deleted: {}", String::from_utf8_lossy(&output.stdout));
        Ok(())
    }
}

fn who_may_not(world: &World) -> Result<()> {
    let hint = "the principals operator and admin may look";
    run(world, "reader", "progress show generate")?.expect(1, &[hint])?;
    run(world, "operator", "progress set generate logs/0 0 --yes")?.expect(1, &[])?;
    let cases = [
        ("generate raw/0 0", 2, "reads logs and logs.replay and replay.generate, not raw"),
        ("generate logs/0 99999999", 1, "has the offsets"),
        ("pack raw/0 0:1", 1, "no record lies at offset 0"),
        ("unheard-of logs/0 0", 2, "has no stage unheard-of"),
        ("generate logs 0", 2, "TOPIC/PARTITION"),
        ("generate logs/0 x", 2, "OFFSET"),
    ];
    for (arguments, code, words) in cases {
        run(world, "admin", &format!("progress set {arguments}"))?.expect(code, &[words])?;
    }
    show(world, 0)?;
    Ok(())
}

/// Whoever owns the partition would go on from what it has in memory.
fn a_running_stage_keeps_its_progress(world: &World) -> Result<()> {
    let mut stage = start(world)?;
    stage.wait_until_it_owns()?;
    let refused = run(world, "admin", "progress set generate logs/0 0 --yes")?;
    refused.expect(1, &["is running", "stop it first"])?;
    stage.stop()
}

/// Lets the stage process all that is left.
fn drain(world: &World) -> Result<()> {
    let mut stage = start(world)?;
    wait_for("the stage has no lag", DRAIN_PATIENCE, || {
        stage.notes()?;
        let is_drained = show(world, 0)?.iter().all(|shown| shown.lag == Some(0));
        Ok(is_drained.then_some(()))
    })?;
    stage.stop()
}

/// What the audit counts for a stage, or for ingest.
fn audited(world: &World, name: &str) -> Result<Value> {
    Ok(of_stage(&audit(world, &["--no-objects"])?, name)?.clone())
}

fn nothing_is_lost_or_doubled(world: &World) -> Result<()> {
    let audit = audited(world, STAGE)?;
    ensure_none(&audit, &FAULTS)?;
    ensure_none(&audit, &["pending", "dead"])?;
    // Some of the generated lines are malformed: ingest has letters for them.
    let ingest = audited(world, "ingest")?;
    let came_in = ingest["output"].as_u64().context("ingest's output")?;
    let refused = ingest["dead"].as_u64().context("ingest's letters")?;
    ensure!(came_in + refused == LINES as u64, "{ingest:#}");
    ensure!(audit["datapoints"] == came_in, "{audit:#}");
    Ok(())
}

/// Told how many datapoints it is about, and done only on --yes; then the audit says as many.
fn skipping_and_repeating_take_consent(bench: &Bench<'_>) -> Result<()> {
    let world = bench.world;
    let whole = show(world, 0)?.into_iter().find(|shown| shown.committed > Some(0));
    let Some(Shown { at, committed: Some(committed), .. }) = whole else {
        bail!("nothing was processed")
    };
    let refused = run(world, "admin", &format!("progress set {STAGE} {at} 0:7"))?;
    let refused = refused.expect(1, &["this repeats", "duplicated", "--yes"])?;
    let count: i64 = refused
        .words
        .split("this repeats ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next()?.parse().ok())
        .context("how many are repeated")?;
    ensure!(shown(world, 0, &at)?.committed == Some(committed), "it was done all the same");
    run(world, "admin", &format!("progress set {STAGE} {at} 0:7 --yes"))?
        .expect(0, &["this repeats", "goes on at 0:7"])?;
    drain(world)?;
    let audit = audited(world, STAGE)?;
    ensure!(audit["duplicated"] == count && audit["lost"] == 0, "{count}: {audit:#}");
    a_skip_is_counted(bench)
}

/// New work that is skipped before the stage has seen it.
fn a_skip_is_counted(bench: &Bench<'_>) -> Result<()> {
    const NEW_LINES: usize = 100;
    let world = bench.world;
    let telemetry = fs::read(world.path("telemetry.jsonl"))?;
    // The first lines are sound.
    let lines: Vec<&[u8]> = telemetry.split(|byte| *byte == b'\n').take(NEW_LINES).collect();
    fs::write(world.path("more.jsonl"), lines.join(&b'\n'))?;
    run(world, "ingest", "ingest more.jsonl")?.expect(0, &[])?;
    let waiting = show(world, 0)?.into_iter().find(|shown| shown.lag > Some(0));
    let Shown { at, .. } = waiting.context("the new payload waits")?;
    let end = bench.admin.ends(std::slice::from_ref(&at), cordon_kafka::admin::End::End)?[&at];
    let line = format!("progress set {STAGE} {at} {end}");
    let told = format!("this skips {NEW_LINES} datapoints");
    run(world, "admin", &line)?.expect(1, &[&told, "as lost", "--yes"])?;
    run(world, "admin", &format!("{line} --yes"))?.expect(0, &[&told])?;
    let Shown { lag, .. } = shown(world, 0, &at)?;
    ensure!(lag == Some(0), "it still waits: {lag:?}");
    Ok(())
}
