//! History is processed again, on a real Kafka and a real S3 API: ranges are replayed several times
//! over while the command and the couriers are killed with SIGKILL, files are ingested again, the
//! lister names what no pointer names, and letters are driven again. Nothing is lost, nothing
//! happens twice within a replay, and graph and findings stay what a single pass gives, as an
//! independent checker computes from the raw lines.

#![expect(clippy::print_stdout, reason = "the test prints its figures")]

mod content;
mod letters;
mod lister;
mod ranges;
mod stages;

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Result, ensure};
use cordon_load::{Settings, Telemetry};
use cordon_tests::{checker::Checker, patience::now, telemetry, world::World};
use serde_json::Value;

use crate::{content::Content, stages::Stages};

type Figures = BTreeMap<&'static str, Value>;

#[test]
fn history_is_processed_again_and_converges() {
    let world = World::start().unwrap();
    if let Err(error) = run(&world) {
        // While the world is there, so that it is kept.
        panic!("{error:#}");
    }
}

fn run(world: &World) -> Result<()> {
    let started = now();
    let checker = Checker::find()?;
    let files = corpus(world)?;
    let recount = checker.start("graph", files.iter().map(Into::into))?;
    let mut stages = Stages::start(world)?;
    stages::ingest(world, &files)?;
    stages::settle(world)?;
    let single = Content::of(world, &checker)?;
    let recomputed = recount.verdict()?["recomputed"].take();
    ensure!(single.graph == recomputed["hash"], "{single:?}; from the raw lines: {recomputed}");

    let mut figures = Figures::new();
    ranges::what_a_dry_run_counts(world)?;
    let replays = ranges::replay_with_kills(world, &mut stages)?;
    stages::settle(world)?;
    let after_ranges = Content::of(world, &checker)?;
    ensure!(after_ranges == single, "after replays {after_ranges:?}, single pass {single:?}");

    stages::ingest(world, &files)?;
    let listed = lister::orphans_come_back(world)?;
    stages::settle(world)?;
    let letters = letters::drive_again(world, &mut stages)?;

    let (report, checked) = stages::audits(world, &checker)?;
    let last = Content::of(world, &checker)?;
    stages.stop()?;
    figures.insert("replays", replays.into());
    figures.insert("listed", listed.into());
    figures.insert("lost", report["total"]["lost"].clone());
    figures.insert("duplicated", report["total"]["duplicated"].clone());
    figures.insert("checker_clean", checked["clean"].clone());
    figures.insert("graph_equal", (last.graph == single.graph).into());
    figures.insert("findings_equal", (last.findings == single.findings).into());
    figures.insert("graph_hash", last.graph.clone());
    figures.insert("datapoints", recomputed["datapoints"].clone());
    figures.insert("letters_resolved", letters.resolved.into());
    figures.insert("letters_expected", letters.expected.into());
    figures.insert("letters_dead_again", letters.dead_again.into());
    figures.insert("seconds", started.elapsed().as_secs().into());
    println!("figures: {}", serde_json::to_string(&figures)?);
    ensure!(last == single, "at the end {last:?}, single pass {single:?}");
    ensure!(letters.resolved == letters.expected, "{letters:?}");
    Ok(())
}

/// Real archives where they are, else generated telemetry; and a file of which stages refuse lines.
fn corpus(world: &World) -> Result<Vec<PathBuf>> {
    let refused = world.path("refused.json");
    fs::write(&refused, letters::REFUSED.repeat(letters::REFUSED_LINES))?;
    let data = std::env::var_os("CORDON_DATA").map(PathBuf::from);
    let archives = data.map(|data| data.join("otrf/windows")).filter(|dir| dir.is_dir());
    let mut files = match archives {
        Some(dir) => named(&dir, &["reg_dump_sam", "powerdump", "ninjacopy", "rdp_interactive"])?,
        None => generate(world)?,
    };
    files.push(refused);
    Ok(files)
}

fn named(dir: &std::path::Path, parts: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if parts.iter().any(|part| name.contains(part)) {
            found.push(path);
        }
    }
    ensure!(found.len() == parts.len(), "{} lacks some of {parts:?}", dir.display());
    Ok(found)
}

/// Files of telemetry that stand for archives where there are none: each makes an object of its own.
const GENERATED_FILES: usize = 5;
/// Lines in each of them.
const GENERATED_LINES: usize = 4_000;

fn generate(world: &World) -> Result<Vec<PathBuf>> {
    println!("no real telemetry here (CORDON_DATA): generated telemetry");
    let mut lines = Telemetry::new(Settings::default());
    let files = (0..GENERATED_FILES).map(|n| world.path(&format!("generated-{n}.jsonl")));
    files
        .map(|path| {
            telemetry::write(&path, lines.by_ref().take(GENERATED_LINES))?;
            Ok(path)
        })
        .collect()
}
