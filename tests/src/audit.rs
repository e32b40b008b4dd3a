//! What `cordon audit` says of a pipeline, asked as the principal *reader*.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;

use crate::{
    patience::{now, wait_for},
    world::World,
};

/// Between audits of a pipeline that is still at work; each reads everything.
const AUDIT_EVERY: Duration = Duration::from_millis(500);

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
    let started = now();
    loop {
        let report = audit(world, &["--no-objects"])?;
        if report["total"]["pending"] == 0 && report["moving"] == false {
            return Ok(());
        }
        if started.elapsed() > patience {
            bail!("the pipeline did not come to rest: {report:#}");
        }
        thread::sleep(AUDIT_EVERY);
    }
}

/// Waits until these stages, whatever others there are, have nothing left to do.
///
/// # Errors
///
/// They have within `patience`.
pub fn settle_stages(world: &World, stages: &[&str], patience: Duration) -> Result<()> {
    wait_for(&format!("{stages:?} have nothing left to do"), patience, || {
        let report = audit(world, &["--no-objects"])?;
        let is_idle = |stage: &&str| of_stage(&report, stage).is_ok_and(|of| of["pending"] == 0);
        Ok((report["moving"] == false && stages.iter().all(is_idle)).then_some(()))
    })
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
    let mut last = Value::Null;
    let what = format!("{stage} has worked off {datapoints} datapoints");
    let settled = wait_for(&what, patience, || {
        last = audit(world, &[])?;
        // A stage that has done nothing is not told of.
        let of_stage = of_stage(&last, stage).unwrap_or(&Value::Null);
        let count = |name: &str| of_stage[name].as_i64().unwrap_or_default();
        let done = count("output") + count("dead") + count("not_mapped");
        let is_over = done == datapoints && count("pending") == 0 && last["moving"] == false;
        Ok(is_over.then_some(()))
    });
    settled.with_context(|| format!("{last:#}"))?;
    Ok(last)
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
