//! One chunk: the hot loop. Every datapoint is processed apart from the others, so that whatever
//! it does, it does to itself alone.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cordon_container::{ContainerFault, DATAPOINT_BYTES_MAX, DatumEncoder};
use cordon_flow::{Accumulate, Fate, Item, Stage};
use cordon_records::{
    Reason, Runs,
    cell::{CellLetter, Frame, Sentenced},
};

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
    /// The chunk at hand; reused.
    pub(crate) frame: Frame,
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
            frame: empty_frame(),
            output,
        }
    }

    pub(crate) fn stage(&self) -> &'s S {
        self.stage
    }

    /// Processes up to `datapoints_max` datapoints of a part into `self.frame`.
    pub(crate) fn chunk<'a>(
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

    /// Encodes what was emitted into the frame, all or nothing, then merges it.
    fn keep(&mut self) -> Verdict {
        let before = self.frame.encoded.len();
        for item in &self.emitted {
            let start = self.frame.encoded.len();
            let encoded = self.encoder.append(item, &mut self.frame.encoded);
            let item_bytes = self.frame.encoded.len() - start;
            let (reason, detail) = match encoded {
                Ok(()) if item_bytes <= DATAPOINT_BYTES_MAX => continue,
                Ok(()) => (Reason::Size, format!("its output has {item_bytes} bytes")),
                Err(e) => (Reason::Seal, e.to_string()),
            };
            self.frame.encoded.truncate(before);
            return Verdict::Dead { reason, detail };
        }
        let items = self.emitted.len() as i64;
        self.frame.items += items;
        self.frame.elements_in += items;
        self.emitted.drain(..).for_each(|item| self.output.add(item));
        Verdict::Output
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
