//! `cordon ingest`: files in, pointers out. This process moves bytes; cells unpack and parse them.
//!
//! Ingest consumes no topic, so nothing remembers where it was: killed and run again, it starts
//! over, and the origin of each datapoint makes the results converge. For the same reason a
//! transaction whose outcome nobody knows is done again under new keys: at worst a range is
//! *reingested*, which the audit tells apart from duplicated.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use cordon_cell::{CellEnd, CellJob, CellLimits, CellResult, Cells, sealed_memfd};
use cordon_courier::{
    StageSettings,
    event::{Transaction, TransactionOutcome},
    file::{FileBatch, FileInput},
    transaction,
};
use cordon_ingest::{Budget, SHA256_OPTION};
use cordon_kafka::log::{Log, Outcome, Producer};
use cordon_records::{
    Digest, Reason,
    cell::{Job, Mode, Part, Report, Sentenced},
    single_object,
};
use cordon_store::{PutError, Store};
use serde::Serialize;

use crate::world::World;

/// A file is held in memory, and once more in the cell's input.
const FILE_BYTES_MAX: u64 = 2 << 30;
/// Files whose cells run at the same time.
const WORKERS: usize = 2;
/// Ranges that wait to be committed; each holds its output.
const QUEUE_MAX: usize = 4;
/// How often a transaction is tried.
const ATTEMPTS_MAX: u32 = 10;
/// Pause between attempts.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(500);

/// Everything ingest works with.
pub(crate) struct Ingest<'a, L: Log> {
    pub(crate) log: &'a L,
    pub(crate) store: &'a Store,
    pub(crate) cells: &'a Cells,
    pub(crate) runtime: &'a tokio::runtime::Handle,
    pub(crate) settings: &'a StageSettings,
    pub(crate) transactional_id: String,
}

/// What was ingested.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct IngestSummary {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) datapoints: i64,
    pub(crate) dead: i64,
    pub(crate) payloads: usize,
    pub(crate) payload_datapoints_median: i64,
    /// Files, or members of archives, that could not be used: one line each.
    pub(crate) faults: Vec<String>,
    #[serde(skip)]
    sizes: Vec<i64>,
}

/// One range of a file, as a cell told it.
struct Told {
    file: FileInput,
    from: i64,
    report: Report,
    output: Bytes,
}

/// What workers send.
enum News {
    Range(Box<Told>),
    /// A file is done; its size.
    Done(u64),
    Fault(String),
}

impl<L: Log> Ingest<'_, L> {
    /// Ingests files, and all files of directories, in the order of their names.
    pub(crate) fn run(&self, paths: &[PathBuf]) -> Result<IngestSummary> {
        let files = walk(paths)?;
        let total_bytes = files.iter().filter_map(|f| fs::metadata(f).ok()).map(|m| m.len()).sum();
        let bar = progress_bar(total_bytes);
        let mut writer = Writer { ingest: self, producer: self.open()? };
        let mut summary = IngestSummary::default();
        let next = AtomicUsize::new(0);
        let (sender, news) = mpsc::sync_channel(QUEUE_MAX);
        thread::scope(|scope| -> Result<()> {
            for _ in 0..WORKERS {
                let (sender, files, next) = (sender.clone(), &files, &next);
                scope.spawn(move || {
                    while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let send = |news| sender.send(news).is_ok();
                        if !split(self.cells, path, send) {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for news in news {
                match news {
                    News::Range(told) => writer.write(*told, &mut summary)?,
                    News::Fault(fault) => summary.faults.push(fault),
                    News::Done(bytes) => {
                        summary.files += 1;
                        summary.bytes += bytes;
                        bar.inc(bytes);
                    }
                }
            }
            Ok(())
        })?;
        bar.finish_and_clear();
        summary.payloads = summary.sizes.len();
        summary.sizes.sort_unstable();
        summary.payload_datapoints_median =
            summary.sizes.get(summary.sizes.len() / 2).copied().unwrap_or(0);
        Ok(summary)
    }

    fn open(&self) -> Result<L::Producer> {
        let mut producer = self.log.producer(&self.transactional_id)?;
        match producer.init() {
            Outcome::Done => Ok(producer),
            other => bail!("the producer does not open: {other:?}"),
        }
    }
}

/// Stores and commits ranges, one after the other.
struct Writer<'a, L: Log> {
    ingest: &'a Ingest<'a, L>,
    producer: L::Producer,
}

impl<L: Log> Writer<'_, L> {
    fn write(&mut self, told: Told, summary: &mut IngestSummary) -> Result<()> {
        for attempt in 1.. {
            let batch = self.batch(&told)?;
            self.put(&batch)?;
            let records = batch.records.clone();
            let transaction = Transaction { records, offsets: Vec::new() };
            match transaction::run(&mut self.producer, None, transaction) {
                TransactionOutcome::Committed => {
                    note(summary, &told.file, batch);
                    return Ok(());
                }
                TransactionOutcome::Denied(why) => bail!("denied: {why}"),
                TransactionOutcome::Fenced(why) => {
                    bail!("another ingest runs with the same transactional.id: {why}")
                }
                TransactionOutcome::Aborted(why) | TransactionOutcome::Unknown(why) => {
                    anyhow::ensure!(attempt < ATTEMPTS_MAX, "cannot commit: {why}");
                    tracing::warn!(why, attempt, "the transaction is done again");
                    thread::sleep(ATTEMPT_PAUSE);
                    self.producer = self.ingest.open()?;
                }
            }
        }
        Ok(())
    }

    /// A fresh batch, with keys of its own.
    fn batch(&self, told: &Told) -> Result<FileBatch> {
        let Ingest { settings, transactional_id, .. } = self.ingest;
        let Told { file, from, report, output } = told;
        let report = report.clone();
        FileBatch::new(settings, transactional_id, file, *from, report, output, &mut World)
            .with_context(|| format!("{}: records from {from} on", file.name))
    }

    fn put(&self, batch: &FileBatch) -> Result<()> {
        let Ingest { store, runtime, settings, .. } = self.ingest;
        for object in &batch.objects {
            for attempt in 1.. {
                let body = object.body.clone();
                let put = store.put(&settings.bucket, &object.key, body, object.digest);
                match runtime.block_on(put) {
                    Ok(()) => break,
                    Err(PutError::Unavailable(why)) if attempt < ATTEMPTS_MAX => {
                        tracing::warn!(why, attempt, "put is tried again");
                        thread::sleep(ATTEMPT_PAUSE);
                    }
                    Err(error) => return Err(error).context("cannot store a payload"),
                }
            }
        }
        Ok(())
    }
}

fn note(summary: &mut IngestSummary, file: &FileInput, batch: FileBatch) {
    summary.datapoints += batch.output;
    summary.dead += batch.dead;
    summary.sizes.extend(batch.payload_datapoints);
    let told = batch.remarks.into_iter().map(|remark| format!("{}: {remark}", file.name));
    summary.faults.extend(told);
}

/// Runs the cells of one file. `false` when nobody listens any more.
fn split(cells: &Cells, path: &Path, mut send: impl FnMut(News) -> bool) -> bool {
    let name = path.display().to_string();
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) => return send(News::Fault(format!("{name}: {error:#}"))),
    };
    let file = FileInput { sha256: Digest::of(&bytes), name };
    let mut sentenced: Vec<Sentenced> = Vec::new();
    let mut deaths: Vec<Option<i64>> = Vec::new();
    let mut from = 0;
    loop {
        let result = match run_cell(cells, &file, &bytes, from, &sentenced) {
            Ok(result) => result,
            Err(error) => return send(News::Fault(format!("{}: {error:#}", file.name))),
        };
        if result.end == CellEnd::Finished {
            let Ok(report) = single_object::decode::<Report>(&result.report) else {
                return send(News::Fault(format!("{}: unreadable report", file.name)));
            };
            let part = report.parts.first();
            let (to, is_end) = part.map_or((from, true), |p| (p.to, p.datapoints.is_some()));
            let output = Bytes::from(result.output);
            let told = Told { file: file.clone(), from, report, output };
            if !send(News::Range(Box::new(told))) {
                return false;
            }
            if is_end {
                return send(News::Done(bytes.len() as u64));
            }
            if to <= from {
                return send(News::Fault(format!("{}: no progress at record {from}", file.name)));
            }
            from = to;
            continue;
        }
        // The second death at the same place settles it.
        let at = result.at.and_then(|(_, index)| i64::try_from(index).ok());
        let is_second = deaths.contains(&at);
        deaths.push(at);
        match (is_second, at) {
            (false, _) => {}
            (true, Some(index)) if sentenced.iter().all(|s| s.index != index) => {
                sentenced.push(Sentenced {
                    part: 0,
                    index,
                    reason: Reason::Crash.word().to_owned(),
                    detail: format!("{:?}", result.end),
                    excerpt: Vec::new(),
                });
            }
            _ => {
                return send(News::Fault(format!(
                    "{}: its cell dies: {:?}",
                    file.name, result.end
                )));
            }
        }
    }
}

fn run_cell(
    cells: &Cells,
    file: &FileInput,
    bytes: &[u8],
    from: i64,
    sentenced: &[Sentenced],
) -> Result<CellResult> {
    let part = Part {
        offset_bytes: 0,
        len_bytes: bytes.len() as i64,
        schema: 0,
        from,
        to: from + Budget::DEFAULT.records,
        datapoints: None,
        decoded_bytes_max: i64::MAX,
        selection: None,
    };
    let job = Job {
        parts: vec![part],
        partitions: 1,
        chunk_datapoints: 64,
        sentenced: sentenced.to_vec(),
        frames_offset_bytes: 0,
        frames_bytes: 0,
        budget_ms: 0,
        mode: Mode::Process,
        options: [(SHA256_OPTION.to_owned(), file.sha256.to_string())].into(),
    };
    let input = sealed_memfd("file", &[bytes]).context("cannot hand the file to a cell")?;
    Ok(cells.run(CellJob { header: single_object::encode(&job)?, input, limits: limits() }))
}

/// An EVTX member is unpacked whole before its first record, so that one mark may take long.
fn limits() -> CellLimits {
    CellLimits {
        data_bytes_max: 1 << 30,
        wall_max: Duration::from_secs(600),
        datapoint_cpu_max: Duration::from_secs(20),
        datapoint_wall_max: Duration::from_secs(60),
        ..CellLimits::default()
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    if size > FILE_BYTES_MAX {
        bail!("{size} bytes are more than the limit of {FILE_BYTES_MAX}; split the file");
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size)?);
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Files in the order of their names; directories with all that is below them.
fn walk(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let metadata =
            fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if metadata.is_dir() {
            let entries =
                fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
            let mut below = entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<std::io::Result<Vec<_>>>()?;
            below.sort();
            files.extend(walk(&below)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Rate and remaining time on a terminal; nothing elsewhere.
fn progress_bar(total_bytes: u64) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(total_bytes);
    let template = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";
    if let Ok(style) = indicatif::ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// What ingest is told: a stage's settings without an input.
pub(crate) fn settings(
    topology: &cordon_kafka::topology::Topology,
    log: &impl Log,
) -> Result<StageSettings> {
    let producer = topology.producers.get("ingest").context("the topology has no ingest")?;
    Ok(StageSettings {
        stage: "ingest".to_owned(),
        version: crate::wiring::VERSION.to_owned(),
        input: cordon_courier::InputKind::Raw,
        live_topics: Vec::new(),
        replay_topics: Vec::new(),
        output_topic: Arc::from(producer.output.as_str()),
        output_partitions: log.partitions(&producer.output)?,
        output_schema: cordon_records::schema::LOG_DATAPOINT.current().fingerprint,
        dead_topic: "dead.ingest".into(),
        receipts_topic: "receipts.ingest".into(),
        metrics_topic: "metrics.ingest".into(),
        group: String::new(),
        bucket: topology.bucket.clone(),
        limits: cordon_courier::Limits::default(),
    })
}
