//! The driver: from a job to its report.

use std::time::Duration;

use cordon_container::SectionReader;
use cordon_flow::Stage;
use cordon_records::cell::{Job, Mode, Report};

use crate::{
    BodyFault, CellIo, Intake,
    chunk::{ChunkEnd, Worker},
    extract,
    fates::PartFates,
    frames,
    job::{self, frames_bytes, part_bytes},
    seal,
};

/// Runs `stage` over the payloads of a job.
///
/// In [`Mode::Process`] it leaves sections in the output and a [`Report`]; in [`Mode::Frames`]
/// frames alone; in [`Mode::Extract`] a report with the excerpt of one datapoint.
///
/// # Errors
///
/// Only what is no datapoint's fault: see [`BodyFault`].
pub fn run<S: Stage>(
    stage: &S,
    job: &Job,
    input: &[u8],
    io: &mut impl CellIo,
) -> Result<(), BodyFault> {
    run_with::<S, SectionReader<'_>>(stage, job, input, io)
}

/// The same, with parts that are read by `I`.
///
/// # Errors
///
/// As [`run`].
pub fn run_with<'a, S: Stage, I: Intake<'a, S>>(
    stage: &S,
    job: &Job,
    input: &'a [u8],
    io: &mut impl CellIo,
) -> Result<(), BodyFault> {
    job::check(job)?;
    if job.mode == Mode::Extract {
        return extract::run::<S, I>(stage, job, input, io);
    }
    let sentences = job::sentences(job);
    let mut fates: Vec<PartFates<'_>> = job.parts.iter().map(PartFates::new).collect();
    let mut output = S::Output::default();
    let replayed = frames::replay(frames_bytes(job, input)?, &mut fates, &sentences, &mut output);

    let mut worker = Worker::new(stage, sentences, output);
    let worked = work::<S, I>(&mut worker, &mut fates, job, input, io)?;
    let elements_in = replayed.saturating_add(worked);
    if job.mode == Mode::Frames {
        return Ok(());
    }

    io.mark_sealing();
    let parts = fates.into_iter().map(|fates| fates.report).collect();
    let mut report = Report { parts, elements_in, ..Report::default() };
    seal::output(worker.output, job.partitions, &mut report, io)?;
    if I::SETS_ASIDE {
        seal::refused::<S, I>(stage, job, input, &mut report, io)?;
    }
    seal::hand_over(&report, io)
}

/// Does all chunks that the time allows. Returns how many output datapoints went in.
fn work<'a, S: Stage, I: Intake<'a, S>>(
    worker: &mut Worker<'_, S>,
    fates: &mut [PartFates<'_>],
    job: &Job,
    input: &'a [u8],
    io: &mut impl CellIo,
) -> Result<i64, BodyFault> {
    let mut budget = Budget::new(job.budget_ms);
    let mut framed = Vec::new();
    let mut elements_in = 0;
    for (number, part) in (0..).zip(fates) {
        let bytes = part_bytes(part.part, input)?;
        // Whatever opening a part does to the cell, its next datapoint is to blame.
        if let Some(index) = part.next() {
            io.mark(number, index.cast_unsigned());
        }
        let mut intake = match I::open(worker.stage(), part.part, bytes) {
            Ok(intake) => intake,
            Err(fault) => {
                part.fail(&fault);
                part.complete(Err(fault));
                continue;
            }
        };
        while part.next().is_some() {
            if !budget.allows_chunk(io) {
                return Ok(elements_in);
            }
            let end = worker.chunk(number, part, &mut intake, job.chunk_datapoints, io)?;
            if worker.frame.to > worker.frame.from {
                framed.clear();
                frames::put(&worker.frame, &mut framed)?;
                io.append_frame(&framed)?;
                part.absorb(&worker.frame);
                elements_in += worker.frame.elements_in;
            }
            match end {
                ChunkEnd::Full => {}
                ChunkEnd::Short => part.fall_short(),
                ChunkEnd::Fault(fault) => part.fail(&fault),
            }
        }
        intake.skip_to(part.part.to.cast_unsigned());
        part.complete(intake.is_at_end());
    }
    Ok(elements_in)
}

/// How long chunks are opened. At least one always is, or a batch might never end.
struct Budget {
    limit: Option<Duration>,
    is_first: bool,
}

impl Budget {
    fn new(budget_ms: i64) -> Self {
        let limit = u64::try_from(budget_ms).ok().filter(|&ms| ms > 0).map(Duration::from_millis);
        Self { limit, is_first: true }
    }

    fn allows_chunk(&mut self, io: &impl CellIo) -> bool {
        let is_first = std::mem::replace(&mut self.is_first, false);
        is_first || self.limit.is_none_or(|limit| io.elapsed() < limit)
    }
}
