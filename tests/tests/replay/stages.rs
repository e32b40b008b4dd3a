//! The running stages, what goes in, and the audits.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use cordon_tests::{
    audit::{self, audit},
    checker::Checker,
    stage::Stage,
    world::World,
};
use serde_json::Value;

/// When a group gives up a dead member. Each kill costs as long, so it is short; and above what a
/// loaded machine may hold a heartbeat back.
const SESSION_TIMEOUT_MS: &str = "8000";

/// For everything to come out, on a machine that others use, too.
const DRAIN_PATIENCE: Duration = Duration::from_secs(600);

/// One courier of each stage but pack.
pub(crate) struct Stages(BTreeMap<String, Stage>);

impl Stages {
    pub(crate) fn start(world: &World) -> Result<Self> {
        let mut stages = BTreeMap::new();
        for stage in ["generate", "match", "merge"] {
            let started = Stage::start(world, stage, stage, |command| {
                command.env("CORDON_KAFKA_SESSION_TIMEOUT_MS", SESSION_TIMEOUT_MS);
            })?;
            stages.insert(stage.to_owned(), started);
        }
        for stage in stages.values_mut() {
            stage.wait_until_it_owns()?;
        }
        Ok(Self(stages))
    }

    /// Kills the courier of a stage with SIGKILL; its supervisor starts another.
    pub(crate) fn kill(&mut self, stage: &str) -> Result<()> {
        self.0.get_mut(stage).context("a stage")?.kill_courier().map(drop)
    }

    pub(crate) fn stop(self) -> Result<()> {
        self.0.into_values().try_for_each(Stage::stop)
    }
}

/// Ingests files.
pub(crate) fn ingest(world: &World, files: &[PathBuf]) -> Result<()> {
    let output = world.cordon("ingest").arg("ingest").args(files).output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cordon ingest: {}: {words}", output.status);
    Ok(())
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
    for fault in ["lost", "duplicated", "both", "phantom", "gaps", "overlaps", "dangling"] {
        ensure!(audit["total"][fault] == 0, "{fault}: {audit:#}");
        ensure!(checked[fault] == 0, "the checker: {fault}: {checked:#}");
    }
    ensure!(audit["total"]["reingested"] != 0, "nothing was ingested again: {audit:#}");
    Ok((audit, checked))
}
