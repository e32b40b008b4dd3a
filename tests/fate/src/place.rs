//! A real Kafka behind a proxy and a real S3 API, and what went into it and came out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Range,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result};
use cordon_kafka::local::{Options, Proxy};
use cordon_records::{BatchId, Metrics, Receipt, single_object};
use cordon_tests::{
    audit::{FAULTS, audit, ensure_none, of_stage},
    patience::wait_for,
    ran::{Ran, run},
    stage::Stage,
    world::World,
};
use serde_json::Value;

use crate::{letters::Letters, plant::File};

/// When a group gives up a dead member, here. Most scenarios kill somebody and wait as long.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(8);
/// For a stage to work off what one scenario feeds it, deaths and waits included.
const PATIENCE: Duration = Duration::from_secs(300);
/// The stage under test.
pub const STAGE: &str = "generate";

/// The servers, and all that was fed so far.
pub struct Place {
    /// Kafka and S3.
    pub world: World,
    fed: Vec<File>,
    /// Places in `logs` of what is no file: partition and offsets.
    aside: Vec<(i32, Range<i64>)>,
}

impl Place {
    /// Starts the servers, for a program that is cordon with other cells.
    pub fn start(binary: PathBuf) -> Result<Self> {
        let world = World::start_behind_proxy(binary, Options::default())?;
        fs::create_dir(world.path("fed"))?;
        Ok(Self { world, fed: Vec::new(), aside: Vec::new() })
    }

    /// What stands before the broker.
    pub fn proxy(&self) -> Result<&Proxy> {
        self.world.proxy().context("a proxy")
    }

    /// Starts the stage under test, as the process group that a machine would be.
    pub fn stage(&self, settings: impl FnOnce(&mut Command)) -> Result<Stage> {
        self.stage_named(STAGE, STAGE, settings)
    }

    /// The same for any stage, by either of its access keys.
    pub fn stage_named(
        &self,
        stage: &str,
        access_key: &str,
        settings: impl FnOnce(&mut Command),
    ) -> Result<Stage> {
        Stage::start(&self.world, stage, access_key, |command| {
            set_session_timeout(command);
            command.process_group(0);
            settings(command);
        })
    }

    /// The stage under test for one that must end by itself.
    pub fn command(&self) -> Command {
        let mut command = self.world.cordon(STAGE);
        set_session_timeout(&mut command);
        command.args(["run", STAGE]);
        command
    }

    /// Remembers where records lie that are no file's: their letters are nobody else's business.
    pub fn put_aside(&mut self, partition: i32, offsets: Range<i64>) {
        self.aside.push((partition, offsets));
    }

    /// Sends files in, a payload each.
    pub fn feed(&mut self, files: &[File]) -> Result<()> {
        let dir = self.world.path("fed");
        for file in files {
            file.write(&dir, |_| false)?;
        }
        // Letters name files as they were named here.
        let mut ingest = self.world.cordon("ingest");
        ingest.current_dir(dir).arg("ingest").args(files.iter().map(|file| &file.name));
        Ran::of(&mut ingest)?.expect(0, &[])?;
        self.fed.extend_from_slice(files);
        Ok(())
    }

    /// Everything that was fed.
    pub fn fed(&self) -> &[File] {
        &self.fed
    }

    /// Waits until the stage has given every datapoint its fate. Whatever else runs must go on.
    pub fn settle(&self, mut look: impl FnMut() -> Result<()>) -> Result<()> {
        wait_for("every datapoint has its fate", PATIENCE, || {
            look()?;
            let audit = self.audit(STAGE)?;
            Ok((audit["pending"] == 0).then_some(()))
        })
    }

    /// What the audit counts for a stage.
    pub fn audit(&self, stage: &str) -> Result<Value> {
        Ok(of_stage(&audit(&self.world, &["--no-objects"])?, stage)?.clone())
    }

    /// The letters of the stage under test.
    pub fn letters(&self) -> Result<Letters> {
        let line = format!("dead list --stage {STAGE} --json");
        let mut letters = run(&self.world, "reader", &line)?.expect(0, &[])?.json()?;
        letters.retain(|letter| {
            let place = letter["partition"].as_i64().zip(letter["offset"].as_i64());
            !place.is_some_and(|(partition, offset)| {
                let mut aside = self.aside.iter();
                aside.any(|(at, offsets)| i64::from(*at) == partition && offsets.contains(&offset))
            })
        });
        Letters::read(&letters)
    }

    /// Fails unless all that was fed came out once, with exactly the planted letters.
    pub fn check(&self, files: &[File]) -> Result<Letters> {
        let audit = self.audit(STAGE)?;
        ensure_none(&audit, &FAULTS)?;
        ensure_none(&audit, &["pending"])?;
        let letters = self.letters()?;
        letters.are_all_of(&self.fed)?;
        for file in files {
            letters.check(file).with_context(|| file.name.clone())?;
        }
        Ok(letters)
    }

    /// Every committed receipt of the stage under test.
    pub fn receipts(&self) -> Result<Vec<Receipt>> {
        let log = self.world.log("reader")?;
        let records = log.reader(&format!("receipts.{STAGE}"))?;
        records.map(|record| Ok(single_object::decode(&record?.value)?)).collect()
    }

    /// The batches that were committed.
    pub fn committed(&self) -> Result<BTreeSet<BatchId>> {
        Ok(self.receipts()?.into_iter().map(|receipt| receipt.batch).collect())
    }

    /// What the slots of the stage under test counted, summed over all that ever ran.
    pub fn counters(&self) -> Result<BTreeMap<String, i64>> {
        let log = self.world.log("reader")?;
        let (mut sums, mut last) = (BTreeMap::new(), BTreeMap::<String, Metrics>::new());
        let mut add = |metrics: &Metrics| {
            for (name, count) in &metrics.counters {
                *sums.entry(name.clone()).or_default() += count;
            }
        };
        for record in log.reader(&format!("metrics.{STAGE}"))? {
            let metrics: Metrics = single_object::decode(&record?.value)?;
            // A slot that was started anew counts from nothing.
            let before = last.insert(metrics.slot.clone(), metrics.clone());
            let is_anew = |before: &Metrics| {
                before
                    .counters
                    .iter()
                    .any(|(name, count)| metrics.counters.get(name).is_none_or(|now| now < count))
            };
            if let Some(before) = before.filter(is_anew) {
                add(&before);
            }
        }
        last.values().for_each(&mut add);
        Ok(sums)
    }

    /// The merged graph, one element a line. Waits until merge has read all there is.
    pub fn graph(&self) -> Result<String> {
        wait_for("merge has read everything", PATIENCE, || {
            Ok((self.audit("merge")?["pending"] == 0).then_some(()))
        })?;
        let ran = run(&self.world, "reader", "graph")?.expect(0, &[])?;
        String::from_utf8(ran.out).context("the graph is text")
    }
}

fn set_session_timeout(command: &mut Command) {
    command.env("CORDON_KAFKA_SESSION_TIMEOUT_MS", SESSION_TIMEOUT.as_millis().to_string());
}
