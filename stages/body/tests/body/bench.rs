//! A cell made of vectors, jobs for it, and what its results must satisfy.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::Duration,
};

use cordon_body::{BodyFault, CellIo, IoFault, run};
use cordon_container::{ReadLimits, SectionReader, SectionWriter};
use cordon_flow::Stage;
use cordon_records::{
    Digest, Element, FileOrigin, LogDatapoint, Origin, Reason, Runs,
    cell::{Job, Part, PartReport, Report, Section},
    schema, single_object,
};

use crate::toy::Toy;

/// A payload of log lines, in sections of `section_datapoints`, so that it has many blocks.
pub(crate) fn payload(lines: &[String], section_datapoints: usize) -> Vec<u8> {
    let sha256 = Digest::of(b"a file");
    let mut writer = SectionWriter::new(schema::LOG_DATAPOINT.current(), Vec::new());
    let mut record = 0;
    for section in lines.chunks(section_datapoints) {
        for line in section {
            let origin = Origin::File(FileOrigin { sha256, record });
            writer.append(&LogDatapoint { origin, line: line.as_bytes() }).unwrap();
            record += 1;
        }
        writer.finish_section().unwrap();
    }
    if lines.is_empty() {
        writer.finish_section().unwrap();
    }
    writer.into_inner()
}

/// `count` copies of a line.
pub(crate) fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// A job and its input, built part by part.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) job: Job,
    pub(crate) input: Vec<u8>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { job: Job::of(Vec::new(), 4, 3), input: Vec::new() }
    }

    /// Adds a whole payload of `n` log datapoints.
    pub(crate) fn part(mut self, payload: &[u8], n: usize) -> Self {
        let offset_bytes = self.input.len() as i64;
        self.input.extend_from_slice(payload);
        self.job.parts.push(Part {
            offset_bytes,
            len_bytes: payload.len() as i64,
            schema: schema::LOG_DATAPOINT.current().fingerprint.to_long(),
            from: 0,
            to: n as i64,
            datapoints: Some(n as i64),
            decoded_bytes_max: 64 << 20,
            selection: None,
        });
        self
    }

    /// A batch of one payload of these lines.
    pub(crate) fn of(said: &[&str]) -> Self {
        Self::new().part(&payload(&lines(said), 2), said.len())
    }

    pub(crate) fn last_part(&mut self) -> &mut Part {
        self.job.parts.last_mut().unwrap()
    }

    /// The same batch, with the frames that earlier cells left.
    pub(crate) fn with_frames(&self, frames: &[u8]) -> Self {
        let mut batch = self.clone();
        batch.job.frames_offset_bytes = batch.input.len() as i64;
        batch.job.frames_bytes = frames.len() as i64;
        batch.input.extend_from_slice(frames);
        batch
    }

    /// Runs the toy stage to the end.
    pub(crate) fn run(&self) -> Done {
        self.run_in(VecCell::default()).unwrap_or_else(|death| panic!("the cell died: {death:?}"))
    }

    /// Runs the toy stage in this cell, which may die.
    pub(crate) fn run_in(&self, cell: VecCell) -> Result<Done, Died> {
        self.run_stage(&Toy, cell)
    }

    pub(crate) fn run_stage<S>(&self, stage: &S, cell: VecCell) -> Result<Done, Died>
    where
        S: for<'a> Stage<Input<'a> = LogDatapoint<'a>>,
    {
        enclose(cell, |cell| run(stage, &self.job, &self.input, cell))
    }
}

/// Runs a body in a cell, and takes its results, or what is left after its death.
pub(crate) fn enclose(
    mut cell: VecCell,
    body: impl FnOnce(&mut VecCell) -> Result<(), BodyFault>,
) -> Result<Done, Died> {
    match catch_unwind(AssertUnwindSafe(|| body(&mut cell))) {
        Ok(Ok(())) => Ok(Done {
            report: match &cell.report[..] {
                [] => None,
                bytes => Some(single_object::decode(bytes).unwrap()),
            },
            frames: cell.frames,
            output: cell.output,
            is_sealing: cell.is_sealing,
        }),
        Ok(Err(fault)) => panic!("the body gave up: {fault}"),
        Err(death) if death.is::<Death>() => Err(Died { frames: cell.frames, at: cell.at }),
        Err(panic) => resume_unwind(panic),
    }
}

/// What a cell that finished leaves.
#[derive(Debug, PartialEq)]
pub(crate) struct Done {
    pub(crate) report: Option<Report>,
    pub(crate) frames: Vec<u8>,
    pub(crate) output: Vec<u8>,
    pub(crate) is_sealing: bool,
}

/// What a cell that died leaves.
#[derive(Debug)]
pub(crate) struct Died {
    pub(crate) frames: Vec<u8>,
    pub(crate) at: Option<(u32, u64)>,
}

impl Done {
    pub(crate) fn report(&self) -> &Report {
        self.report.as_ref().expect("there is a report")
    }

    pub(crate) fn only_part(&self) -> &PartReport {
        assert_eq!(self.report().parts.len(), 1);
        &self.report().parts[0]
    }

    /// The elements of a section, read as any reader of its pointer would.
    pub(crate) fn elements(&self, section: &Section) -> Vec<Element> {
        let start = section.offset_bytes as usize;
        let bytes = &self.output[start..start + section.len_bytes as usize];
        let pinned = Some(schema::ELEMENT.current().fingerprint);
        let mut reader =
            SectionReader::open(bytes, &schema::ELEMENT, pinned, ReadLimits::default()).unwrap();
        let mut elements = Vec::new();
        while let Some((_, element)) = reader.next::<Element>().unwrap() {
            elements.push(element);
        }
        elements
    }

    pub(crate) fn all_elements(&self) -> Vec<Element> {
        self.report().sections.iter().flat_map(|section| self.elements(section)).collect()
    }

    /// One line for each part: its range and fates, for expectations in text.
    pub(crate) fn story(&self) -> String {
        self.report().parts.iter().map(|part| story(part) + "\n").collect()
    }

    /// Checks what the courier checks: each wanted index has exactly one fate, the sections tile
    /// the output, and the counts agree.
    pub(crate) fn check(&self, job: &Job) {
        let report = self.report();
        assert_eq!(report.parts.len(), job.parts.len());
        for (part, told) in job.parts.iter().zip(&report.parts) {
            check_part(part, told);
        }
        let mut next = 0;
        for section in &report.sections {
            assert_eq!(section.offset_bytes, next, "sections tile the output");
            next += section.len_bytes;
        }
        assert_eq!(next, self.output.len() as i64, "sections tile the output");
        let kept = report.sections.iter().filter(|section| !section.refused);
        assert_eq!(report.elements_out, kept.map(|section| section.datapoints).sum::<i64>());
        assert!(report.elements_in >= report.elements_out);
        let has_output = report.parts.iter().any(|part| !part.output.is_empty());
        assert_eq!(has_output, report.elements_out > 0);
    }
}

fn check_part(part: &Part, told: &PartReport) {
    assert_eq!(told.from, part.from);
    assert!((part.from..=part.to).contains(&told.to));
    let mut dead = Runs::default();
    let mut next = told.from;
    for letter in &told.letters {
        assert!(next <= letter.from && letter.from <= letter.to && letter.to <= told.to);
        assert!(Reason::from_word(&letter.reason).is_some());
        next = letter.to;
        dead.push_range(letter.from, letter.to);
    }
    let wanted = match &part.selection {
        Some(selection) => selection.clip(told.from, told.to),
        None => Runs::range(told.from, told.to),
    };
    let dead_count = wanted.iter().filter(|&index| dead.contains(index)).count() as i64;
    assert!(told.output.is_valid_within(told.from, told.to));
    assert!(told.not_mapped.is_valid_within(told.from, told.to));
    assert_eq!(told.output.count() + told.not_mapped.count() + dead_count, wanted.count());
    let fates = [&told.output, &told.not_mapped, &dead];
    assert!(wanted.iter().all(|index| fates.iter().any(|fate| fate.contains(index))));
}

/// `0..5 output 0..2,4..5 dead 2 panic "why"`.
fn story(part: &PartReport) -> String {
    let mut story = format!("{}..{}", part.from, part.to);
    for (word, runs) in [("output", &part.output), ("not_mapped", &part.not_mapped)] {
        let runs: Vec<String> =
            runs.as_slice().iter().map(|run| format!("{}..{}", run.start, run.end())).collect();
        if !runs.is_empty() {
            story += &format!(" {word} {}", runs.join(","));
        }
    }
    for letter in &part.letters {
        let excerpt = String::from_utf8_lossy(&letter.excerpt);
        let (from, to) = (letter.from, letter.to);
        story += &format!(" [{from}..{to} {}: {} {excerpt:?}]", letter.reason, letter.detail);
    }
    match part.datapoints {
        Some(n) => story + &format!(" n={n}"),
        None => story,
    }
}

/// A cell made of vectors.
#[derive(Default)]
pub(crate) struct VecCell {
    pub(crate) at: Option<(u32, u64)>,
    pub(crate) is_sealing: bool,
    frames: Vec<u8>,
    output: Vec<u8>,
    report: Vec<u8>,
    /// The cell dies when it comes to this datapoint.
    pub(crate) dies_at: Option<(u32, u64)>,
    /// Or when it begins to seal.
    pub(crate) dies_sealing: bool,
    /// How long each datapoint takes.
    pub(crate) datapoint_time: Duration,
    now: Duration,
}

impl VecCell {
    pub(crate) fn dying_at(part: u32, index: u64) -> Self {
        Self { dies_at: Some((part, index)), ..Self::default() }
    }

    pub(crate) fn dying_sealing() -> Self {
        Self { dies_sealing: true, ..Self::default() }
    }

    pub(crate) fn slow(datapoint_time: Duration) -> Self {
        Self { datapoint_time, ..Self::default() }
    }
}

/// What a dying cell unwinds with; a real one is just gone.
struct Death;

fn die() -> ! {
    resume_unwind(Box::new(Death) as Box<dyn Any + Send>)
}

impl CellIo for VecCell {
    fn mark(&mut self, part: u32, index: u64) {
        self.at = Some((part, index));
        self.now += self.datapoint_time;
        if self.dies_at == self.at {
            die();
        }
    }

    fn mark_sealing(&mut self) {
        self.is_sealing = true;
        if self.dies_sealing {
            die();
        }
    }

    fn append_frame(&mut self, frame: &[u8]) -> Result<(), IoFault> {
        self.frames.extend_from_slice(frame);
        Ok(())
    }

    fn append_output(&mut self, bytes: &[u8]) -> Result<(), IoFault> {
        self.output.extend_from_slice(bytes);
        Ok(())
    }

    fn report(&mut self, report: &[u8]) -> Result<(), IoFault> {
        self.report.extend_from_slice(report);
        Ok(())
    }

    fn elapsed(&self) -> Duration {
        self.now
    }
}
