//! Compute is ephemeral: couriers and zygotes are replaced while they work, nothing is lost, and
//! nothing of the old ones is left.

#![expect(clippy::print_stdout, reason = "the test prints its figures")]

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Result, ensure};
use cordon_load::{Settings, Telemetry};
use cordon_tests::{
    audit::{FAULTS, ensure_none, settle_stage},
    patience::wait_for,
    stage::Stage,
    telemetry,
    world::World,
};
use serde_json::json;

const STAGE: &str = "generate";
/// The shortest age that there is.
const RECYCLE_SECONDS: &str = "10";
/// Couriers to see.
const COURIERS: usize = 4;
/// Lines of a file.
const LINES: usize = 500;
/// For the last file to be worked off.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a supervisor has: a zygote and a courier.
const CHILDREN: usize = 2;

#[test]
fn couriers_are_recycled_under_load_and_leave_nothing_behind() {
    let world = World::start().unwrap();
    if let Err(error) = run(&world) {
        // While the world is there, so that it is kept.
        panic!("{error:#}");
    }
}

fn run(world: &World) -> Result<()> {
    let places = ["cwd", "home", "tmp"].map(|name| world.path(name));
    places.iter().try_for_each(fs::create_dir)?;
    let [cwd, home, tmp] = &places;
    let mut stage = Stage::start(world, STAGE, STAGE, |command| {
        command
            .current_dir(cwd)
            .env("HOME", home)
            .env("TMPDIR", tmp)
            .env("CORDON_COURIER_RECYCLE_SECONDS", RECYCLE_SECONDS);
    })?;
    stage.wait_until_it_owns()?;
    let mut lines = Telemetry::new(Settings::default());
    let mut fed = 0;
    while stage.couriers()?.len() < COURIERS {
        let path = world.path("fed.jsonl");
        telemetry::write(&path, lines.by_ref().take(LINES))?;
        fed += world.ingest(&[path])?;
    }
    let report = settle_stage(world, STAGE, fed, PATIENCE)?;
    ensure_none(&report["total"], &FAULTS)?;
    // To be replaced is nobody's fault.
    ensure!(dead_by_crash(world)? == 0, "letters of crashes");

    // It may be at replacing them just now.
    let couriers = wait_for("the last courier and its zygote alone live", PATIENCE, || {
        let (couriers, living) = (stage.couriers()?, stage.children()?);
        let still: Vec<&u32> = couriers.iter().filter(|pid| living.contains(pid)).collect();
        let are_those = living.len() == CHILDREN && still.into_iter().eq(couriers.last());
        Ok(are_those.then_some(couriers))
    })?;
    for place in &places {
        let left: Vec<PathBuf> =
            fs::read_dir(place)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        ensure!(left.is_empty(), "the stage left {left:?}");
    }
    stage.stop()?;
    println!(
        "figures: {}",
        json!({
            "recycled": couriers.len() - 1,
            "datapoints": fed,
            "lost": report["total"]["lost"],
            "duplicated": report["total"]["duplicated"],
            "files_left": 0,
        })
    );
    Ok(())
}

/// How many letters say that a datapoint killed somebody.
fn dead_by_crash(world: &World) -> Result<usize> {
    let list = ["dead", "list", "--json", "--reason", "crash"];
    let printed = world.run("reader", &list)?;
    Ok(str::from_utf8(&printed)?.lines().count())
}
