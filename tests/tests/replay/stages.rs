//! The running stages, what goes in, and the audits.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cordon_tests::{
    audit::{self, FAULTS, audit, ensure_none},
    checker::Checker,
    stage::Stage,
    world::World,
};
use serde_json::Value;

/// When a group gives up a dead member. Each kill costs as long, so it is short; and above what a
/// loaded machine may hold a heartbeat back.
pub(crate) const SESSION_TIMEOUT_MS: &str = "8000";

/// For everything to come out, on a machine that others use, too.
const DRAIN_PATIENCE: Duration = Duration::from_secs(600);

/// One courier of each stage but pack.
pub(crate) struct Stages {
    running: BTreeMap<String, Stage>,
    rules: PathBuf,
}

impl Stages {
    /// Starts them: generate of the version with the bug, and match with these rules.
    pub(crate) fn start(world: &World, rules: PathBuf) -> Result<Self> {
        let mut stages = Self { running: BTreeMap::new(), rules };
        let flawed = Path::new(env!("CARGO_BIN_EXE_cordon-flawed"));
        stages.start_one(world, world.program_by(flawed, "generate", "generate"), "generate")?;
        stages.start_match(world)?;
        stages.start_one(world, world.cordon("merge"), "merge")?;
        Ok(stages)
    }

    fn start_one(&mut self, world: &World, command: Command, stage: &str) -> Result<()> {
        let rules = (stage == "match").then(|| self.rules.clone());
        let mut started = Stage::start_as(world, command, stage, stage, |command| {
            command.env("CORDON_KAFKA_SESSION_TIMEOUT_MS", SESSION_TIMEOUT_MS);
            if let Some(rules) = rules {
                command.arg("--rules").arg(rules);
            }
        })?;
        started.wait_until_it_owns()?;
        self.running.insert(stage.to_owned(), started);
        Ok(())
    }

    /// Starts match anew.
    pub(crate) fn start_match(&mut self, world: &World) -> Result<()> {
        self.start_one(world, world.cordon("match"), "match")
    }

    /// Stops a stage in good order.
    pub(crate) fn stop_one(&mut self, stage: &str) -> Result<()> {
        self.running.remove(stage).context("a stage")?.stop()
    }

    /// Stops whatever runs as generate, and starts the released version.
    pub(crate) fn replace_generate(&mut self, world: &World) -> Result<()> {
        self.stop_one("generate")?;
        self.start_one(world, world.cordon("generate"), "generate")
    }

    /// Another courier runs as generate now.
    pub(crate) fn put_generate(&mut self, stage: Stage) {
        self.running.insert("generate".to_owned(), stage);
    }

    /// Kills the courier of a stage with SIGKILL; its supervisor starts another.
    pub(crate) fn kill(&mut self, stage: &str) -> Result<()> {
        self.running.get_mut(stage).context("a stage")?.kill_courier().map(drop)
    }

    pub(crate) fn stop(self) -> Result<()> {
        self.running.into_values().try_for_each(Stage::stop)
    }
}

/// Ingests files.
pub(crate) fn ingest(world: &World, files: &[PathBuf]) -> Result<()> {
    world.ingest(files).map(drop)
}

/// Waits until all that is there has come out.
pub(crate) fn settle(world: &World) -> Result<()> {
    audit::settle(world, DRAIN_PATIENCE)
}

/// The audit with every object fetched, and the checker's: both must be clean in every lane.
pub(crate) fn audits(world: &World, checker: &Checker) -> Result<(Value, Value)> {
    settle(world)?;
    let audit = audit(world, &[])?;
    let checked = checker.check(world, "audit")?;
    ensure_none(&audit["total"], &FAULTS)?;
    ensure_none(&checked, &FAULTS).context("the checker")?;
    ensure!(audit["total"]["reingested"] != 0, "nothing was ingested again: {audit:#}");
    Ok((audit, checked))
}
