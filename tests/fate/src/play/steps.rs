//! SIGKILL at each step of a batch, on Kafka. Two proxies hold the step's request, or its answer,
//! while the courier dies.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use cordon_kafka::local::proxy::{
    Strike,
    api_key::{ADD_OFFSETS_TO_TXN, ADD_PARTITIONS_TO_TXN, END_TXN, PRODUCE, TXN_OFFSET_COMMIT},
};
use cordon_records::BatchId;
use cordon_tests::{
    diary::Note,
    patience::wait_for,
    s3::{Fault, FaultProxy},
    stage::{PATIENCE, Stage},
};

use super::{TRANSACTIONAL_ID, feed_until_it_begins};
use crate::{killer::Deed, place::Place, plant::File, report::Report};

/// Where the courier dies.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A request to S3 is held, or its answer: the first of a batch is a GET, the second a PUT.
    S3(&'static [Fault]),
    /// The first cell is about to run.
    Begins,
    /// A request to Kafka in the batch's transaction.
    Kafka(i16, Strike),
    /// The same in the transaction before it, which writes the crash marker.
    Marker(i16, Strike),
}

use Step::{Kafka, Marker};
use Strike::{HoldAnswer, HoldRequest};

const STEPS: [(&str, Step); 19] = [
    ("marker's offsets", Marker(TXN_OFFSET_COMMIT, HoldRequest)),
    ("marker's offsets sent", Marker(TXN_OFFSET_COMMIT, HoldAnswer)),
    ("marker's commit", Marker(END_TXN, HoldRequest)),
    ("marker committed", Marker(END_TXN, HoldAnswer)),
    ("before GET", Step::S3(&[Fault::Hang])),
    ("after GET", Step::S3(&[Fault::HangAnswer])),
    ("first cell", Step::Begins),
    ("before PUT", Step::S3(&[Fault::Pass, Fault::Hang])),
    ("after PUT", Step::S3(&[Fault::Pass, Fault::HangAnswer])),
    ("begin", Kafka(ADD_PARTITIONS_TO_TXN, HoldRequest)),
    ("begun", Kafka(ADD_PARTITIONS_TO_TXN, HoldAnswer)),
    ("produce", Kafka(PRODUCE, HoldRequest)),
    ("produced", Kafka(PRODUCE, HoldAnswer)),
    ("add offsets", Kafka(ADD_OFFSETS_TO_TXN, HoldRequest)),
    ("offsets added", Kafka(ADD_OFFSETS_TO_TXN, HoldAnswer)),
    ("send offsets", Kafka(TXN_OFFSET_COMMIT, HoldRequest)),
    ("offsets sent", Kafka(TXN_OFFSET_COMMIT, HoldAnswer)),
    ("commit", Kafka(END_TXN, HoldRequest)),
    ("committed", Kafka(END_TXN, HoldAnswer)),
];

/// Kills the courier at each step.
pub fn kills(report: &mut Report, place: &mut Place) -> Result<()> {
    let s3 = FaultProxy::start(place.world.s3().endpoint(), [])?;
    let mut stage = place.stage(|command| {
        command.env("CORDON_S3_ENDPOINT", s3.endpoint());
    })?;
    let mut redone_max = 0;
    for (name, step) in STEPS {
        let redone = report.play(&format!("Kafka: SIGKILL, {name}"), || {
            stage.wait_until_it_owns()?;
            // The loop gives time to see that the batch has begun.
            let deeds = [(3, Deed::Abort), (20, Deed::Loop), (40, Deed::Reject)];
            let files = [File::new(&format!("kill at {name}"), 60, deeds)];
            let last_words = kill_at(place, &mut stage, &s3, step, &files)?;
            place.settle(|| stage.notes().map(drop))?;
            place.check(&files)?;
            redone(&last_words, &place.committed()?)
        });
        redone_max = redone_max.max(redone.unwrap_or_default());
    }
    report.figure("batches_redone_max", redone_max);
    stage.stop()
}

/// How many batches the dead courier had begun and not committed.
fn redone(last_words: &[Note], committed: &BTreeSet<BatchId>) -> Result<usize> {
    let is_lost = |note: &&Note| matches!(note, Note::Begins(batch) if !committed.contains(batch));
    let redone = last_words.iter().filter(is_lost).count();
    ensure!(redone <= REDONE_MAX, "{redone} batches were done again");
    Ok(redone)
}

/// A slot has two batches in hand at most.
const REDONE_MAX: usize = 2;

/// Returns what the courier logged that died.
fn kill_at(
    place: &mut Place,
    stage: &mut Stage,
    s3: &FaultProxy,
    step: Step,
    files: &[File],
) -> Result<Vec<Note>> {
    match step {
        Step::S3(faults) => {
            s3.inject(faults.iter().copied());
            place.feed(files)?;
            wait_for("the request to S3", PATIENCE, || {
                stage.notes()?;
                Ok(s3.pending().is_empty().then_some(()))
            })?;
        }
        Step::Begins => {
            feed_until_it_begins(place, stage, files)?;
        }
        Kafka(kind, strike) => {
            feed_until_it_begins(place, stage, files)?;
            let armed = Armed::new(place, kind, strike)?;
            armed.wait(place, stage)?;
        }
        Marker(kind, strike) => {
            let armed = Armed::new(place, kind, strike)?;
            place.feed(files)?;
            armed.wait(place, stage)?;
        }
    }
    stage.kill_courier()
}

/// The next request of a kind is held.
struct Armed {
    struck_before: u32,
}

impl Armed {
    fn new(place: &Place, kind: i16, strike: Strike) -> Result<Self> {
        let proxy = place.proxy()?;
        let struck_before = proxy.struck();
        proxy.strike_within(kind, TRANSACTIONAL_ID, strike);
        Ok(Self { struck_before })
    }

    fn wait(&self, place: &Place, stage: &mut Stage) -> Result<()> {
        wait_for("the request to Kafka", PATIENCE, || {
            stage.notes()?;
            Ok((place.proxy()?.struck() > self.struck_before).then_some(()))
        })
    }
}
