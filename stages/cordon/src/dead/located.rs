//! Where the payload of a letter lies: its pointer says, and where retention took that, receipts.

use anyhow::Result;
use cordon_kafka::{log::TopicPartition, topology::Topology};
use cordon_records::{
    Digest, Letter, ObjectKey, Output, Pointer, Receipt, Source, schema, single_object,
};

use crate::{archive::Archive, bodies};

/// A payload that can be fetched and read.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) bucket: String,
    pub(crate) key: ObjectKey,
    pub(crate) range_start_bytes: i64,
    pub(crate) range_bytes: i64,
    /// `None` where a pointer names none: then the whole object, by its stored checksum.
    pub(crate) digest: Option<Digest>,
    /// n, where the version of its schema is known with it.
    pub(crate) datapoints: Option<i64>,
    /// Fingerprint of its writer schema; without n only its family is to be trusted.
    pub(crate) schema: i64,
}

/// Finds the payload of a letter that names one; `None` when nothing tells of it any more.
pub(crate) fn locate(
    archive: &Archive,
    topology: &Topology,
    letter: &Letter,
) -> Result<Option<Located>> {
    let at = TopicPartition::new(letter.topic.as_str(), letter.partition);
    let record = archive.record(&at, letter.offset)?;
    let pointer = record.and_then(|value| single_object::decode::<Pointer>(&value).ok());
    // The topic may have been made anew since, with other records at the same offsets.
    match pointer.filter(|pointer| pointer.key == letter.key && pointer.bucket == letter.bucket) {
        Some(pointer) => Ok(of_pointer(pointer)),
        None => of_receipts(archive, topology, letter),
    }
}

fn of_pointer(pointer: Pointer) -> Option<Located> {
    Some(Located {
        key: ObjectKey::parse(&pointer.key).ok()?,
        bucket: pointer.bucket,
        range_start_bytes: pointer.range_start_bytes,
        range_bytes: pointer.range_bytes,
        digest: pointer.digest,
        datapoints: pointer.datapoints,
        schema: pointer.schema,
    })
}

/// The stage's receipt tells the digest of what it consumed, and the receipt of whoever wrote that
/// tells where it lies.
fn of_receipts(archive: &Archive, topology: &Topology, letter: &Letter) -> Result<Option<Located>> {
    let digest = receipts(archive, &letter.stage)?
        .iter()
        .flat_map(|receipt| &receipt.inputs)
        .find_map(|input| consumed_digest(&input.source, letter));
    let Some(digest) = digest else { return Ok(None) };
    for writer in topology.producers.keys().chain(topology.stages.keys()) {
        let receipts = receipts(archive, writer)?;
        let mut outputs = receipts.iter().flat_map(|receipt| &receipt.outputs);
        if let Some(output) = outputs.find(|o| o.key == letter.key && o.digest == digest) {
            return Ok(of_output(output, writer));
        }
    }
    Ok(None)
}

fn of_output(output: &Output, writer: &str) -> Option<Located> {
    // What is no stage is ingest, and writes what pack writes.
    let schema = bodies::output_schema(writer)
        .unwrap_or_else(|| schema::LOG_DATAPOINT.current().fingerprint);
    Some(Located {
        bucket: output.bucket.clone(),
        key: ObjectKey::parse(&output.key).ok()?,
        range_start_bytes: output.range_start_bytes,
        range_bytes: output.range_bytes,
        digest: Some(output.digest),
        datapoints: None,
        schema: schema.to_long(),
    })
}

fn receipts(archive: &Archive, writer: &str) -> Result<Vec<Receipt>> {
    let records = archive.records(&format!("receipts.{writer}"))?;
    Ok(records.iter().filter_map(|(.., value)| single_object::decode(value).ok()).collect())
}

fn consumed_digest(source: &Source, letter: &Letter) -> Option<Digest> {
    match source {
        Source::PointerSource { topic, partition, offset, key, digest, .. }
            if (topic, *partition, *offset, key)
                == (&letter.topic, letter.partition, letter.offset, &letter.key) =>
        {
            *digest
        }
        _ => None,
    }
}
