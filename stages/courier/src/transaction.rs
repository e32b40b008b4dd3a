//! What a batch writes, and the one place where a transaction is run.

use bytes::Bytes;
use cordon_kafka::log::{Membership, NewOffset, NewRecord, Outcome, Producer};
use cordon_records::{
    BatchId, Digest, Input, Lane, Letter, ObjectKey, Output, Pointer, Receipt, Source,
    cell::{CellLetter, Section},
    single_object,
};

use crate::{
    batch::{Batch, BatchPart, PartFate},
    event::{NewObject, Transaction, TransactionOutcome},
    partition::TakeSource,
    settings::StageSettings,
    verify::{Verified, dead_of},
};

/// Where the sections of a batch's output lie once they are stored.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) objects: Vec<NewObject>,
    placed: Vec<Placed>,
}

#[derive(Debug)]
struct Placed {
    section: Section,
    key: ObjectKey,
    range_start_bytes: i64,
    digest: Digest,
}

impl Layout {
    /// The object that holds the bytes that were refused, if any were.
    fn refused_key(&self) -> Option<&ObjectKey> {
        self.placed.iter().find(|placed| placed.section.refused).map(|placed| &placed.key)
    }

    /// Draws new keys for all objects, under the same prefixes.
    pub(crate) fn rename(&mut self, mut new_key: impl FnMut(&str) -> ObjectKey) {
        for object in &mut self.objects {
            let prefix = object.key.as_str().rsplit_once('/').map_or("", |(prefix, _)| prefix);
            let key = new_key(prefix);
            for placed in self.placed.iter_mut().filter(|placed| placed.key == object.key) {
                placed.key = key.clone();
            }
            object.key = key;
        }
    }
}

/// Cuts a batch's output into objects: one for everything that pointers will name, one for the
/// bytes that were refused.
pub(crate) fn lay_out(
    output: &Bytes,
    sections: &[Section],
    key: ObjectKey,
    refused_key: ObjectKey,
) -> Layout {
    let mut layout = Layout { objects: Vec::new(), placed: Vec::new() };
    for (refused, key) in [(false, key), (true, refused_key)] {
        let mine: Vec<&Section> = sections.iter().filter(|s| s.refused == refused).collect();
        if mine.is_empty() {
            continue;
        }
        let body = join(output, &mine);
        let mut start = 0;
        for section in mine {
            let end = start + section.len_bytes as usize;
            layout.placed.push(Placed {
                section: section.clone(),
                key: key.clone(),
                range_start_bytes: start as i64,
                digest: Digest::of(&body[start..end]),
            });
            start = end;
        }
        layout.objects.push(NewObject { key, digest: Digest::of(&body), body });
    }
    layout
}

/// The sections' bytes one after another; without a copy when they are the whole output.
fn join(output: &Bytes, sections: &[&Section]) -> Bytes {
    let range = |s: &Section| {
        let start = s.offset_bytes as usize;
        start..start + s.len_bytes as usize
    };
    if sections.iter().map(|s| s.len_bytes as usize).sum::<usize>() == output.len() {
        return output.clone();
    }
    sections.iter().flat_map(|s| output[range(s)].iter().copied()).collect()
}

/// Everything that a batch's transaction says about it: pointers, letters, receipt.
pub(crate) fn records(
    settings: &StageSettings,
    slot: &str,
    batch: &Batch,
    verified: &Verified,
    layout: &Layout,
    time_ms: i64,
) -> Vec<NewRecord> {
    let writer = Writer { settings, batch: batch.id, lane: batch.lane, time_ms };
    let mut records = Vec::new();
    let mut outputs = Vec::new();
    writer.pointers(layout, &mut records, &mut outputs);
    let mut inputs = Vec::new();
    for (part, fate) in batch.parts.iter().zip(&verified.fates) {
        if fate.from == fate.to && fate.letters.is_empty() && !fate.is_end {
            continue;
        }
        inputs.push(input_of(part, fate));
        for letter in &fate.letters {
            let letter = writer.letter(part, letter, layout);
            records.push(writer.record(&settings.dead_topic, None, &letter));
        }
    }
    let receipt = Receipt {
        batch: batch.id,
        stage: settings.stage.clone(),
        stage_version: settings.version.clone(),
        slot: slot.to_owned(),
        lane: batch.lane,
        time_ms,
        inputs,
        outputs,
        elements_in: verified.elements_in,
        elements_out: verified.elements_out,
    };
    records.push(writer.record(&settings.receipts_topic, None, &receipt));
    records
}

pub(crate) struct Writer<'a> {
    pub(crate) settings: &'a StageSettings,
    pub(crate) batch: BatchId,
    pub(crate) lane: Lane,
    pub(crate) time_ms: i64,
}

impl Writer<'_> {
    pub(crate) fn record(
        &self,
        topic: &std::sync::Arc<str>,
        partition: Option<i32>,
        record: &impl single_object::Record,
    ) -> NewRecord {
        // Every string in it is bounded, so that only a bug could make this fail.
        let value = single_object::encode(record).expect("a record fits its schema");
        NewRecord {
            topic: topic.clone(),
            partition,
            key: None,
            value: Bytes::from(value),
            headers: Vec::new(),
        }
    }

    /// A pointer record for each section, and its line in the receipt.
    pub(crate) fn pointers(
        &self,
        layout: &Layout,
        records: &mut Vec<NewRecord>,
        outputs: &mut Vec<Output>,
    ) {
        let named = layout.placed.iter().filter(|placed| !placed.section.refused);
        for (index, placed) in (0..).zip(named) {
            let partition = self.partition(placed.section.partition, index);
            outputs.push(self.output(placed, partition));
            let topic = self.settings.output_topic_of(self.lane);
            records.push(self.record(topic, Some(partition), &self.pointer(placed)));
        }
    }

    /// Where any partition will do, the random batch id spreads the load.
    fn partition(&self, asked: i32, index: i32) -> i32 {
        let random = i32::from(u16::from_be_bytes([self.batch.0[0], self.batch.0[1]]));
        match asked {
            -1 => random.wrapping_add(index).rem_euclid(self.settings.output_partitions),
            partition => partition,
        }
    }

    fn pointer(&self, placed: &Placed) -> Pointer {
        let section = &placed.section;
        Pointer {
            bucket: self.settings.bucket.clone(),
            key: placed.key.to_string(),
            range_start_bytes: placed.range_start_bytes,
            range_bytes: section.len_bytes,
            digest: Some(placed.digest),
            datapoints: Some(section.datapoints),
            decoded_bytes: section.decoded_bytes,
            schema: self.settings.output_schema.to_long(),
            time_min_ms: section.time_min_ms,
            time_max_ms: section.time_max_ms,
            stage: self.settings.stage.clone(),
            stage_version: self.settings.version.clone(),
            selection: None,
            redrives: Vec::new(),
        }
    }

    fn output(&self, placed: &Placed, partition: i32) -> Output {
        Output {
            topic: self.settings.output_topic_of(self.lane).to_string(),
            partition,
            bucket: self.settings.bucket.clone(),
            key: placed.key.to_string(),
            range_start_bytes: placed.range_start_bytes,
            range_bytes: placed.section.len_bytes,
            digest: placed.digest,
            datapoints: placed.section.datapoints,
        }
    }

    fn letter(&self, part: &BatchPart, letter: &CellLetter, layout: &Layout) -> Letter {
        let is_raw = matches!(part.take.source, TakeSource::Raw { .. });
        let offset = if is_raw { letter.from } else { part.take.offset };
        let (topic, partition) = (part.at.topic.to_string(), part.at.partition);
        let (bucket, key) = match &part.take.source {
            TakeSource::Payload { pointer, .. } => (pointer.bucket.clone(), pointer.key.clone()),
            TakeSource::Raw { .. } => match layout.refused_key() {
                Some(key) => (self.settings.bucket.clone(), key.to_string()),
                None => Default::default(),
            },
            TakeSource::Refused { .. } => Default::default(),
        };
        let stage = &self.settings.stage;
        Letter {
            id: format!("{stage}/{topic}/{partition}/{offset}/{}", letter.from),
            batch: self.batch,
            stage: stage.clone(),
            stage_version: self.settings.version.clone(),
            time_ms: self.time_ms,
            topic,
            partition,
            offset,
            from: letter.from,
            to: letter.to,
            bucket,
            key,
            reason: letter.reason.clone(),
            detail: letter.detail.clone(),
            attempts: 1,
            excerpt: letter.excerpt.clone(),
            redrives: Letter::redriven(part.redrives(), letter.from, letter.to),
        }
    }
}

fn input_of(part: &BatchPart, fate: &PartFate) -> Input {
    let (topic, partition) = (part.at.topic.to_string(), part.at.partition);
    let offset = part.take.offset;
    let source = match &part.take.source {
        TakeSource::Raw { .. } => Source::RawSource { topic, partition },
        TakeSource::Payload { pointer, .. } => Source::PointerSource {
            topic,
            partition,
            offset,
            key: pointer.key.clone(),
            digest: pointer.digest,
            datapoints: fate.datapoints,
        },
        TakeSource::Refused { .. } => Source::PointerSource {
            topic,
            partition,
            offset,
            key: String::new(),
            digest: None,
            datapoints: fate.datapoints,
        },
    };
    let selection = match &part.take.source {
        TakeSource::Payload { pointer, .. } => pointer.selection.clone(),
        _ => None,
    };
    Input {
        source,
        from: fate.from,
        to: fate.to,
        output: fate.output.clone(),
        dead: dead_of(&fate.letters),
        not_mapped: fate.not_mapped.clone(),
        selection,
        redrives: part.redrives().to_vec(),
    }
}

/// Runs one transaction from begin to its end.
///
/// A program that consumes nothing has no membership, and sends no offsets.
pub fn run(
    producer: &mut impl Producer,
    membership: Option<&Membership>,
    transaction: Transaction,
) -> TransactionOutcome {
    let mut running = Running::new(membership.cloned(), transaction);
    loop {
        if let Some(outcome) = running.step(producer) {
            return outcome;
        }
    }
}

/// A transaction, one call of the producer at a time: the only place that knows their order.
///
/// A step that is known to have failed leads to an abort, and only a *known* abort is reported as
/// one: everything else nobody knows, and the caller reads the truth with a new producer.
#[derive(Debug)]
pub struct Running {
    step: Step,
    records: std::vec::IntoIter<NewRecord>,
    offsets: Vec<NewOffset>,
    membership: Option<Membership>,
}

/// The call that comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Begin,
    Produce,
    SendOffsets,
    Commit,
    Abort { why: String, is_denied: bool },
}

impl Running {
    /// A transaction that has not begun.
    pub fn new(membership: Option<Membership>, transaction: Transaction) -> Self {
        let Transaction { records, offsets } = transaction;
        Self { step: Step::Begin, records: records.into_iter(), offsets, membership }
    }

    /// Makes the next call; says how the transaction ended when it was the last.
    pub fn step(&mut self, producer: &mut impl Producer) -> Option<TransactionOutcome> {
        let (outcome, next) = match &self.step {
            Step::Begin => (producer.begin(), Step::Produce),
            Step::Produce => match self.records.next() {
                Some(record) => (producer.produce(record), Step::Produce),
                None => (Outcome::Done, Step::SendOffsets),
            },
            Step::SendOffsets => match &self.membership {
                Some(membership) => {
                    (producer.send_offsets(&self.offsets, membership), Step::Commit)
                }
                None => (Outcome::Done, Step::Commit),
            },
            Step::Commit => match producer.commit() {
                Outcome::Done => return Some(TransactionOutcome::Committed),
                other => (other, Step::Commit),
            },
            Step::Abort { why, is_denied } => {
                return Some(match producer.abort() {
                    Outcome::Fenced(why) => TransactionOutcome::Fenced(why),
                    _ if *is_denied => TransactionOutcome::Denied(why.clone()),
                    Outcome::Done => TransactionOutcome::Aborted(why.clone()),
                    _ => TransactionOutcome::Unknown(why.clone()),
                });
            }
        };
        self.step = match outcome {
            Outcome::Done => next,
            Outcome::Aborted(why) => Step::Abort { why, is_denied: false },
            Outcome::Denied(why) => Step::Abort { why, is_denied: true },
            Outcome::Unknown(why) => return Some(TransactionOutcome::Unknown(why)),
            Outcome::Fenced(why) => return Some(TransactionOutcome::Fenced(why)),
        };
        None
    }
}
