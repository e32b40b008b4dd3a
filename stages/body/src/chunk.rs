//! One chunk: the hot loop. Every datapoint is processed apart from the others, so that whatever
//! it does, it does to itself alone.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use cordon_container::{ContainerFault, DATAPOINT_BYTES_MAX, DatumEncoder, WriteError};
use cordon_flow::{Accumulate, Fate, Item, Memory as _, Stage};
use cordon_records::{
    Datum, Reason, Runs,
    cell::{CellLetter, Frame, Sentenced},
};

use crate::{
    CellIo, Intake,
    fates::{PartFates, letter},
    job::Sentences,
};

/// Work after which a chunk ends, however few datapoints it has: what a death costs beside its
/// forks, and what a batch may take beyond its budget.
const CHUNK_TIME_MAX: Duration = Duration::from_millis(50);

/// Datapoints between looks at the clock.
const LOOK_EVERY: i32 = 64;

/// Processes datapoints and keeps what came of them.
pub(crate) struct Worker<'s, S: Stage> {
    stage: &'s S,
    sentences: Sentences<'s>,
    encoder: DatumEncoder,
    /// What the stage remembers of the datapoints that are in `output`.
    memory: S::Memory,
    /// Items of the datapoint at hand; reused.
    emitted: Vec<Item<S>>,
    /// The chunk at hand; reused.
    pub(crate) frame: Frame,
    /// An item that might be too large, encoded; reused.
    scratch: Vec<u8>,
    /// The merged output of all chunks. A frame holds what its chunk changed of it, as it is then:
    /// merging is idempotent, so whoever reads the frames gets the same.
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
    pub(crate) fn new(stage: &'s S, sentences: Sentences<'s>, mut output: S::Output) -> Self {
        output.settle();
        Self {
            stage,
            sentences,
            encoder: DatumEncoder::new(S::Output::schemas().current()),
            memory: S::Memory::default(),
            emitted: Vec::new(),
            frame: empty_frame(),
            scratch: Vec::new(),
            output,
        }
    }

    pub(crate) fn stage(&self) -> &'s S {
        self.stage
    }

    /// Processes up to `datapoints_max` datapoints of a part into `self.frame`, and merges what
    /// came of them into `self.output`.
    pub(crate) fn chunk<'a>(
        &mut self,
        number: u32,
        part: &PartFates<'_>,
        intake: &mut impl Intake<'a, S>,
        datapoints_max: i32,
        io: &mut impl CellIo,
    ) -> Result<ChunkEnd, WriteError> {
        let end = self.fill(number, part, intake, datapoints_max, io);
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
        let started = io.elapsed();
        self.begin(number, part.report.to);
        for done in 0..datapoints_max {
            if done % LOOK_EVERY == LOOK_EVERY - 1 && io.elapsed() - started >= CHUNK_TIME_MAX {
                break;
            }
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
        // The stage is pure: what it emitted and learnt before it panicked is thrown away.
        let run =
            AssertUnwindSafe(|| self.stage.process(input, &mut self.memory, &mut self.emitted));
        let verdict = match catch_unwind(run) {
            Ok(Fate::Output) if self.emitted.len() + self.memory.again() > 0 => self.keep(),
            // Whatever gave nothing to the output is not in it.
            Ok(Fate::Output | Fate::NotMapped) => Verdict::NotMapped,
            Ok(Fate::Dead(detail)) => Verdict::Dead { reason: Reason::Rejected, detail },
            Err(panic) => {
                let detail = io.take_panic().unwrap_or_else(|| words(panic.as_ref()).to_owned());
                Verdict::Dead { reason: Reason::Panic, detail }
            }
        };
        match verdict {
            Verdict::Output => self.memory.keep(&mut self.output),
            Verdict::NotMapped | Verdict::Dead { .. } => self.memory.forget(),
        }
        verdict
    }

    /// Merges what the datapoint at hand emitted; nothing of it, if an item is larger than any
    /// container takes.
    fn keep(&mut self) -> Verdict {
        for item in &self.emitted {
            if S::Output::encoded_bytes_max(item) <= DATAPOINT_BYTES_MAX {
                continue;
            }
            self.scratch.clear();
            if let Err(e) = encode(&mut self.encoder, item, &mut self.scratch) {
                return Verdict::Dead { reason: reason(&e), detail: e.to_string() };
            }
        }
        self.frame.elements_in += (self.emitted.len() + self.memory.again()) as i64;
        self.emitted.drain(..).for_each(|item| self.output.add(item));
        Verdict::Output
    }

    /// Encodes what the chunk changed into the frame.
    fn encode(&mut self) -> Result<(), WriteError> {
        for item in self.output.changed() {
            encode(&mut self.encoder, item, &mut self.frame.encoded)?;
            self.frame.items += 1;
        }
        self.output.settle();
        Ok(())
    }
}

/// Appends an item to `out`, if a container would take it.
fn encode(
    encoder: &mut DatumEncoder,
    item: &impl Datum,
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
