//! Couriers that are not dead but stand still, couriers that are there twice, and answers that are
//! late or lost, on Kafka.

use std::{process::Command, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::local::proxy::{
    Strike,
    api_key::{ADD_OFFSETS_TO_TXN, END_TXN, TXN_OFFSET_COMMIT},
};
use cordon_records::BatchId;
use cordon_tests::{
    diary::Note,
    patience::wait_for,
    stage::{PATIENCE, Stage},
    world::key_of,
};
use rustix::process::{Signal, kill_process};

use super::{TRANSACTIONAL_ID, feed_until_it_begins};
use crate::{
    killer::Deed,
    place::{Place, SESSION_TIMEOUT, STAGE},
    plant::File,
    report::Report,
};

/// Kafka's default for how often it looks for transactions that took too long, and more.
const TRANSACTION_SWEEP: Duration = Duration::from_secs(11);

/// All of them.
pub fn play(report: &mut Report, place: &mut Place) {
    report.play("Kafka: SIGSTOP past the session timeout", || {
        stopped(place, "session", None, SESSION_TIMEOUT + Duration::from_secs(2))
    });
    // The commit is on its way when the courier stops, and arrives when the broker has aborted.
    let late = SESSION_TIMEOUT + TRANSACTION_SWEEP;
    report.play("Kafka: SIGSTOP past the transaction timeout, a late commit", || {
        stopped(place, "transaction", Some((END_TXN, late)), late + Duration::from_secs(2))
    });
    report.play("Kafka: SIGSTOP past the transaction timeout, late offsets", || {
        stopped(place, "offsets", Some((TXN_OFFSET_COMMIT, late)), late + Duration::from_secs(2))
    });
    report.play("Kafka: one slot twice", || one_slot_twice(place));
    report.play("Kafka: one, four, one couriers, over and over", || scaling(place));
    report.play("Kafka: late answers to the end of transactions", || late_answers(place));
    report.play("Kafka: lost answers to the end of transactions", || lost_answers(place));
}

/// A payload whose batch takes a second or two, so that there is time to see it begin.
fn slow(name: &str) -> [File; 1] {
    [File::new(name, 60, [(10, Deed::Loop), (30, Deed::Abort)])]
}

fn second(place: &Place, slot: usize, courier: usize) -> Result<Stage> {
    place.stage_named(STAGE, &key_of(STAGE, courier), |command: &mut Command| {
        command.env("CORDON_SLOT_BASE", slot.to_string());
    })
}

/// The courier stands still in the middle of a batch; another takes over; it wakes, and must commit
/// nothing.
fn stopped(
    place: &mut Place,
    name: &str,
    late: Option<(i16, Duration)>,
    time: Duration,
) -> Result<()> {
    let mut zombie = place.stage(|_| {})?;
    zombie.wait_until_it_owns()?;
    let files = slow(&format!("stopped past {name}"));
    feed_until_it_begins(place, &mut zombie, &files)?;
    if let Some((kind, by)) = late {
        let before = place.proxy()?.struck();
        place.proxy()?.strike_within(kind, TRANSACTIONAL_ID, Strike::Late(by));
        wait_for("the request to Kafka", PATIENCE, || {
            Ok((place.proxy()?.struck() > before).then_some(()))
        })?;
    }
    let batch = last_begun(zombie.notes()?).context("a batch")?;
    let pid = zombie.courier()?;
    kill_process(pid, Signal::STOP)?;
    let mut other = second(place, 1, 2)?;
    // Longer than it takes the group to give the zombie up, whether or not the other is done.
    thread::sleep(time);
    place.settle(|| other.notes().map(drop))?;
    kill_process(pid, Signal::CONT)?;
    let more = slow(&format!("after {name}"));
    place.feed(&more)?;
    place.settle(|| other.notes().and(zombie.notes()).map(drop))?;
    ensure!(!place.committed()?.contains(&batch), "the zombie committed its batch");
    place.check(&files)?;
    place.check(&more)?;
    zombie.stop()?;
    other.stop()
}

fn last_begun(notes: &[Note]) -> Option<BatchId> {
    notes.iter().rev().find_map(|note| match note {
        Note::Begins(batch) => Some(*batch),
        _ => None,
    })
}

/// Two supervisors were given the same slot: their couriers fence each other. Work goes on, and
/// when one is gone, the other is well.
fn one_slot_twice(place: &mut Place) -> Result<()> {
    let mut first = place.stage(|_| {})?;
    first.wait_until_it_owns()?;
    let mut twin = second(place, 0, 2)?;
    let mut fed = Vec::new();
    for n in 0..6 {
        let files = slow(&format!("twice {n}"));
        place.feed(&files)?;
        fed.extend(files);
        thread::sleep(Duration::from_secs(2));
    }
    let fenced = started(first.notes()?) + started(twin.notes()?);
    ensure!(fenced > 2, "neither was fenced");
    twin.stop()?;
    place.settle(|| first.notes().map(drop))?;
    place.check(&fed)?;
    first.stop()
}

fn started(notes: &[Note]) -> usize {
    notes.iter().filter(|note| matches!(note, Note::Started(_))).count()
}

/// Members come and go under load, some of them killed.
fn scaling(place: &mut Place) -> Result<()> {
    let mut first = place.stage(|_| {})?;
    first.wait_until_it_owns()?;
    let mut fed = Vec::new();
    let mut feed = |place: &mut Place, n: usize| {
        let files: Vec<File> =
            (0..4).flat_map(|part| slow(&format!("scaling {n} {part}"))).collect();
        place.feed(&files)?;
        fed.extend(files);
        anyhow::Ok(())
    };
    for round in 0..3 {
        feed(place, 2 * round)?;
        let others = (1..4).map(|slot| second(place, slot, slot + 1));
        let mut others = others.collect::<Result<Vec<_>>>()?;
        for other in &mut others {
            other.wait_until_it_owns()?;
        }
        feed(place, 2 * round + 1)?;
        others[round % 3].kill_courier()?;
        for other in others {
            other.stop()?;
        }
    }
    place.settle(|| first.notes().map(drop))?;
    place.check(&fed)?;
    first.stop()
}

/// Below the time that a call may take, then beyond it: then its outcome is unknown.
fn late_answers(place: &mut Place) -> Result<()> {
    let mut stage = place.stage(|_| {})?;
    stage.wait_until_it_owns()?;
    let mut fed = Vec::new();
    for (kind, delay_ms) in
        [(END_TXN, 500), (TXN_OFFSET_COMMIT, 500), (END_TXN, 7_000), (TXN_OFFSET_COMMIT, 7_000)]
    {
        let files = slow(&format!("late {kind} {delay_ms}"));
        feed_until_it_begins(place, &mut stage, &files)?;
        place.proxy()?.delay_answers(kind, TRANSACTIONAL_ID, Duration::from_millis(delay_ms));
        thread::sleep(Duration::from_secs(10));
        place.proxy()?.hurry();
        place.settle(|| stage.notes().map(drop))?;
        fed.extend(files);
    }
    place.check(&fed)?;
    stage.stop()
}

fn lost_answers(place: &mut Place) -> Result<()> {
    let mut stage = place.stage(|_| {})?;
    stage.wait_until_it_owns()?;
    let mut fed = Vec::new();
    let before = place.proxy()?.struck();
    for round in 0..3 {
        for kind in [ADD_OFFSETS_TO_TXN, TXN_OFFSET_COMMIT, END_TXN] {
            let files = slow(&format!("lost {kind} {round}"));
            feed_until_it_begins(place, &mut stage, &files)?;
            place.proxy()?.strike_within(kind, TRANSACTIONAL_ID, Strike::LoseAnswer);
            place.settle(|| stage.notes().map(drop))?;
            fed.extend(files);
        }
    }
    ensure!(place.proxy()?.struck() == before + 9, "not every answer was lost");
    place.check(&fed)?;
    stage.stop()
}
