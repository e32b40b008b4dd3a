//! The bytes of dead datapoints, fetched on demand and read in a cell.

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use cordon_body::{EXACT_OPTION, RECORD_OPTION};
use cordon_cell::{CellLimits, Cells};
use cordon_kafka::{
    log::TopicPartition,
    topology::{InputSpec, Topology},
};
use cordon_records::{Letter, ObjectKey, schema};
use tokio::runtime::Handle;

use super::located::{Located, locate};
use crate::{
    archive::Archive,
    reader::{self, Payload, Printed},
    terminal::escape,
};

/// How datapoints are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// As JSON objects, one a line.
    Json,
    /// Byte for byte.
    Exact,
}

/// What is needed to fetch and read a payload.
pub(crate) struct Fetcher<'a> {
    pub(crate) archive: &'a Archive,
    pub(crate) topology: &'a Topology,
    pub(crate) cells: &'a Cells,
    pub(crate) runtime: &'a Handle,
}

/// Largest object that is fetched whole, and most datapoints looked through in it: what a stage
/// accepts in a pointer.
const OBJECT_BYTES_MAX: u64 = 64 << 20;
const OBJECT_DATAPOINTS_MAX: i64 = 1 << 20;

impl Fetcher<'_> {
    /// Prints the datapoints of a letter, at most `count_max`. What comes back is a cell's word:
    /// untrusted. An error says in a person's words why they cannot be read.
    pub(crate) fn datapoints(
        &self,
        letter: &Letter,
        style: Style,
        count_max: i64,
    ) -> Result<Vec<u8>> {
        ensure!(letter.from < letter.to, "the letter speaks of what lies behind the payload's end");
        if letter.topic.starts_with("file:") {
            bail!(
                "ingest keeps nothing that it refuses: the bytes are record {} of that file",
                letter.from
            );
        }
        let stage = self.topology.stages.get(&letter.stage);
        if stage.is_some_and(|stage| stage.input == InputSpec::Records) {
            return self.raw_record(letter, style);
        }
        ensure!(
            !letter.key.is_empty(),
            "the record is no pointer that may be followed, so that it leads to no bytes"
        );
        let located = locate(self.archive, self.topology, letter)?
            .context("neither its pointer nor a receipt of who wrote the payload is left")?;
        let bytes = self.fetch(&located)?;
        let payload = Payload {
            bytes,
            schema: located.schema,
            from: letter.from,
            to: letter.to.min(letter.from.saturating_add(count_max)),
            datapoints: located.datapoints,
        };
        Ok(self.print(payload, style, None)?.output)
    }

    /// Pack sets the bytes that it refuses aside. Where it could not, the topic may have them yet.
    fn raw_record(&self, letter: &Letter, style: Style) -> Result<Vec<u8>> {
        if !letter.key.is_empty() {
            let aside = self.set_aside(letter, style)?;
            if aside.datapoints > 0 {
                return Ok(aside.output);
            }
        }
        let at = TopicPartition::new(letter.topic.as_str(), letter.partition);
        let value = self.archive.record(&at, letter.offset)?;
        let value =
            value.context("its bytes were not set aside, and the topic has forgotten them")?;
        Ok(match style {
            Style::Exact => value,
            Style::Json => {
                let (topic, partition, offset) = (&letter.topic, letter.partition, letter.offset);
                let origin =
                    serde_json::json!({"topic": topic, "partition": partition, "offset": offset});
                let line = String::from_utf8_lossy(&value);
                serde_json::json!({"origin": origin, "line": line}).to_string().into_bytes()
            }
        })
    }

    fn set_aside(&self, letter: &Letter, style: Style) -> Result<Printed> {
        let located = Located {
            bucket: letter.bucket.clone(),
            key: ObjectKey::parse(&letter.key).context("the letter's key")?,
            range_start_bytes: 0,
            range_bytes: 0,
            digest: None,
            datapoints: None,
            schema: schema::LOG_DATAPOINT.current().fingerprint.to_long(),
        };
        let payload = Payload {
            bytes: self.fetch(&located)?,
            schema: located.schema,
            from: 0,
            to: OBJECT_DATAPOINTS_MAX,
            datapoints: None,
        };
        let Letter { topic, partition, offset, .. } = letter;
        self.print(payload, style, Some(&format!("{topic}/{partition}/{offset}")))
    }

    fn fetch(&self, located: &Located) -> Result<Bytes> {
        let Located { bucket, key, range_start_bytes, range_bytes, digest, .. } = located;
        ensure!(*bucket == self.topology.bucket, "it names the bucket {}", escape(bucket));
        let store = self.archive.store()?;
        let got = match digest {
            Some(digest) => {
                let (start, len) = (range_start_bytes.unsigned_abs(), range_bytes.unsigned_abs());
                self.runtime.block_on(store.get(bucket, key, start, len, *digest))
            }
            None => self.runtime.block_on(store.get_whole(bucket, key, OBJECT_BYTES_MAX)),
        };
        got.with_context(|| format!("cannot fetch {key}"))
    }

    fn print(&self, payload: Payload, style: Style, record: Option<&str>) -> Result<Printed> {
        let mut options = Vec::new();
        if style == Style::Exact {
            options.push((EXACT_OPTION, "true"));
        }
        options.extend(record.map(|record| (RECORD_OPTION, record)));
        let printed = reader::print(self.cells, &[payload], &options, CellLimits::default())?;
        if let Some(letter) = printed.letters.first()
            && printed.datapoints == 0
        {
            bail!("{}: {}", escape(&letter.reason), escape(&letter.detail));
        }
        Ok(printed)
    }
}
