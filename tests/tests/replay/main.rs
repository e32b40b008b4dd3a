//! History is processed again, on a real Kafka and a real S3 API: ranges are replayed several times
//! over while the command and the couriers are killed with SIGKILL, files are ingested again, the
//! lister names what no pointer names, and letters are driven again. Nothing is lost, nothing
//! happens twice within a replay, and graph and findings stay what a single pass gives, as an
//! independent checker computes from the raw lines. Shadows differ as it computes, a version with a
//! bug is replaced and its letters resolve, versions change under load, and a stage is set back.

#![expect(clippy::print_stdout, reason = "the test prints its figures")]

mod bug;
mod content;
mod letters;
mod lister;
mod ranges;
mod reset;
mod rules;
mod shadows;
mod stages;
mod upgrade;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use cordon_load::{Settings, Telemetry};
use cordon_tests::{checker::Checker, flawed, patience::now, telemetry, world::World};
use serde_json::Value;

use crate::{content::Content, rules::Rules, stages::Stages};

type Figures = BTreeMap<&'static str, Value>;

#[test]
fn history_is_processed_again_and_converges() {
    let shadows = [(shadows::RULES, "match"), (shadows::VERSION, "generate")];
    let world = World::start_for_shadows(&shadows).unwrap();
    if let Err(error) = run(&world) {
        // While the world is there, so that it is kept.
        panic!("{error:#}");
    }
}

fn run(world: &World) -> Result<()> {
    let started = now();
    let checker = Checker::find()?;
    let files = corpus(world)?;
    let computed = |mode: &str, options: &[&str]| {
        let options = options.iter().map(OsString::from);
        checker.start(mode, options.chain(files.iter().map(Into::into)))
    };
    let recount = computed("graph", &[])?;
    let rules = Rules::write(world)?;
    let (old_rules, new_rules) = rules::told();
    let by_rules = computed("rules", &["--old", &old_rules, "--new", &new_rules])?;
    let without_marked = computed("mark", &["--mark", flawed::MARK])?;
    let mut stages = Stages::start(world, rules.old.clone())?;
    stages::ingest(world, &files)?;
    stages::settle(world)?;
    let without_marked = without_marked.verdict()?;
    let mended = bug::mend(world, &mut stages, &without_marked)?;
    let single = Content::of(world, &checker)?;
    let recomputed = recount.verdict()?["recomputed"].take();
    ensure!(single.graph == recomputed["hash"], "{single:?}; from the raw lines: {recomputed}");

    let mut figures = Figures::new();
    let by_rules = by_rules.verdict()?;
    let as_expected = shadows::differ_as_expected(world, &rules, &by_rules, &without_marked)?;
    figures.insert("shadow_diff_as_expected", as_expected.into());
    ranges::what_a_dry_run_counts(world)?;
    let replays = ranges::replay_with_kills(world, &mut stages)?;
    stages::settle(world)?;
    let after_ranges = Content::of(world, &checker)?;
    ensure!(after_ranges == single, "after replays {after_ranges:?}, single pass {single:?}");

    let versions = upgrade::roll(world, &mut stages)?;
    figures.insert("versions", upgrade::ensure_both(&versions)?);
    stages::ingest(world, &files)?;
    let listed = lister::orphans_come_back(world)?;
    stages::settle(world)?;
    let letters = letters::drive_again(world, &mut stages)?;

    let (report, checked) = stages::audits(world, &checker)?;
    // What it repeats, the audit tells as duplicated: it comes last.
    let reset = reset::to_the_middle(world, &mut stages)?;
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
    figures.insert("letters_resolved", (letters.resolved + mended.resolved).into());
    figures.insert("letters_expected", (letters.expected + mended.expected).into());
    figures.insert("payloads_after_reset", reset.into());
    figures.insert("letters_dead_again", letters.dead_again.into());
    figures.insert("seconds", started.elapsed().as_secs().into());
    println!("figures: {}", serde_json::to_string(&figures)?);
    ensure!(last == single, "at the end {last:?}, single pass {single:?}");
    ensure!(letters.resolved == letters.expected, "{letters:?}");
    ensure!(mended.resolved == mended.expected, "{mended:?}");
    Ok(())
}

/// Real archives where they are, else generated telemetry; and a file of which stages refuse lines.
fn corpus(world: &World) -> Result<Vec<PathBuf>> {
    let refused = world.path("refused.json");
    fs::write(&refused, letters::REFUSED.repeat(letters::REFUSED_LINES))?;
    let data = std::env::var_os("CORDON_DATA").map(PathBuf::from);
    let archives = data.map(|data| data.join("otrf/windows")).filter(|dir| dir.is_dir());
    let mut files = match archives {
        Some(dir) if std::env::var_os("REPLAY_CORPUS").is_some_and(|which| which == "all") => {
            all(&dir)?
        }
        Some(dir) => named(&dir, &["reg_dump_sam", "powerdump", "ninjacopy", "rdp_interactive"])?,
        None => generate(world)?,
    };
    files.push(refused);
    Ok(files)
}

fn all(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    found.sort();
    Ok(found)
}

fn named(dir: &Path, parts: &[&str]) -> Result<Vec<PathBuf>> {
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
