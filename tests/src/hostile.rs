//! Somebody who holds the secrets of ingest, and writes what ingest never would.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use cordon_container::SectionWriter;
use cordon_kafka::{
    log::{Log as _, NewRecord, Outcome, Producer as _},
    real::RealLog,
};
use cordon_records::{
    Digest, FileOrigin, LogDatapoint, ObjectKey, Origin, Pointer, schema, single_object,
};
use cordon_store::Store;

use crate::world::World;

/// Writes payloads and pointers as the principal *ingest*.
pub struct Hostile<'a> {
    world: &'a World,
    store: Store,
    runtime: tokio::runtime::Runtime,
}

/// Keys that were made up by now: two of them never meet.
static KEYS: AtomicU32 = AtomicU32::new(0);

impl<'a> Hostile<'a> {
    /// With the secrets that the world has for it.
    pub fn new(world: &'a World) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { world, store: world.store("ingest")?, runtime })
    }

    /// A key that nothing lies under.
    pub fn key(&self) -> Result<ObjectKey> {
        let (time_ms, n) = (1_700_000_000_000_i64, KEYS.fetch_add(1, Ordering::Relaxed));
        ObjectKey::parse(&format!("logs/{time_ms}-6f1ddc2a-58a4-4f0c-8d5d-3c1e0b8a{n:04x}"))
            .context("a key")
    }

    /// Stores a payload, and gives a pointer to it that is right but for what `n` claims.
    pub fn payload(&self, payload: Vec<u8>, n: i64) -> Result<Pointer> {
        let (key, digest) = (self.key()?, Digest::of(&payload));
        let pointer = self.pointer(&key, &payload, n);
        let bucket = &self.world.topology().bucket;
        self.runtime.block_on(self.store.put(bucket, &key, Bytes::from(payload), digest))?;
        Ok(pointer)
    }

    /// A pointer as ingest would write it.
    pub fn pointer(&self, key: &ObjectKey, payload: &[u8], n: i64) -> Pointer {
        Pointer {
            bucket: self.world.topology().bucket.clone(),
            key: key.to_string(),
            range_start_bytes: 0,
            range_bytes: payload.len() as i64,
            digest: Some(Digest::of(payload)),
            datapoints: Some(n),
            decoded_bytes: 0,
            schema: schema::LOG_DATAPOINT.current().fingerprint.to_long(),
            time_min_ms: None,
            time_max_ms: None,
            stage: "ingest".to_owned(),
            stage_version: "0".to_owned(),
            selection: None,
            redrives: Vec::new(),
        }
    }
}

/// A payload of these lines, a section each.
pub fn payload(lines: &[&[u8]]) -> Result<Vec<u8>> {
    let mut writer = SectionWriter::new(schema::LOG_DATAPOINT.current(), Vec::new());
    for (record, line) in (0..).zip(lines) {
        let origin = Origin::File(FileOrigin { sha256: Digest::of(b"no file"), record });
        writer.append(&LogDatapoint { origin, line })?;
        writer.finish_section()?;
    }
    Ok(writer.into_inner())
}

/// A pointer as a record's value.
pub fn encode(pointer: &Pointer) -> Result<Vec<u8>> {
    Ok(single_object::encode(pointer)?)
}

/// Writes records to one partition in one transaction: they lie one behind the other.
pub fn write(log: &RealLog, id: &str, at: (&str, i32), values: &[Vec<u8>]) -> Result<()> {
    let mut producer = log.producer(id)?;
    let done = |outcome: Outcome| {
        ensure!(outcome == Outcome::Done, "{outcome:?}");
        Ok(())
    };
    done(producer.init())?;
    done(producer.begin())?;
    for value in values {
        done(producer.produce(NewRecord {
            topic: at.0.into(),
            partition: Some(at.1),
            key: None,
            value: Bytes::copy_from_slice(value),
            headers: Vec::new(),
        }))?;
    }
    done(producer.commit())
}
