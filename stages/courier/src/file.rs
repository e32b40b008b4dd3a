//! What a range of a file becomes: the same for ingest as a batch is for a stage.
//!
//! Ingest consumes no topic, so it has no slot. But what its cells say is as untrusted, and what
//! it writes is of the same kind: objects, then in one transaction pointers, letters, a receipt.

use std::collections::BTreeMap;

use bytes::Bytes;
use cordon_kafka::log::NewRecord;
use cordon_records::{
    BatchId, Digest, Input, Lane, Letter, Receipt, Runs, Source,
    cell::{CellLetter, PartReport, Report},
};

use crate::{
    Environment, StageSettings,
    event::NewObject,
    slot::new_key,
    transaction::{Writer, lay_out},
    verify::{dead_of, ensure, verify_letters, verify_sections},
};

pub use crate::verify::Lie;

/// The file a range belongs to.
#[derive(Clone, Debug)]
pub struct FileInput {
    /// SHA-256 of the whole file.
    pub sha256: Digest,
    /// Its name, for people.
    pub name: String,
}

/// A checked range of a file, ready to be stored and committed.
#[derive(Debug)]
pub struct FileBatch {
    /// To be stored before the transaction begins.
    pub objects: Vec<NewObject>,
    /// To be written in one transaction.
    pub records: Vec<NewRecord>,
    /// One past the last record covered.
    pub to: i64,
    /// Whether the file is at its end.
    pub is_end: bool,
    /// Records that became datapoints.
    pub output: i64,
    /// Datapoints of each payload.
    pub payload_datapoints: Vec<i64>,
    /// Records that were refused.
    pub dead: i64,
    /// What is wrong with the file itself: it speaks of no record.
    pub remarks: Vec<String>,
}

impl FileBatch {
    /// Checks what a cell says of records from `from` on, and turns it into objects and records.
    ///
    /// # Errors
    ///
    /// The report does not add up.
    pub fn new(
        settings: &StageSettings,
        slot: &str,
        file: &FileInput,
        from: i64,
        report: Report,
        output: &Bytes,
        env: &mut dyn Environment,
    ) -> Result<Self, Lie> {
        let Report { parts, sections, elements_in, elements_out } = report;
        let part: PartReport = parts.into_iter().next().ok_or(Lie("number of parts"))?;
        ensure(part.from == from && part.to >= from, "the range")?;
        let letters = verify_letters(part.letters, from, part.to)?;
        verify_sections(&sections, output.len() as i64, settings.output_partitions)?;
        let dead = dead_of(&letters);
        let covered = Runs::union([&part.output, &dead]);
        ensure(part.output.is_valid_within(from, part.to), "output indexes")?;
        ensure(covered == Runs::range(from, part.to), "an index has no fate")?;
        ensure(covered.count() == part.output.count() + dead.count(), "an index has two fates")?;
        let stored: i64 = sections.iter().map(|section| section.datapoints).sum();
        ensure(stored == part.output.count() && stored == elements_out, "elements out")?;

        let writer = Writer {
            settings,
            batch: BatchId(env.uuid().into_bytes()),
            lane: Lane::Live,
            time_ms: env.now_ms(),
        };
        let key = new_key(&settings.output_topic, env);
        let refused_key = new_key(&format!("dead/{}", settings.stage), env);
        let layout = lay_out(output, &sections, key, refused_key);
        let (mut records, mut outputs) = (Vec::new(), Vec::new());
        writer.pointers(&layout, &mut records, &mut outputs);
        let mut remarks_at = BTreeMap::new();
        for letter in &letters {
            let letter = file_letter(&writer, file, letter, &mut remarks_at);
            records.push(writer.record(&settings.dead_topic, None, &letter));
        }
        let receipt = Receipt {
            batch: writer.batch,
            stage: settings.stage.clone(),
            stage_version: settings.version.clone(),
            slot: slot.to_owned(),
            lane: Lane::Live,
            time_ms: writer.time_ms,
            inputs: vec![Input {
                source: Source::FileSource { sha256: file.sha256, name: file.name.clone() },
                from,
                to: part.to,
                output: part.output.clone(),
                dead: dead.clone(),
                not_mapped: Runs::EMPTY,
                selection: None,
                redrives: Vec::new(),
            }],
            outputs,
            elements_in,
            elements_out,
        };
        records.push(writer.record(&settings.receipts_topic, None, &receipt));
        let remarks = letters.iter().filter(|letter| letter.from == letter.to);
        Ok(Self {
            objects: layout.objects,
            records,
            to: part.to,
            is_end: part.datapoints.is_some(),
            output: part.output.count(),
            payload_datapoints: sections.iter().map(|section| section.datapoints).collect(),
            dead: dead.count(),
            remarks: remarks.map(|letter| letter.detail.clone()).collect(),
        })
    }
}

/// Coordinates of a file's record: the topic names the file, the index the record. Remarks stand
/// where a record has its letter, and several may stand at one place: they are counted apart, the
/// same however often the file is ingested, since one cell tells all remarks of a place.
fn file_letter(
    writer: &Writer<'_>,
    file: &FileInput,
    letter: &CellLetter,
    remarks_at: &mut BTreeMap<i64, u32>,
) -> Letter {
    let topic = format!("file:{}", file.sha256);
    let stage = &writer.settings.stage;
    let mut id = format!("{stage}/{topic}/0/0/{}", letter.from);
    if letter.from == letter.to {
        let number = remarks_at.entry(letter.from).or_default();
        id += &format!("/remark-{number}");
        *number += 1;
    }
    Letter {
        id,
        batch: writer.batch,
        stage: stage.clone(),
        stage_version: writer.settings.version.clone(),
        time_ms: writer.time_ms,
        topic,
        partition: 0,
        offset: 0,
        from: letter.from,
        to: letter.to,
        bucket: String::new(),
        key: String::new(),
        reason: letter.reason.clone(),
        detail: letter.detail.clone(),
        attempts: 1,
        excerpt: letter.excerpt.clone(),
        redrives: Vec::new(),
    }
}
