//! Takes files, one after another, through their cells.

use std::{
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
    time::Duration,
};

use bytes::Bytes;
use cordon_cell::{CellEnd, CellJob, CellLimits, CellResult, Cells};
use cordon_courier::file::FileInput;
use cordon_ingest::{FileJob, FileNews};
use cordon_kafka::log::Log;
use cordon_records::{
    Reason,
    cell::{CellLetter, PartReport, Report},
    single_object,
};

use super::{
    commit::{Outlet, Range},
    course::{Ask, Course},
    error::IngestError,
    input::InputFile,
    summary::DoneFile,
};

/// Memory of a cell: a zstd window of 128 MiB, a zip of as much inside of something, and what
/// they unpack to on the way.
const CELL_DATA_BYTES_MAX: u64 = 512 << 20;
/// Time of a cell. One that resumes a large packed file unpacks it from its beginning.
const CELL_WALL_MAX: Duration = Duration::from_secs(600);
/// Time between two records. Unpacking an endless one, up to what a file may unpack to, is part
/// of it: a bomb shall end by its size, which costs nobody else anything.
const RECORD_CPU_MAX: Duration = Duration::from_secs(30);
/// The same in wall time.
const RECORD_WALL_MAX: Duration = Duration::from_secs(60);
/// A suspect alone has so many times more.
const ALONE_FACTOR: u32 = 4;

/// What workers send to the committer.
pub(super) enum News {
    /// To be committed.
    Range(Box<Range>),
    /// So many bytes of a file are done.
    Read(u64),
    /// A file is done.
    Done(DoneFile),
    /// A file, or something in it, cannot be used.
    Fault(String),
    /// Nothing can be done any more.
    Fatal(IngestError),
}

/// Why a worker leaves a file before its end.
enum Leave {
    /// The file is at fault.
    Fault(String),
    /// Nothing can be done any more.
    Fatal(IngestError),
    /// Nobody listens.
    HungUp,
}

pub(super) struct Worker<'a, L: Log> {
    pub(super) cells: &'a Cells,
    pub(super) outlet: &'a Outlet<'a, L>,
    pub(super) news: SyncSender<News>,
}

impl<L: Log> Worker<'_, L> {
    /// Takes the next file until there is none.
    pub(super) fn run(&self, files: &[PathBuf], next: &AtomicUsize) {
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let left = match self.file(path) {
                Err(Leave::Fault(fault)) => {
                    self.send(News::Fault(format!("{}: {fault}", path.display())))
                }
                Err(Leave::Fatal(error)) => self.send(News::Fatal(error)),
                other => other,
            };
            if left.is_err() {
                return;
            }
        }
    }

    fn send(&self, news: News) -> Result<(), Leave> {
        self.news.send(news).map_err(|_| Leave::HungUp)
    }

    fn file(&self, path: &Path) -> Result<(), Leave> {
        let input = InputFile::open(path).map_err(|error| Leave::Fault(error.to_string()))?;
        let mut course = Course::default();
        match self.all_cells(&input, &mut course) {
            // What was read by then stays, and a letter stands for the rest.
            Err(Leave::Fault(why)) => {
                let from = course.from();
                self.range(&input.file, from, rest_of_file(from, &why), Bytes::new())
            }
            other => other,
        }
    }

    /// Takes a file through its cells, one after another.
    fn all_cells(&self, input: &InputFile, course: &mut Course) -> Result<(), Leave> {
        let mut read_bytes = 0;
        loop {
            let result = self.cell(input, &course.ask())?;
            if result.end != CellEnd::Finished {
                mourn(input, course, &result)?;
                continue;
            }
            let report: Report = single_object::decode(&result.report)
                .map_err(|error| Leave::Fault(format!("its cell's report: {error}")))?;
            let news = FileNews::of(&report);
            course.admit(&news, input.bytes.cast_signed()).map_err(Leave::Fault)?;
            self.range(&input.file, course.from(), report, result.output.into())?;
            course.finished(&news);
            let done_bytes = match news.resume_at_bytes {
                _ if news.is_end => input.bytes,
                resume => resume.map_or(0, i64::unsigned_abs).max(read_bytes),
            };
            self.send(News::Read(done_bytes - read_bytes))?;
            read_bytes = done_bytes;
            if news.is_end {
                return self.send(News::Done(DoneFile {
                    bytes: input.bytes,
                    members: news.members_read,
                    members_passed_over: news.members_passed_over,
                }));
            }
        }
    }

    fn cell(&self, input: &InputFile, ask: &Ask) -> Result<CellResult, Leave> {
        let memory = input
            .from(ask.at_bytes.unsigned_abs())
            .map_err(|error| Leave::Fault(error.to_string()))?;
        let job = FileJob {
            sha256: input.file.sha256,
            file_bytes: input.bytes.cast_signed(),
            input: memory.range,
            at_bytes: memory.at_bytes,
            records: ask.records.clone(),
        };
        let header = single_object::encode(&job.to_job(ask.sentenced.clone()))
            .map_err(|error| Leave::Fault(error.to_string()))?;
        let job = CellJob { header, input: memory.memory, limits: limits(ask.is_alone) };
        Ok(self.cells.run(job))
    }

    /// Checks a range, stores its objects, and sends it on to be committed.
    fn range(
        &self,
        file: &FileInput,
        from: i64,
        report: Report,
        output: Bytes,
    ) -> Result<(), Leave> {
        let batch = self
            .outlet
            .batch(file, from, &report, &output)
            .map_err(|lie| Leave::Fault(lie.to_string()))?;
        for remark in &batch.remarks {
            self.send(News::Fault(format!("{}: {remark}", file.name)))?;
        }
        // Of a file that gave nothing there is nothing to account for.
        let is_empty = batch.to == from && (batch.remarks.is_empty() || from == 0);
        if is_empty {
            return Ok(());
        }
        self.outlet.store(&batch).map_err(Leave::Fatal)?;
        let range = Range { file: file.clone(), from, report, output, batch };
        self.send(News::Range(Box::new(range)))
    }
}

/// A cell did not finish: finds out how to go on, or gives up the file.
fn mourn(input: &InputFile, course: &mut Course, result: &CellResult) -> Result<(), Leave> {
    tracing::warn!(file = input.file.name, end = %result.end, at = ?result.at, "cell died");
    let at = match result.at {
        Some((0, record)) => i64::try_from(record).ok(),
        _ => None,
    };
    match &result.end {
        end @ (CellEnd::ZygoteGone | CellEnd::ZygoteDied | CellEnd::NoFork(_)) => {
            Err(Leave::Fatal(IngestError::Cells(end.to_string())))
        }
        CellEnd::Failed(why) => Err(Leave::Fault(format!("its cell failed: {why}"))),
        end => course.died(at, end).map_err(Leave::Fault),
    }
}

/// What stands for the records of a file that nobody can count: one letter that speaks for none.
fn rest_of_file(from: i64, why: &str) -> Report {
    let letter = CellLetter {
        from,
        to: from,
        reason: Reason::Crash.word().to_owned(),
        detail: format!("not read from record {from} on: {why}"),
        excerpt: Vec::new(),
    };
    let part = PartReport {
        from,
        to: from,
        letters: vec![letter],
        datapoints: Some(from),
        ..PartReport::default()
    };
    Report { parts: vec![part], ..Report::default() }
}

fn limits(is_alone: bool) -> CellLimits {
    let factor = if is_alone { ALONE_FACTOR } else { 1 };
    CellLimits {
        data_bytes_max: CELL_DATA_BYTES_MAX,
        wall_max: CELL_WALL_MAX,
        datapoint_cpu_max: RECORD_CPU_MAX * factor,
        datapoint_wall_max: RECORD_WALL_MAX * factor,
        ..CellLimits::default()
    }
}
