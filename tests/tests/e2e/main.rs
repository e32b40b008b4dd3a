//! The whole pipeline on a real Kafka (SASL, ACLs, a principal for each program) and a real S3
//! API, while couriers of every stage and an ingest are killed with SIGKILL in the middle of their
//! work: nothing is lost, nothing happens twice, and the graph is what an independent checker
//! computes from the raw lines.
//!
//! Telemetry is fed in portions, so that there is work in flight for every kill: files by `cordon
//! ingest`, and plain records by a shipper that is not cordon's. On a machine without the real
//! archives the same runs on generated telemetry.

#![expect(clippy::print_stdout, reason = "the test prints its figures")]

mod checks;
mod corpus;
mod evidence;
mod feed;
mod fleet;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, bail, ensure};
use cordon_tests::{
    audit::{audit, settle},
    checker::{Checker, Running},
    patience::now,
    world::World,
};
use serde_json::Value;

use crate::{
    checks::{Redone, Verdict},
    corpus::{Corpus, Portion},
    evidence::Evidence,
    fleet::{Aim, Fleet},
};

/// For everything that was fed to come out, after the last courier that died is back.
const DRAIN_PATIENCE: Duration = Duration::from_secs(120);
/// Datapoints that half of all payloads hold at load, at least: each is a GET and a PUT.
const PAYLOAD_DATAPOINTS_MIN: i64 = 100;
/// Distinct datapoints that must have come through all stages.
const DATAPOINTS_MIN: i64 = 100_000;
/// Of them through `raw`, the shipper's way.
const SHIPPED_MIN: i64 = 10_000;

#[test]
fn nothing_is_lost_or_doubled_while_couriers_are_killed() {
    let world = World::start().unwrap();
    if let Err(error) = run(&world) {
        // While the world is there, so that it is kept.
        panic!("{error:#}");
    }
}

fn run(world: &World) -> Result<()> {
    let started = now();
    let checker = Checker::find()?;
    let corpus = Corpus::find_or_generate(&world.path("."))?;
    if !corpus.is_real {
        println!("no real telemetry here (CORDON_DATA): generated telemetry");
    }
    // The checker is slow; it computes while the groups wait for their dead members.
    let recount = checker.start("graph", corpus.files().into_iter().map(Into::into))?;
    let mut fleet = Fleet::start(world)?;
    let fed = feed_and_kill(world, &checker, &corpus, &mut fleet)?;
    settle(world, DRAIN_PATIENCE)?;
    let audit = audit(world, &[])?;
    let mut verdict = Verdict::default();
    let mut figures = check_accounts(world, &checker, &audit, &fed, &mut verdict)?;
    figures.extend(check_content(world, &checker, &corpus, recount, &mut verdict)?);
    figures.extend(check_work(world, &mut fleet, &mut verdict)?);
    fleet.stop()?;
    figures.insert("is_real", corpus.is_real.into());
    figures.insert("seconds", started.elapsed().as_secs().into());
    println!("figures: {}", serde_json::to_string(&figures)?);
    verdict.end()
}

/// What was fed.
#[derive(Default)]
struct Fed {
    /// Records that became datapoints of `cordon ingest`, those of repeated files once.
    ingested: i64,
    /// Records that a shipper wrote.
    shipped: i64,
    /// Files that a killed ingest had committed, and the next one ingested again.
    files_repeated: usize,
    /// What the checker said of the pipeline while it was at work.
    audit_at_work: Value,
}

/// Three rounds. Every courier is killed when a batch begins, most also when one was stored.
fn feed_and_kill(
    world: &World,
    checker: &Checker,
    corpus: &Corpus,
    fleet: &mut Fleet,
) -> Result<Fed> {
    let [first, second, third] = &corpus.portions[..] else { bail!("three portions") };
    let mut fed = Fed::default();
    let begins = ["pack", "generate", "match", "merge"].map(|stage| (stage, Aim::Begins));
    fleet.kill_while(world, &begins, || {
        fed.shipped += feed::ship(world, checker, &first.shipped)?;
        fed.files_repeated = feed::ingest_killed(world, &first.files)?;
        fed.ingested += feed::ingest(world, &first.files)?;
        Ok(())
    })?;
    // Partitions change hands while there is work in flight.
    fleet.reinforce(world, "generate")?;
    // Match stores too seldom to be waited for: findings are few.
    let targets = [("pack", Aim::Stored), ("match", Aim::Begins), ("merge", Aim::Stored)];
    fleet.kill_while(world, &targets, || feed_portion(world, checker, second, &mut fed))?;
    let targets = [("generate", Aim::Stored), ("match", Aim::Begins), ("merge", Aim::Begins)];
    fleet.kill_while(world, &targets, || {
        let audit = checker.start_on(world, "audit")?;
        feed_portion(world, checker, third, &mut fed)?;
        fed.audit_at_work = audit.verdict()?;
        Ok(())
    })?;
    Ok(fed)
}

fn feed_portion(world: &World, checker: &Checker, portion: &Portion, fed: &mut Fed) -> Result<()> {
    fed.shipped += feed::ship(world, checker, &portion.shipped)?;
    fed.ingested += feed::ingest(world, &portion.files)?;
    Ok(())
}

type Figures = BTreeMap<&'static str, Value>;

/// Has every datapoint exactly one fate, and do two audits agree on every count?
fn check_accounts(
    world: &World,
    checker: &Checker,
    audit: &Value,
    fed: &Fed,
    verdict: &mut Verdict,
) -> Result<Figures> {
    let checked = checker.check(world, "audit")?;
    let differences = checks::differences(audit, &checked)?;
    verdict.holds(differences.is_empty(), || format!("the audits differ: {differences:#?}"));
    verdict.holds(checked["moving"] == false, || "the checker's audit is moving".to_owned());
    let at_work = &fed.audit_at_work;
    verdict.holds(at_work["clean"] == true || at_work["moving"] == true, || {
        format!("faults of a pipeline at work: {at_work}")
    });

    let total = &audit["total"];
    let faults =
        ["lost", "duplicated", "both", "phantom", "gaps", "overlaps", "dangling", "pending"];
    for fault in faults {
        verdict.holds(total[fault] == 0, || format!("{fault}: {audit:#}"));
    }
    let count = |stage: &str, name: &str| checks::count(audit, stage, name);
    let reingested = count("ingest", "reingested")?;
    let (ingested, packed) = (count("ingest", "output")?, count("pack", "datapoints")?);
    verdict.holds(reingested > 0 && fed.files_repeated > 0, || "nothing was reingested".to_owned());
    verdict.holds(ingested - reingested == fed.ingested, || {
        format!("ingest output {ingested}, of them again {reingested}; fed {}", fed.ingested)
    });
    verdict.holds(packed == fed.shipped, || format!("packed {packed} of {}", fed.shipped));
    verdict.holds(packed >= SHIPPED_MIN, || format!("only {packed} were shipped"));
    let distinct = fed.ingested + count("pack", "output")?;
    verdict.holds(checked["origins"] == distinct, || {
        format!("{} distinct origins in logs, {distinct} fed", checked["origins"])
    });
    verdict.holds(distinct >= DATAPOINTS_MIN, || format!("only {distinct} datapoints"));
    Ok([
        ("datapoints", distinct.into()),
        ("shipped", packed.into()),
        ("reingested", reingested.into()),
        ("fates", total["datapoints"].clone()),
        ("lost", total["lost"].clone()),
        ("duplicated", total["duplicated"].clone()),
        ("payload_datapoints", checked["payload_datapoints"].clone()),
        ("checkers_agree", differences.is_empty().into()),
    ]
    .into())
}

/// Is the graph what the checker computes from the raw lines, and are the findings those of a run
/// in which nobody was killed?
fn check_content(
    world: &World,
    checker: &Checker,
    corpus: &Corpus,
    recount: Running,
    verdict: &mut Verdict,
) -> Result<Figures> {
    let merged = checker.check(world, "graph")?["merged"].take();
    let recomputed = recount.verdict()?["recomputed"].take();
    let graph_equal = merged["hash"].is_string() && merged["hash"] == recomputed["hash"];
    verdict.holds(graph_equal, || format!("merged: {merged}; from the raw lines: {recomputed}"));

    let undisturbed = Undisturbed::run(world, checker, corpus)?;
    let findings = checker.check(world, "findings")?;
    let findings_equal =
        findings["said"].is_string() && findings["said"] == undisturbed.findings["said"];
    verdict.holds(findings_equal, || format!("{findings}, else {}", undisturbed.findings));
    verdict.holds(findings["wrong_ids"] == 0, || format!("ids: {findings}"));
    let at_load = &undisturbed.audit["payload_datapoints"];
    for stage in ["ingest", "generate", "merge"] {
        let is_worth_a_get = at_load[stage]["median"].as_i64() >= Some(PAYLOAD_DATAPOINTS_MIN);
        verdict.holds(is_worth_a_get, || format!("{stage} writes small payloads: {at_load}"));
    }
    Ok([
        ("graph_equal", graph_equal.into()),
        ("graph_hash", merged["hash"].clone()),
        ("nodes", merged["nodes"].clone()),
        ("edges", merged["edges"].clone()),
        ("findings", findings["findings"].clone()),
        ("findings_equal", findings_equal.into()),
        ("payload_datapoints_at_load", at_load.clone()),
    ]
    .into())
}

/// The same files through `cordon demo`: nobody is killed, work queues up, and all limits are the
/// default ones.
struct Undisturbed {
    findings: Value,
    audit: Value,
}

impl Undisturbed {
    fn run(world: &World, checker: &Checker, corpus: &Corpus) -> Result<Self> {
        let out = world.path("undisturbed");
        let mut demo = world.cordon("reader");
        let output = demo.arg("demo").arg("--out").arg(&out).args(corpus.files()).output()?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cordon demo: {}: {words}", output.status);
        let check = |mode| checker.start(mode, ["--from".into(), out.clone().into()])?.verdict();
        Ok(Self { findings: check("findings")?, audit: check("audit")? })
    }
}

/// How much was done, how much of it again, and how often payloads were fetched for it.
fn check_work(world: &World, fleet: &mut Fleet, verdict: &mut Verdict) -> Result<Figures> {
    let evidence = Evidence::read(world)?;
    let stages = world.topology().stages.keys().map(String::as_str);
    let in_flight = checks::kills_in_flight(fleet.kills(), stages, &evidence, verdict);
    let kills = fleet.kills().count();
    let redone = Redone::count(&fleet.notes()?, kills, &evidence);
    verdict.holds(redone.batches <= redone.bound(), || {
        format!("{} batches redone, at most {}", redone.batches, redone.bound())
    });
    let fetches = checks::fetched_once(&fleet.fetched(world), &evidence, verdict);
    Ok([
        ("kills", kills.into()),
        ("kills_in_flight", in_flight.into()),
        ("slots_killed", redone.slots_killed.into()),
        ("slots_lost_partition", redone.slots_lost_partition.into()),
        ("batches_begun", redone.begun.into()),
        ("batches_redone", redone.batches.into()),
        ("batches_redone_bound", redone.bound().into()),
        ("payload_fetches", fetches.into()),
    ]
    .into())
}
