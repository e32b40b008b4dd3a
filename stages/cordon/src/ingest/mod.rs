//! `cordon ingest`: files in, pointers out. This process moves bytes; cells unpack and parse them.
//!
//! ```text
//! worker, one for each file at hand           committer
//! file ─▶ memfd, SHA-256 ─▶ cell ─▶ checked ─▶ PUT ═▶ begin, pointers, letters, receipt, commit
//!                             ◀── next range ──┘
//! ```
//!
//! Ingest consumes no topic, so no broker remembers where it was. Killed and run again it starts
//! over, and the origin of each datapoint (file, record) makes the results converge: the audit
//! says *reingested*, not duplicated. A transaction whose outcome nobody knows is handled as if
//! the command had been run again for this range: a new producer, which settles the old
//! transaction either way, then new objects under new keys.
//!
//! A file of which nothing could be read leaves nothing in Kafka; the error names it, and it can
//! be given again. A bad file never keeps the others out.

pub(crate) mod command;
mod commit;
mod course;
mod error;
mod files;
mod input;
mod progress;
mod summary;
mod worker;

use std::{
    sync::{Arc, atomic::AtomicUsize, mpsc},
    thread,
};

use anyhow::{Context, Result};
use cordon_cell::Cells;
use cordon_courier::StageSettings;
use cordon_kafka::{log::Log, topology::Topology};
use cordon_store::Store;

use self::{
    commit::{Committer, Outlet},
    error::IngestError,
    files::Found,
    progress::Progress,
    summary::{IngestSummary, Tally},
    worker::{News, Worker},
};
use crate::{
    patience::now,
    wiring::{self, SideTopics},
};
pub(crate) use files::find;

/// Files whose cells run at the same time, at most. Each may hold a file in memory.
const WORKERS_MAX: usize = 4;
/// Ranges that wait to be committed; each holds the output of a cell.
const QUEUE_MAX: usize = 2;

/// Everything ingest works with.
pub(crate) struct Ingest<'a, L: Log> {
    pub(crate) log: &'a L,
    pub(crate) store: &'a Store,
    pub(crate) cells: &'a Cells,
    pub(crate) runtime: &'a tokio::runtime::Handle,
    pub(crate) settings: &'a StageSettings,
    pub(crate) transactional_id: String,
}

impl<L: Log> Ingest<'_, L> {
    /// Ingests files. What is wrong with single ones is in the summary.
    ///
    /// # Errors
    ///
    /// Kafka, the store or the zygote does not serve. What was committed by then stays, and running
    /// it again is safe.
    pub(crate) fn run(&self, found: Found) -> Result<IngestSummary, IngestError> {
        let started = now();
        let outlet = self.outlet();
        let mut committer = Committer::open(&outlet)?;
        let progress = Progress::new(found.bytes);
        let mut tally = Tally::new(found.faults);
        let next = AtomicUsize::new(0);
        let (sender, news) = mpsc::sync_channel(QUEUE_MAX);
        thread::scope(|scope| {
            let workers = self.cells.cells_max().clamp(1, WORKERS_MAX).min(found.files.len());
            for _ in 0..workers {
                let worker = Worker { cells: self.cells, outlet: &outlet, news: sender.clone() };
                let (files, next) = (&found.files, &next);
                scope.spawn(move || worker.run(files, next));
            }
            drop(sender);
            for news in news {
                match news {
                    News::Range(range) => tally.range(&committer.commit(*range)?),
                    News::Read(bytes) => progress.advance(bytes),
                    News::Done(done) => tally.done(&done),
                    News::Fault(fault) => tally.fault(&fault),
                    News::Fatal(error) => return Err(error),
                }
            }
            Ok(())
        })?;
        progress.finish();
        Ok(tally.summary(started.elapsed()))
    }

    fn outlet(&self) -> Outlet<'_, L> {
        let Self { log, store, runtime, settings, transactional_id, .. } = self;
        Outlet { log, store, runtime, settings, transactional_id }
    }
}

/// What ingest is told: a stage's settings without an input.
pub(crate) fn settings(topology: &Topology, log: &impl Log) -> Result<StageSettings> {
    let producer = topology.producers.get("ingest").context("the topology has no ingest")?;
    let side = SideTopics::of("ingest");
    Ok(StageSettings {
        stage: "ingest".to_owned(),
        version: wiring::version().to_owned(),
        input: cordon_courier::InputKind::Raw,
        live_topics: Vec::new(),
        replay_topics: Vec::new(),
        output_topic: Arc::from(producer.output.as_str()),
        output_replay_topic: Arc::from(producer.output.as_str()),
        output_partitions: side.output_partitions(std::slice::from_ref(&producer.output), log)?,
        output_schema: cordon_records::schema::LOG_DATAPOINT.current().fingerprint,
        dead_topic: side.dead,
        receipts_topic: side.receipts,
        metrics_topic: side.metrics,
        group: String::new(),
        bucket: topology.bucket.clone(),
        limits: cordon_courier::Limits::default(),
    })
}
