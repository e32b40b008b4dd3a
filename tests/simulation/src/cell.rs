//! The cell of the simulation: what `stages/body` does, over datapoints of five bytes, and with
//! every way to die.

use std::collections::BTreeMap;

use cordon_cell::{CellEnd, CellResult, CellUsage, DeadlineKind};
use cordon_records::{
    Reason, Runs,
    cell::{CellLetter, Job, Mode, Part, PartReport, Report, Section},
    raw::RawRecords,
    single_object,
};
use fastrand::Rng;

use crate::{
    datapoint::{DATAPOINT_BYTES, Datapoint, Nature},
    plan::{Rates, once_in},
};

/// SIGABRT.
const ABORTED: i32 = 6;

/// How a run ends.
pub(crate) enum Run {
    /// The cell, well or badly.
    Ended(CellResult),
    /// The machine, and with it the courier.
    MachineDied,
}

/// Runs a job over its input.
pub(crate) fn run(job: &Job, input: &[u8], rates: &Rates, rng: &mut Rng) -> Run {
    let mut cell = Cell { job, rng, rates, results: BTreeMap::new(), frames: Vec::new() };
    match cell.work(input) {
        Ok((report, output)) => {
            let report = single_object::encode(&report).expect("a report fits its schema");
            Run::Ended(CellResult { output, report, ..result(CellEnd::Finished) })
        }
        Err(Death::Machine) => Run::MachineDied,
        Err(Death::At { part, index, end }) => {
            Run::Ended(CellResult { at: Some((part, index)), frames: cell.frames, ..result(end) })
        }
        Err(Death::Sealing) => Run::Ended(CellResult {
            sealing: true,
            frames: cell.frames,
            ..result(CellEnd::Signal(ABORTED))
        }),
    }
}

/// A result without anything in it.
pub(crate) fn result(end: CellEnd) -> CellResult {
    CellResult {
        end,
        at: None,
        sealing: false,
        frames: Vec::new(),
        output: Vec::new(),
        report: Vec::new(),
        usage: CellUsage::default(),
    }
}

enum Death {
    Machine,
    At { part: u32, index: u64, end: CellEnd },
    Sealing,
}

/// The fate of one datapoint, as a frame holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Output,
    NotMapped,
    Rejected,
}

struct Cell<'a> {
    job: &'a Job,
    rng: &'a mut Rng,
    rates: &'a Rates,
    /// By part and index; of frames that were handed over, and of chunks of its own.
    results: BTreeMap<(usize, i64), Fate>,
    /// Complete frames of its own: (part, index, fate) each.
    frames: Vec<u8>,
}

/// Bytes of one datapoint's entry in a frame.
const ENTRY_BYTES: usize = 4 + 8 + 1;

impl Cell<'_> {
    fn work(&mut self, input: &[u8]) -> Result<(Report, Vec<u8>), Death> {
        let (start, len) = (self.job.frames_offset_bytes as usize, self.job.frames_bytes as usize);
        if len > 0 {
            self.replay(&input[start..start + len]);
        }
        let payloads: Vec<BTreeMap<i64, Datapoint>> =
            self.job.parts.iter().map(|part| decode(part, input)).collect();
        if self.job.mode == Mode::Extract {
            return Ok((extract(self.job, &payloads), Vec::new()));
        }
        let mut ends = Vec::with_capacity(payloads.len());
        let mut is_spent = false;
        for (at, datapoints) in payloads.iter().enumerate() {
            let part = &self.job.parts[at];
            let end = if is_spent { part.from } else { self.part(at, datapoints)? };
            is_spent |= end < part.to.min(known_end(part, datapoints));
            ends.push(end);
        }
        if self.job.mode == Mode::Frames {
            return Ok((Report::default(), Vec::new()));
        }
        self.seal(&payloads, &ends)
    }

    fn replay(&mut self, frames: &[u8]) {
        for entry in frames.chunks_exact(ENTRY_BYTES) {
            let part = u32::from_be_bytes(entry[..4].try_into().expect("four bytes")) as usize;
            let index = i64::from_be_bytes(entry[4..12].try_into().expect("eight bytes"));
            let fate = match entry[12] {
                0 => Fate::Output,
                1 => Fate::NotMapped,
                _ => Fate::Rejected,
            };
            self.results.insert((part, index), fate);
        }
    }

    /// Works on one part up to where its datapoints, or the batch's time, end.
    fn part(&mut self, at: usize, datapoints: &BTreeMap<i64, Datapoint>) -> Result<i64, Death> {
        let part = &self.job.parts[at];
        let end = part.to.min(known_end(part, datapoints));
        let chunk = i64::from(self.job.chunk_datapoints);
        let mut from = part.from;
        while from < end {
            let to = (from + chunk).min(end);
            self.chunk(at, from..to, datapoints)?;
            from = to;
            let may_stop = self.job.budget_ms > 0 && self.job.mode == Mode::Process;
            if may_stop && from < end && once_in(self.rng, self.rates.budget_spent) {
                return Ok(from);
            }
        }
        Ok(end.max(part.from))
    }

    /// Works on a chunk and publishes its frame; nothing of it if it dies.
    fn chunk(
        &mut self,
        at: usize,
        range: std::ops::Range<i64>,
        datapoints: &BTreeMap<i64, Datapoint>,
    ) -> Result<(), Death> {
        let mut frame = Vec::new();
        for (index, datapoint) in datapoints.range(range) {
            let is_known = self.results.contains_key(&(at, *index));
            if is_known
                || !is_selected(&self.job.parts[at], *index)
                || self.is_sentenced(at, *index)
            {
                continue;
            }
            let fate = self.process(at, *index, *datapoint)?;
            frame.push((*index, fate));
        }
        for (index, fate) in frame {
            self.results.insert((at, index), fate);
            self.frames.extend_from_slice(&(at as u32).to_be_bytes());
            self.frames.extend_from_slice(&index.to_be_bytes());
            self.frames.push(fate as u8);
        }
        Ok(())
    }

    fn process(&mut self, at: usize, index: i64, datapoint: Datapoint) -> Result<Fate, Death> {
        let die = |end| Err(Death::At { part: at as u32, index: index.unsigned_abs(), end });
        match datapoint.nature {
            Nature::Output | Nature::Sealer => Ok(Fate::Output),
            Nature::NotMapped => Ok(Fate::NotMapped),
            Nature::Rejected => Ok(Fate::Rejected),
            Nature::Crash => die(CellEnd::Signal(ABORTED)),
            Nature::Hang => die(CellEnd::Deadline(DeadlineKind::DatapointCpu)),
            Nature::Flaky if once_in(self.rng, 3) => die(CellEnd::Exited(1)),
            Nature::Flaky => Ok(Fate::Output),
            Nature::Machine => Err(Death::Machine),
        }
    }

    fn is_sentenced(&self, at: usize, index: i64) -> bool {
        let at = at as i32;
        self.job.sentenced.iter().any(|one| one.part == at && one.index == index)
    }

    fn seal(
        &self,
        payloads: &[BTreeMap<i64, Datapoint>],
        ends: &[i64],
    ) -> Result<(Report, Vec<u8>), Death> {
        let mut sections: BTreeMap<i32, Vec<u8>> = BTreeMap::new();
        let mut report = Report::default();
        for (at, datapoints) in payloads.iter().enumerate() {
            let part = &self.job.parts[at];
            for (index, datapoint) in datapoints.range(part.from..ends[at].max(part.from)) {
                if self.results.get(&(at, *index)) != Some(&Fate::Output)
                    || self.is_sentenced(at, *index)
                {
                    continue;
                }
                if datapoint.nature == Nature::Sealer {
                    return Err(Death::Sealing);
                }
                let section = (datapoint.id % self.job.partitions.unsigned_abs()) as i32;
                sections.entry(section).or_default().extend(datapoint.id.to_be_bytes());
            }
            report.parts.push(self.part_report(at, ends[at], datapoints));
        }
        let mut output = Vec::new();
        for (partition, bytes) in sections {
            let datapoints = (bytes.len() / crate::datapoint::OUTPUT_BYTES) as i64;
            report.sections.push(Section {
                partition,
                offset_bytes: output.len() as i64,
                len_bytes: bytes.len() as i64,
                datapoints,
                decoded_bytes: bytes.len() as i64,
                time_min_ms: None,
                time_max_ms: None,
                refused: false,
            });
            report.elements_in += datapoints;
            report.elements_out += datapoints;
            output.extend_from_slice(&bytes);
        }
        Ok((report, output))
    }

    fn part_report(
        &self,
        at: usize,
        end: i64,
        datapoints: &BTreeMap<i64, Datapoint>,
    ) -> PartReport {
        let part = &self.job.parts[at];
        let mut report = PartReport { from: part.from, to: end, ..PartReport::default() };
        for index in (part.from..end).filter(|index| is_selected(part, *index)) {
            if let Some(sentenced) =
                self.job.sentenced.iter().find(|one| one.part == at as i32 && one.index == index)
            {
                let mut dead = letter(index, index + 1, Reason::Crash);
                dead.reason.clone_from(&sentenced.reason);
                report.letters.push(dead);
                continue;
            }
            match self.results.get(&(at, index)) {
                Some(Fate::Output) => report.output.push(index),
                Some(Fate::NotMapped) => report.not_mapped.push(index),
                Some(Fate::Rejected) => {
                    report.letters.push(letter(index, index + 1, Reason::Rejected));
                }
                None => {}
            }
        }
        self.count_report(part, datapoints, &mut report);
        report
    }

    /// What a payload with fewer or more datapoints than its pointer says gets.
    fn count_report(
        &self,
        part: &Part,
        datapoints: &BTreeMap<i64, Datapoint>,
        report: &mut PartReport,
    ) {
        if is_raw(part) {
            return;
        }
        let real = datapoints.len() as i64;
        match part.datapoints {
            None if report.to >= real => report.datapoints = Some(real.max(part.from)),
            Some(n) if real < n && report.to >= real.min(part.to) && part.to > real => {
                // Read to the end of the payload: the rest of what was asked for is not there.
                let from = real.max(part.from);
                report.letters.push(letter(from, part.to, Reason::Count));
                report.to = part.to;
            }
            Some(n) if real > n && report.to == n => {
                report.letters.push(letter(n, n, Reason::Count));
            }
            _ => {}
        }
    }
}

fn letter(from: i64, to: i64, reason: Reason) -> CellLetter {
    CellLetter {
        from,
        to,
        reason: reason.word().to_owned(),
        detail: String::new(),
        excerpt: Vec::new(),
    }
}

/// A cell that says something else than what it did, or dies without a word.
pub(crate) fn blind(job: &Job, rng: &mut Rng) -> CellResult {
    let forged = |at| CellResult { at, ..result(CellEnd::Signal(ABORTED)) };
    match rng.u8(..7) {
        0 => result(CellEnd::Failed("a bug".to_owned())),
        1 => result(CellEnd::Deadline(DeadlineKind::CellWall)),
        2 => forged(None),
        3 => forged(Some((99, 0))),
        4 => CellResult { report: b"no report".to_vec(), ..result(CellEnd::Finished) },
        // More than it was asked for: as an output that is not there, or without a mapping.
        5 => forged_report(job, |all| PartReport { output: all, ..PartReport::default() }),
        _ => forged_report(job, |all| PartReport { not_mapped: all, ..PartReport::default() }),
    }
}

fn forged_report(job: &Job, fates: impl Fn(Runs) -> PartReport) -> CellResult {
    let forge = |part: &Part| {
        let to = part.to + 1;
        PartReport { from: part.from, to, ..fates(Runs::range(part.from, to)) }
    };
    let report = Report { parts: job.parts.iter().map(forge).collect(), ..Report::default() };
    let report = single_object::encode(&report).expect("a report fits its schema");
    CellResult { report, ..result(CellEnd::Finished) }
}

fn extract(job: &Job, payloads: &[BTreeMap<i64, Datapoint>]) -> Report {
    let index = job.parts[0].from;
    let mut one = letter(index, index + 1, Reason::Crash);
    one.excerpt = payloads[0].get(&index).map_or(Vec::new(), |found| found.encode().to_vec());
    let part =
        PartReport { from: index, to: index + 1, letters: vec![one], ..PartReport::default() };
    Report { parts: vec![part], ..Report::default() }
}

fn is_selected(part: &Part, index: i64) -> bool {
    part.selection.as_ref().is_none_or(|selection| selection.contains(index))
}

/// Raw parts come framed, without a schema, and their indexes are offsets.
fn is_raw(part: &Part) -> bool {
    part.schema == RAW_SCHEMA
}

/// What a part of raw records has for a schema.
const RAW_SCHEMA: i64 = 0;
/// What the payloads of the simulation have.
pub(crate) const PAYLOAD_SCHEMA: i64 = 1;

/// One past the last datapoint there is to see.
fn known_end(part: &Part, datapoints: &BTreeMap<i64, Datapoint>) -> i64 {
    if is_raw(part) { part.to } else { datapoints.len() as i64 }
}

fn decode(part: &Part, input: &[u8]) -> BTreeMap<i64, Datapoint> {
    let (start, len) = (part.offset_bytes as usize, part.len_bytes as usize);
    let bytes = &input[start..start + len];
    if is_raw(part) {
        let records = RawRecords::parse(bytes).expect("the courier framed them");
        return records
            .map(|record| record.expect("the courier framed them"))
            .map(|record| (record.offset, Datapoint::decode(record.value)))
            .collect();
    }
    (0..).zip(bytes.chunks_exact(DATAPOINT_BYTES).map(Datapoint::decode)).collect()
}
