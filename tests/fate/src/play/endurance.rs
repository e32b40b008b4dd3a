//! Nobody's fault, again and again: couriers killed at random, and a group that never rests. No
//! datapoint may pay for it.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::log::{Consumer as _, Log as _, Polled};
use cordon_kafka::topology::Topology;
use cordon_tests::{diary::Note, patience::wait_for, stage::PATIENCE};
use rustix::process::{Pid, Signal, kill_process_group};

use super::feed_until_it_begins;
use crate::{
    place::{Place, STAGE},
    plant::File,
    report::Report,
};

/// Both.
pub fn play(report: &mut Report, place: &mut Place) {
    report.play("Kafka: thirty random kills without a killer", || random_kills(place));
    let rebalances = report.play("Kafka: a thousand rebalances", || rebalances(place));
    report.figure("rebalances", rebalances);
}

/// Several payloads on several partitions.
fn ordinary(name: &str) -> Vec<File> {
    (0..4).map(|n| File::new(&format!("{name} {n}"), 400, [])).collect()
}

fn random_kills(place: &mut Place) -> Result<()> {
    const KILLS: usize = 30;
    let mut stage = place.stage(|_| {})?;
    let mut fed = Vec::new();
    let mut random = 7_u64;
    for n in 0..KILLS {
        stage.wait_until_it_owns()?;
        let files = ordinary(&format!("random {n}"));
        feed_until_it_begins(place, &mut stage, &files)?;
        fed.extend(files);
        // Up to a third of a second: anywhere in the batch or behind it.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        thread::sleep(Duration::from_millis(random >> 33 & 0xff));
        // The supervisor dies with it: one that lives waits ever longer before it starts another.
        let group = Pid::from_raw(stage.supervisor().cast_signed()).context("a process group")?;
        kill_process_group(group, Signal::KILL)?;
        drop(stage);
        stage = place.stage(|_| {})?;
    }
    place.settle(|| stage.notes().map(drop))?;
    place.check(&fed)?;
    stage.stop()
}

/// Another member comes and goes; each time is two rebalances.
fn rebalances(place: &mut Place) -> Result<usize> {
    const REBALANCES: usize = 1_000;
    const FEED_EVERY: usize = 20;
    let mut stage = place.stage(|_| {})?;
    stage.wait_until_it_owns()?;
    let log = place.world.log(STAGE)?;
    let spec = &place.world.topology().stages[STAGE];
    let topics: Vec<String> = spec.live.iter().chain(&spec.replay).cloned().collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let mut fed = Vec::new();
    let mut turns = 0;
    while assignments(stage.notes()?) < REBALANCES {
        if turns % FEED_EVERY == 0 {
            let files = ordinary(&format!("rebalance {turns}"));
            place.feed(&files)?;
            fed.extend(files);
        }
        turns += 1;
        let mut guest = log.consumer(&Topology::group(STAGE), &topics)?;
        wait_for("the guest is given partitions", PATIENCE, || {
            Ok(match guest.poll(Duration::from_millis(10))? {
                Polled::Assigned(_) => Some(()),
                _ => None,
            })
        })?;
    }
    place.settle(|| stage.notes().map(drop))?;
    place.check(&fed)?;
    let rebalances = assignments(stage.notes()?);
    stage.stop()?;
    ensure!(rebalances >= REBALANCES, "{rebalances} rebalances");
    Ok(rebalances)
}

/// Times that the group changed what the courier owns.
fn assignments(notes: &[Note]) -> usize {
    notes.iter().filter(|note| matches!(note, Note::Assigned(_) | Note::Gone(1..))).count()
}
