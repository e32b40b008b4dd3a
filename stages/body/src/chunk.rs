//! One chunk: the hot loop. Every datapoint is processed apart from the others, so that whatever
//! it does, it does to itself alone.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cordon_container::{ContainerFault, DATAPOINT_BYTES_MAX, DatumEncoder, WriteError};
use cordon_flow::{Accumulate, Fate, Item, Stage};
use cordon_records::{
    Reason, Runs,
    cell::{CellLetter, Frame, Sentenced},
};
use serde::Serialize;

use crate::{
    CellIo, Intake,
    fates::{PartFates, letter},
    job::Sentences,
};

/// Processes datapoints and keeps what came of them.
pub(crate) struct Worker<'s, S: Stage> {
    stage: &'s S,
    sentences: Sentences<'s>,
    encoder: DatumEncoder,
    /// Items of the datapoint at hand; reused.
    emitted: Vec<Item<S>>,
    /// Merged items of the chunk at hand. Equal ones coalesce here already: neighbours in a
    /// payload have much in common, so that a frame holds a fraction of what was emitted.
    merged: S::Output,
    /// The chunk at hand; reused.
    pub(crate) frame: Frame,
    /// Encode each item before it is merged, to find the datapoint whose items cannot be.
    is_careful: bool,
    /// For that; reused.
    scratch: Vec<u8>,
    /// The merged output of all chunks.
    pub(crate) output: S::Output,
}

/// Why a chunk ended.
pub(crate) enum ChunkEnd {
    /// It has its datapoints, or nothing wanted is left.
    Full,
    /// The payload ended first.
    Short,
    /// The payload cannot be read any further.
    Fault(ContainerFault),
}

/// What became of one datapoint.
enum Verdict {
    Output,
    NotMapped,
    Dead { reason: Reason, detail: String },
}

impl<'s, S: Stage> Worker<'s, S> {
    pub(crate) fn new(stage: &'s S, sentences: Sentences<'s>, output: S::Output) -> Self {
        Self {
            stage,
            sentences,
            encoder: DatumEncoder::new(S::Output::schemas().current()),
            emitted: Vec::new(),
            merged: S::Output::default(),
            frame: empty_frame(),
            is_careful: false,
            scratch: Vec::new(),
            output,
        }
    }

    pub(crate) fn stage(&self) -> &'s S {
        self.stage
    }

    /// Processes up to `datapoints_max` datapoints of a part into `self.frame`, and merges what
    /// came of them into `self.output`.
    pub(crate) fn chunk<'a, I: Intake<'a, S>>(
        &mut self,
        number: u32,
        part: &PartFates<'_>,
        bytes: &'a [u8],
        intake: &mut I,
        datapoints_max: i32,
        io: &mut impl CellIo,
    ) -> Result<ChunkEnd, WriteError> {
        let end = self.fill(number, part, intake, datapoints_max, io);
        if self.encode().is_ok() {
            return Ok(end);
        }
        // An item that no container takes: done again, the datapoint it is of gets a letter.
        self.merged = S::Output::default();
        *intake = match I::open(self.stage, part.part, bytes) {
            Ok(intake) => intake,
            Err(fault) => return Ok(ChunkEnd::Fault(fault)),
        };
        self.is_careful = true;
        let end = self.fill(number, part, intake, datapoints_max, io);
        self.is_careful = false;
        self.encode().map(|()| end)
    }

    /// Processes the datapoints of a chunk.
    fn fill<'a>(
        &mut self,
        number: u32,
        part: &PartFates<'_>,
        intake: &mut impl Intake<'a, S>,
        datapoints_max: i32,
        io: &mut impl CellIo,
    ) -> ChunkEnd {
        self.begin(number, part.report.to);
        for _ in 0..datapoints_max {
            let Some(index) = part.wanted.first_from(self.frame.to) else {
                self.frame.to = part.part.to;
                break;
            };
            // Finding a datapoint may decompress its block, so it is marked before.
            io.mark(number, index.cast_unsigned());
            intake.skip_to(index.cast_unsigned());
            let outcome = match intake.advance() {
                Ok(Some(found)) if found == index.cast_unsigned() => {
                    self.datapoint(index, intake, io)
                }
                Ok(_) => return ChunkEnd::Short,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = outcome {
                return ChunkEnd::Fault(fault);
            }
            self.frame.to = index + 1;
        }
        ChunkEnd::Full
    }

    fn begin(&mut self, number: u32, from: i64) {
        let Frame {
            part,
            from: start,
            to,
            output,
            not_mapped,
            letters,
            elements_in,
            items,
            encoded,
        } = &mut self.frame;
        *part = number.cast_signed();
        *start = from;
        *to = from;
        *output = Runs::EMPTY;
        *not_mapped = Runs::EMPTY;
        letters.clear();
        *elements_in = 0;
        *items = 0;
        encoded.clear();
    }

    /// Gives the datapoint that `intake` found its fate.
    fn datapoint<'a>(
        &mut self,
        index: i64,
        intake: &mut impl Intake<'a, S>,
        io: &mut impl CellIo,
    ) -> Result<(), ContainerFault> {
        if let Some(sentenced) = self.sentences.get(&(self.frame.part, index)) {
            let letter = sentence(index, sentenced);
            intake.skip()?;
            self.frame.letters.push(letter);
            return Ok(());
        }
        let input = intake.read()?;
        match self.process(&input, io) {
            Verdict::Output => self.frame.output.push(index),
            Verdict::NotMapped => self.frame.not_mapped.push(index),
            Verdict::Dead { reason, detail } => {
                let excerpt = excerpt(self.stage, &input);
                self.frame.letters.push(letter((index, index + 1), reason, &detail, &excerpt));
            }
        }
        Ok(())
    }

    fn process(&mut self, input: &S::Input<'_>, io: &mut impl CellIo) -> Verdict {
        self.emitted.clear();
        // The stage is pure, and what it emitted before it panicked is thrown away.
        let run = AssertUnwindSafe(|| self.stage.process(input, &mut self.emitted));
        match catch_unwind(run) {
            Ok(Fate::Output) if !self.emitted.is_empty() => self.keep(),
            // Whatever gave nothing to the output is not in it.
            Ok(Fate::Output | Fate::NotMapped) => Verdict::NotMapped,
            Ok(Fate::Dead(detail)) => Verdict::Dead { reason: Reason::Rejected, detail },
            Err(panic) => {
                let detail = io.take_panic().unwrap_or_else(|| words(panic.as_ref()).to_owned());
                Verdict::Dead { reason: Reason::Panic, detail }
            }
        }
    }

    /// Merges what the datapoint at hand emitted.
    fn keep(&mut self) -> Verdict {
        if self.is_careful {
            for item in &self.emitted {
                self.scratch.clear();
                if let Err(e) = encode(&mut self.encoder, item, &mut self.scratch) {
                    return Verdict::Dead { reason: reason(&e), detail: e.to_string() };
                }
            }
        }
        self.frame.elements_in += self.emitted.len() as i64;
        self.emitted.drain(..).for_each(|item| self.merged.add(item));
        Verdict::Output
    }

    /// Encodes the chunk's merged items into the frame, then merges them into the output. All or
    /// nothing: after an error nothing is merged.
    fn encode(&mut self) -> Result<(), WriteError> {
        let items = std::mem::take(&mut self.merged).into_sorted();
        for item in &items {
            encode(&mut self.encoder, item, &mut self.frame.encoded)?;
        }
        self.frame.items = items.len() as i64;
        items.into_iter().for_each(|item| self.output.add(item));
        Ok(())
    }
}

/// Appends an item to `out`, if a container would take it.
fn encode(
    encoder: &mut DatumEncoder,
    item: &impl Serialize,
    out: &mut Vec<u8>,
) -> Result<(), WriteError> {
    let before = out.len();
    encoder.append(item, out)?;
    match out.len() - before {
        item_bytes if item_bytes > DATAPOINT_BYTES_MAX => Err(WriteError::TooLarge(item_bytes)),
        _ => Ok(()),
    }
}

/// Why a datapoint is dead whose result no container takes.
fn reason(error: &WriteError) -> Reason {
    match error {
        WriteError::TooLarge(_) => Reason::Size,
        WriteError::Encode(_) | WriteError::Io(_) => Reason::Seal,
    }
}

/// The letter of a datapoint that killed its cell.
fn sentence(index: i64, sentenced: &Sentenced) -> CellLetter {
    let reason = Reason::from_word(&sentenced.reason).unwrap_or(Reason::Crash);
    letter((index, index + 1), reason, &sentenced.detail, &sentenced.excerpt)
}

/// What a letter quotes of a datapoint; nothing, if the stage panics over that too.
pub(crate) fn excerpt<S: Stage>(stage: &S, input: &S::Input<'_>) -> Vec<u8> {
    let excerpt = AssertUnwindSafe(|| {
        let whole = stage.excerpt(input);
        whole[..whole.len().min(cordon_records::Letter::EXCERPT_BYTES_MAX)].to_vec()
    });
    catch_unwind(excerpt).unwrap_or_default()
}

/// What a panic says, where nobody kept it.
fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(words), _) => words,
        (_, Some(words)) => words,
        _ => "a panic without words",
    }
}

fn empty_frame() -> Frame {
    Frame {
        part: 0,
        from: 0,
        to: 0,
        output: Runs::EMPTY,
        not_mapped: Runs::EMPTY,
        letters: Vec::new(),
        elements_in: 0,
        items: 0,
        encoded: Vec::new(),
    }
}
