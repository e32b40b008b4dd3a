//! How a batch gets its result although some of its datapoints may kill the cell.
//!
//! One cell works on the whole batch. If it dies over a datapoint, its complete frames are kept
//! and the suspect runs once alone in a fresh cell. If that dies too the suspect is sentenced: an
//! extract cell copies its excerpt, and from then on every cell skips it and writes its letter.
//! A suspect that survives alone gets one more chance with the others. Then a fresh cell replays
//! the frames and redoes the open chunk. So a killer costs at most three forks and one chunk: a
//! large one for the first killer of a batch, and a small one for each further.

use std::collections::BTreeMap;

use bytes::Bytes;
use cordon_cell::{CellEnd, CellResult, DeadlineKind};
use cordon_records::{
    Reason,
    cell::{Job, Mode, Part, Report, Sentenced},
    single_object,
};

use crate::{
    batch::BatchPart,
    event::CellInput,
    partition::TakeSource,
    settings::{Limits, StageSettings},
};

/// Frames of all cells of a batch together; more means that a cell makes them up.
const FRAMES_BYTES_MAX: usize = 256 << 20;

#[derive(Debug, Default)]
pub(crate) struct Trial {
    /// Complete frames of the cells that died.
    frames: Vec<u8>,
    /// How often a cell died over a datapoint of the batch: (part of the job, index).
    deaths: BTreeMap<(u32, i64), u32>,
    sentenced: Vec<Sentenced>,
    pub(crate) step: TrialStep,
    /// Deaths that name no suspect: while sealing, before the first datapoint, or a report that
    /// does not add up.
    blind: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) enum TrialStep {
    /// The whole batch.
    #[default]
    Whole,
    /// A suspect alone.
    Alone { part: u32, index: i64 },
    /// Copy the excerpt of a datapoint that is as good as sentenced.
    Extract { part: u32, index: i64, reason: Reason, detail: String },
}

/// A cell run to ask for.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) job: Job,
    pub(crate) inputs: Vec<CellInput>,
    pub(crate) is_alone: bool,
}

/// What follows from a cell's end.
#[derive(Debug)]
pub(crate) enum Next {
    /// Run the cell that [`Trial::run`] gives now.
    Run,
    /// Run it after a pause: the machine could not fork.
    RunLater,
    /// The batch has a result, not verified yet.
    Done { report: Report, output: Bytes },
    /// Nobody can say which datapoint it is: try half the batch.
    Halve(String),
    /// The zygote is gone; whether it died with the batch in its hands.
    ZygoteGone { was_at_work: bool },
}

impl Trial {
    /// The run that comes next.
    pub(crate) fn run(&self, parts: &[BatchPart], settings: &StageSettings, budget_ms: i64) -> Run {
        let limits = &settings.limits;
        let in_cell: Vec<&BatchPart> = parts.iter().filter(|part| part.verdict.is_none()).collect();
        match self.step {
            TrialStep::Whole => self.run_whole(&in_cell, settings, budget_ms),
            TrialStep::Alone { part, index } => run_one(
                in_cell[part as usize],
                index,
                Mode::Frames,
                limits,
                settings.output_partitions,
            ),
            TrialStep::Extract { part, index, .. } => run_one(
                in_cell[part as usize],
                index,
                Mode::Extract,
                limits,
                settings.output_partitions,
            ),
        }
    }

    fn run_whole(&self, parts: &[&BatchPart], settings: &StageSettings, budget_ms: i64) -> Run {
        let mut inputs = Vec::with_capacity(parts.len() + 1);
        let mut job_parts = Vec::with_capacity(parts.len());
        let mut offset = 0;
        for part in parts {
            let (input, len) = input_of(part);
            job_parts.push(part.job_part(offset, len, settings.limits.payload_decoded_bytes_max));
            inputs.push(input);
            offset += len;
        }
        inputs.push(CellInput::Bytes(Bytes::copy_from_slice(&self.frames)));
        let job = Job {
            sentenced: self.sentenced.clone(),
            frames_offset_bytes: offset,
            frames_bytes: self.frames.len() as i64,
            budget_ms,
            ..Job::of(
                job_parts,
                settings.output_partitions,
                self.chunk_datapoints(&settings.limits),
            )
        };
        Run { job, inputs, is_alone: false }
    }

    /// Datapoints per frame, as far as is known of the batch.
    fn chunk_datapoints(&self, limits: &Limits) -> i32 {
        let is_calm = self.deaths.is_empty() && self.blind == 0;
        if is_calm { limits.chunk_datapoints_calm } else { limits.chunk_datapoints }
    }

    /// Takes in what a cell left behind.
    pub(crate) fn finished(&mut self, result: CellResult) -> Next {
        match result.end {
            CellEnd::ZygoteGone => return Next::ZygoteGone { was_at_work: false },
            CellEnd::ZygoteDied => return Next::ZygoteGone { was_at_work: true },
            CellEnd::NoFork(_) => return Next::RunLater,
            _ => {}
        }
        match std::mem::take(&mut self.step) {
            TrialStep::Whole => self.finished_whole(result),
            TrialStep::Alone { part, index } => self.finished_alone(part, index, &result),
            TrialStep::Extract { part, index, reason, detail } => {
                let excerpt = excerpt_of(&result);
                let reason = reason.word().to_owned();
                self.sentenced.push(Sentenced {
                    part: part as i32,
                    index,
                    reason,
                    detail,
                    excerpt,
                });
                Next::Run
            }
        }
    }

    fn finished_whole(&mut self, result: CellResult) -> Next {
        if result.end == CellEnd::Finished {
            return match single_object::decode(&result.report) {
                Ok(report) => Next::Done { report, output: Bytes::from(result.output) },
                Err(e) => self.blind(format!("unreadable report: {e}")),
            };
        }
        let (reason, detail) = cause(&result.end);
        let suspect = result.at.filter(|_| !result.sealing && reason.is_some());
        if self.frames.len() + result.frames.len() <= FRAMES_BYTES_MAX {
            self.frames.extend_from_slice(&result.frames);
        }
        let (Some((part, index)), Some(reason)) = (suspect, reason) else {
            return self.blind(detail);
        };
        let Ok(index) = i64::try_from(index) else { return self.blind(detail) };
        let deaths = self.deaths.entry((part, index)).or_default();
        *deaths += 1;
        self.step = if *deaths > 1 {
            TrialStep::Extract { part, index, reason, detail }
        } else {
            TrialStep::Alone { part, index }
        };
        Next::Run
    }

    fn finished_alone(&mut self, part: u32, index: i64, result: &CellResult) -> Next {
        if let (Some(reason), detail) = cause(&result.end) {
            self.step = TrialStep::Extract { part, index, reason, detail };
        }
        Next::Run
    }

    /// A death or a lie without a suspect: once more, then half the batch.
    pub(crate) fn blind(&mut self, detail: String) -> Next {
        self.blind += 1;
        if self.blind > 1 {
            return Next::Halve(detail);
        }
        Next::Run
    }

    /// Whether a suspect that the cell named lies inside the batch. Checked before a run is built
    /// from it, since the cell may have made it up.
    pub(crate) fn is_plausible(&self, parts: &[BatchPart]) -> bool {
        let (TrialStep::Alone { part, index } | TrialStep::Extract { part, index, .. }) = self.step
        else {
            return true;
        };
        let mut in_cell = parts.iter().filter(|part| part.verdict.is_none());
        in_cell.nth(part as usize).is_some_and(|p| (p.take.from..p.take.to).contains(&index))
    }

    /// Forgets a suspect that cannot be.
    pub(crate) fn acquit(&mut self) {
        self.step = TrialStep::Whole;
    }

    /// Sentences the only datapoint of the batch; `false` if it was sentenced before, and the
    /// cell still does not come through.
    pub(crate) fn sentence_last(&mut self, index: i64, detail: String) -> bool {
        if self.sentenced.iter().any(|sentenced| sentenced.index == index) {
            return false;
        }
        self.blind = 0;
        let reason = Reason::Seal.word().to_owned();
        self.sentenced.push(Sentenced { part: 0, index, reason, detail, excerpt: Vec::new() });
        true
    }
}

fn run_one(part: &BatchPart, index: i64, mode: Mode, limits: &Limits, partitions: i32) -> Run {
    let (input, len) = input_of(part);
    let whole = part.job_part(0, len, limits.payload_decoded_bytes_max);
    let one = Part { from: index, to: index + 1, ..whole };
    let job = Job { mode, ..Job::of(vec![one], partitions, limits.chunk_datapoints) };
    Run { job, inputs: vec![input], is_alone: true }
}

fn input_of(part: &BatchPart) -> (CellInput, i64) {
    match &part.take.source {
        TakeSource::Payload { payload, .. } => {
            (CellInput::Payload(payload.clone()), payload.range_bytes)
        }
        TakeSource::Raw { values } => {
            let records = values.iter().map(|(offset, value)| (*offset, value.as_ref()));
            let framed = cordon_records::raw::frame(&part.at.topic, part.at.partition, records);
            let len = framed.len() as i64;
            (CellInput::Bytes(Bytes::from(framed)), len)
        }
        TakeSource::Refused { .. } => (CellInput::Bytes(Bytes::new()), 0),
    }
}

/// The reason a letter would have if this end is a datapoint's doing, and a word on it.
fn cause(end: &CellEnd) -> (Option<Reason>, String) {
    match end {
        CellEnd::Finished => (None, String::new()),
        CellEnd::Failed(detail) => (None, detail.clone()),
        CellEnd::Signal(signal) => (Some(Reason::Crash), signal_name(*signal)),
        CellEnd::Exited(code) => (Some(Reason::Crash), format!("exit code {code}")),
        CellEnd::Deadline(DeadlineKind::DatapointCpu) => {
            (Some(Reason::Deadline), "CPU time of one datapoint".to_owned())
        }
        CellEnd::Deadline(DeadlineKind::DatapointWall) => {
            (Some(Reason::Deadline), "wall time of one datapoint".to_owned())
        }
        CellEnd::Deadline(DeadlineKind::CellWall) => (None, "wall time of the cell".to_owned()),
        CellEnd::NoFork(detail) => (None, detail.clone()),
        CellEnd::ZygoteGone | CellEnd::ZygoteDied => (None, "zygote gone".to_owned()),
    }
}

/// The usual names; `kill -l` has the others.
fn signal_name(signal: i32) -> String {
    match signal {
        4 => "SIGILL".into(),
        6 => "SIGABRT".into(),
        7 => "SIGBUS".into(),
        8 => "SIGFPE".into(),
        9 => "SIGKILL".into(),
        11 => "SIGSEGV".into(),
        24 => "SIGXCPU".into(),
        25 => "SIGXFSZ".into(),
        31 => "SIGSYS, a forbidden system call".into(),
        other => format!("signal {other}"),
    }
}

fn excerpt_of(result: &CellResult) -> Vec<u8> {
    if result.end != CellEnd::Finished {
        return Vec::new();
    }
    let report: Result<Report, _> = single_object::decode(&result.report);
    let letter = report.ok().and_then(|report| report.parts.into_iter().next()?.letters.pop());
    let mut excerpt = letter.map(|letter| letter.excerpt).unwrap_or_default();
    excerpt.truncate(cordon_records::Letter::EXCERPT_BYTES_MAX);
    excerpt
}
