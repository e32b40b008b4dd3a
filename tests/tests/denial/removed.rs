//! Grants that are removed while a stage runs, and restored.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::{
    admin::{Acl, Admin, Operation},
    secret::Password,
};
use cordon_load::{Settings, Telemetry};
use cordon_tests::{
    audit::{FAULTS, ensure_none, settle_stage},
    patience::wait_for,
    supervisor::Supervisor,
    telemetry,
    world::World,
};
use serde_json::json;

use crate::{attempts::produce, connection, wire::Client};

/// The stage: it reads pointers and objects, writes both, and letters.
const STAGE: &str = "generate";
/// By whom it is fed, and into which of its topics.
const FEEDER: &str = "ingest";
const INPUT: &str = "logs";
/// Lines of a file.
const LINES: usize = 200;
/// How a program ends that has to be helped.
const HALTED: i32 = 4;
/// For a stage to start, to notice that it is denied, and to work off what waits.
const PATIENCE: Duration = Duration::from_secs(120);

/// Each grant of the stage in turn.
pub(crate) fn run(world: &World) -> Result<()> {
    let admin = Admin::new(&connection(world, "admin")?)?;
    let mut feed = Feed::new(world)?;
    let principal = format!("User:{STAGE}");
    let acls = world.topology().acls().into_iter().filter(|acl| acl.principal == principal);
    let (mut stopped, mut went_on) = (0, 0);
    for acl in acls {
        let mut stage = Running::start(world, &acl)?;
        feed.more(world)?;
        settle_stage(world, STAGE, feed.fed, PATIENCE)
            .with_context(|| format!("before {acl} is removed"))?;
        ensure!(admin.delete_acls(std::slice::from_ref(&acl))? == 1, "there is no {acl}");
        feed.more(world)?;
        if is_needed(&acl) {
            let words = stage.words_when_it_stopped()?;
            expect_named(&acl, &words)?;
            stopped += 1;
        } else {
            settle_stage(world, STAGE, feed.fed, PATIENCE)
                .with_context(|| format!("without {acl}"))?;
            went_on += 1;
        }
        admin.create_acls(&[acl])?;
    }
    let stage = Running::start_named(world, "last")?;
    let audit = settle_stage(world, STAGE, feed.fed, PATIENCE)?;
    drop(stage);
    let total = &audit["total"];
    ensure_none(total, &FAULTS)?;
    let figures = json!({
        "grants_removed": stopped + went_on,
        "stopped_by_name": stopped,
        "went_on": went_on,
        "datapoints": feed.fed,
        "lost": total["lost"],
        "duplicated": total["duplicated"],
    });
    println!("figures: {figures}");
    Ok(())
}

/// Metrics are worth no stop, and what is fed here lives: only a replay writes to the output's twin.
fn is_needed(acl: &Acl) -> bool {
    let is_twin = acl.operation == Operation::Write && acl.name.ends_with(".replay");
    !is_twin && !acl.name.starts_with("metrics.")
}

/// The stage must say who lacks what on which thing.
fn expect_named(acl: &Acl, words: &str) -> Result<()> {
    let Acl { principal, operation, resource, name, .. } = acl;
    let begin = format!("{principal} lacks the ACL {operation:?} on {resource} ");
    let named = words.lines().find_map(|line| line.split_once(&begin));
    let (_, rest) = named.with_context(|| format!("nobody says {begin:?}: {words}"))?;
    let is_it = rest.starts_with(name.as_str()) && !rest.contains(" or ");
    ensure!(is_it, "{name} alone is not named: {rest}");
    Ok(())
}

/// What is fed: files of generated telemetry, and pointers that are none, each of which must
/// become a letter.
struct Feed {
    telemetry: Telemetry,
    feeder: Client,
    files: usize,
    /// Datapoints, a pointer that is none among them as one.
    fed: i64,
}

impl Feed {
    fn new(world: &World) -> Result<Self> {
        let password = Password::read(&world.password_file(FEEDER))?;
        let feeder = Client::connect(&world.bootstrap(), FEEDER, &password)?;
        Ok(Self { telemetry: Telemetry::new(Settings::default()), feeder, files: 0, fed: 0 })
    }

    fn more(&mut self, world: &World) -> Result<()> {
        self.files += 1;
        let path = world.path(&format!("fed-{}.jsonl", self.files));
        telemetry::write(&path, self.telemetry.by_ref().take(LINES))?;
        self.fed += world.ingest(&[path])?;
        let codes = produce(&mut self.feeder, INPUT)?;
        ensure!(codes == [0], "the forged pointer is refused: {codes:?}");
        self.fed += 1;
        Ok(())
    }
}

/// A stage that runs, and what it logs.
struct Running {
    supervisor: Supervisor,
    log: PathBuf,
}

impl Running {
    fn start(world: &World, acl: &Acl) -> Result<Self> {
        let Acl { operation, resource, name, .. } = acl;
        Self::start_named(world, &format!("{operation:?}-{resource}-{name}").replace(' ', "-"))
    }

    fn start_named(world: &World, name: &str) -> Result<Self> {
        let log = world.path(&format!("{name}.log"));
        let mut command = world.cordon(STAGE);
        command.args(["run", STAGE]).stdout(Stdio::null()).stderr(File::create(&log)?);
        Ok(Self { supervisor: Supervisor::start(&mut command)?, log })
    }

    /// Waits until it stopped by itself, and returns what it said.
    fn words_when_it_stopped(&mut self) -> Result<String> {
        let status: ExitStatus =
            wait_for("the stage stops by itself", PATIENCE, || self.supervisor.ended())?;
        let words = fs::read_to_string(&self.log)?;
        ensure!(status.code() == Some(HALTED), "it ended with {status}: {words}");
        Ok(words)
    }
}
