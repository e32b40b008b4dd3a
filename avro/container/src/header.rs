//! A section's header: magic, metadata, sync marker.

use cordon_records::{
    Fingerprint,
    binary::{put_blob, put_long},
    schema::{Family, Version},
};
use serde_avro_fast::Schema;

use crate::{
    FaultKind,
    cursor::{Cursor, Framing},
};

/// Object container file, version 1.
pub(crate) const MAGIC: &[u8] = b"Obj\x01";

/// Length of a sync marker.
pub(crate) const SYNC_BYTES: usize = 16;

/// A marker drawn by the writer; it ends the header and every block.
pub(crate) type Sync = [u8; SYNC_BYTES];

const SCHEMA_KEY: &str = "avro.schema";
const CODEC_KEY: &str = "avro.codec";

/// Entries of the metadata map: the two that Avro defines, and a few of a foreign writer.
const ENTRIES_MAX: usize = 16;

/// Our largest schema has 2 KB; a foreign writer may format it as it likes.
const SCHEMA_BYTES_MAX: usize = 64 << 10;

/// How blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Null,
    Zstandard,
}

/// A header that was accepted.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) version: &'static Version,
    pub(crate) codec: Codec,
    pub(crate) sync: Sync,
}

/// Which writer schemas are accepted.
#[derive(Clone, Copy)]
pub(crate) struct Pin {
    pub(crate) family: &'static Family,
    /// The fingerprint that the pointer names; `None` where it could not know.
    pub(crate) expected: Option<Fingerprint>,
}

/// Appends a header.
pub(crate) fn put(version: &Version, sync: &Sync, out: &mut Vec<u8>) {
    out.extend_from_slice(MAGIC);
    put_long(out, 2);
    for (key, value) in [(CODEC_KEY, "zstandard"), (SCHEMA_KEY, version.schema.json())] {
        put_blob(out, key.as_bytes());
        put_blob(out, value.as_bytes());
    }
    put_long(out, 0);
    out.extend_from_slice(sync);
}

/// What is wrong with a header.
pub(crate) type HeaderFault = (FaultKind, String);

/// Reads a header and pins its schema.
pub(crate) fn read(cursor: &mut Cursor<'_>, pin: &Pin) -> Result<Header, HeaderFault> {
    let (schema, codec, sync) =
        framing(cursor).map_err(|detail| (FaultKind::Corrupt, format!("header: {detail}")))?;
    let version = pinned(schema, pin).map_err(|detail| (FaultKind::Schema, detail))?;
    let codec = match codec {
        None | Some(b"null") => Codec::Null,
        Some(b"zstandard") => Codec::Zstandard,
        Some(_) => return Err((FaultKind::Corrupt, "header: the codec is not zstandard".into())),
    };
    Ok(Header { version, codec, sync })
}

type RawHeader<'a> = (&'a [u8], Option<&'a [u8]>, Sync);

fn framing<'a>(cursor: &mut Cursor<'a>) -> Framing<RawHeader<'a>> {
    if cursor.take(MAGIC.len())? != MAGIC {
        return Err("this is not an Avro container");
    }
    let (mut schema, mut codec) = (None, None);
    let mut entries = 0;
    loop {
        let count = match cursor.long()? {
            0 => break,
            // A negative count is followed by the map block's size in bytes, for skipping.
            count if count < 0 => {
                cursor.long()?;
                count.unsigned_abs()
            }
            count => count.unsigned_abs(),
        };
        for _ in 0..count {
            entries += 1;
            if entries > ENTRIES_MAX {
                return Err("too many entries");
            }
            let key = cursor.blob()?;
            let value = cursor.blob()?;
            let slot = match key {
                key if key == SCHEMA_KEY.as_bytes() => &mut schema,
                key if key == CODEC_KEY.as_bytes() => &mut codec,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err("an entry occurs twice");
            }
        }
    }
    let sync = cursor.take(SYNC_BYTES)?.try_into().map_err(|_| "truncated")?;
    Ok((schema.ok_or("there is no schema")?, codec, sync))
}

/// Our own version of the schema that the header claims, if the pointer named it too.
///
/// A foreign writer formats the schema its own way, so it is parsed, but only to learn its
/// fingerprint. That is a CRC which anyone can forge: a forger makes us decode garbage with
/// *our* schema, which is what a hostile block can do anyway.
fn pinned(schema: &[u8], pin: &Pin) -> Result<&'static Version, String> {
    let version = match pin.family.versions.iter().find(|v| v.schema.json().as_bytes() == schema) {
        Some(version) => version,
        None => {
            let fingerprint = foreign_fingerprint(schema)?;
            pin.family
                .find(fingerprint)
                .ok_or_else(|| format!("unknown writer schema {:016x}", fingerprint.0))?
        }
    };
    match pin.expected {
        Some(expected) if expected != version.fingerprint => Err(format!(
            "the pointer names schema {:016x}, the payload was written with {:016x}",
            expected.0, version.fingerprint.0
        )),
        _ => Ok(version),
    }
}

fn foreign_fingerprint(schema: &[u8]) -> Result<Fingerprint, String> {
    if schema.len() > SCHEMA_BYTES_MAX {
        return Err("the writer schema is too long".into());
    }
    let text = str::from_utf8(schema).map_err(|_| "the writer schema is not UTF-8")?;
    let parsed: Schema = text.parse().map_err(|e| format!("the writer schema is invalid: {e}"))?;
    Ok(Fingerprint(u64::from_le_bytes(*parsed.rabin_fingerprint())))
}
