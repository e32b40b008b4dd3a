//! What `cordon audit` says of a pipeline, asked as the principal *reader*.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::Value;

use crate::{patience::now, world::World};

/// Between audits of a pipeline that is still at work; each reads everything.
const AUDIT_EVERY: Duration = Duration::from_millis(500);

/// What no pipeline may show, at rest or at work. Objects that are missing are seen by an audit that
/// fetches them.
pub const FAULTS: [&str; 7] =
    ["lost", "duplicated", "both", "phantom", "gaps", "overlaps", "dangling"];

/// Audits. One that finds something wrong is an answer, too.
///
/// # Errors
///
/// There is no report.
pub fn audit(world: &World, arguments: &[&str]) -> Result<Value> {
    let output = world.cordon("reader").args(["audit", "--json"]).args(arguments).output()?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| anyhow!("no report: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Waits until all that is there has come out.
///
/// # Errors
///
/// It does not come to rest within `patience`.
pub fn settle(world: &World, patience: Duration) -> Result<()> {
    until(world, &["--no-objects"], patience, |report| report["total"]["pending"] == 0).map(drop)
}

/// Waits until these stages, whatever others there are, have nothing left to do.
///
/// # Errors
///
/// They have within `patience`.
pub fn settle_stages(world: &World, stages: &[&str], patience: Duration) -> Result<()> {
    let is_idle = |report: &Value| {
        stages.iter().all(|stage| of_stage(report, stage).is_ok_and(|of| of["pending"] == 0))
    };
    until(world, &["--no-objects"], patience, is_idle).map(drop)
}

/// Waits until one stage, whatever others there are, has worked off all that it was fed, and
/// returns the report.
///
/// # Errors
///
/// It has not within `patience`.
pub fn settle_stage(
    world: &World,
    stage: &str,
    datapoints: i64,
    patience: Duration,
) -> Result<Value> {
    until(world, &[], patience, |report| {
        // A stage that has done nothing is not told of.
        let of_stage = of_stage(report, stage).unwrap_or(&Value::Null);
        let count = |name: &str| of_stage[name].as_i64().unwrap_or_default();
        let done = count("output") + count("dead") + count("not_mapped");
        done == datapoints && count("pending") == 0
    })
    .with_context(|| format!("{stage} was fed {datapoints} datapoints"))
}

/// Audits until a report is over, and nothing moved while it was made; returns it.
fn until(
    world: &World,
    arguments: &[&str],
    patience: Duration,
    is_over: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let started = now();
    loop {
        let report = audit(world, arguments)?;
        if report["moving"] == false && is_over(&report) {
            return Ok(report);
        }
        if started.elapsed() > patience {
            bail!("the pipeline did not come to rest: {report:#}");
        }
        thread::sleep(AUDIT_EVERY);
    }
}

/// Fails where a report, or what it says of a stage, counts any of these.
///
/// # Errors
///
/// The first of them, with all that is counted.
pub fn ensure_none(counts: &Value, names: &[&str]) -> Result<()> {
    for name in names {
        ensure!(counts[*name] == 0, "{name}: {counts:#}");
    }
    Ok(())
}

/// What a report counts for a stage, or for ingest.
///
/// # Errors
///
/// It does not tell of it: nothing was done there.
pub fn of_stage<'r>(report: &'r Value, name: &str) -> Result<&'r Value> {
    // A list of pairs: a name, and its counts.
    let stages = report["stages"].as_array().context("a report has stages")?;
    let found = stages.iter().find(|stage| stage[0] == name);
    Ok(&found.with_context(|| format!("no counts of {name}"))?[1])
}
