//! Avro's single-object encoding: `C3 01`, the writer schema's fingerprint, the body.

use std::io::BufRead as _;

use serde::{Serialize, de::DeserializeOwned};
use serde_avro_fast::{
    de::{DeserializerConfig, DeserializerState, read::SliceRead},
    ser::SerializerConfig,
};

use crate::{
    DecodeError, EncodeError, Fingerprint, Letter, Metrics, Pointer, Receipt, cell,
    schema::{self, Family},
};

/// A record that has a schema family, and so can stand alone.
pub trait Record: Serialize + DeserializeOwned {
    /// Its schemas.
    fn family() -> &'static Family;
}

macro_rules! records {
    ($($record:ty => $family:ident,)*) => {
        $(impl Record for $record {
            fn family() -> &'static Family { &schema::$family }
        })*
    };
}

records! {
    Pointer => POINTER,
    Receipt => RECEIPT,
    Letter => LETTER,
    Metrics => METRICS,
    cell::Job => JOB,
    cell::Report => REPORT,
    cell::Frame => FRAME,
}

const MARKER: [u8; 2] = [0xC3, 0x01];
const HEADER_BYTES: usize = 10;

/// Longest array or map that a record may claim: a full batch's runs, and no hostile 2^62.
const SEQUENCE_ITEMS_MAX: usize = 1 << 17;

/// Encodes a record with the newest schema of its family.
pub fn encode<R: Record>(record: &R) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(256);
    encode_into(record, &mut bytes)?;
    Ok(bytes)
}

/// Appends the encoding of a record; on an error `out` is as before.
pub fn encode_into<R: Record>(record: &R, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let version = R::family().current();
    let before = out.len();
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&version.fingerprint.0.to_le_bytes());
    serde_avro_fast::to_datum(record, &mut *out, &mut SerializerConfig::new(&version.schema))
        .map(|_| ())
        .map_err(|e| {
            out.truncate(before);
            EncodeError(e.to_string())
        })
}

/// Decodes a record that any committed schema of its family wrote, and nothing behind it.
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R, DecodeError> {
    let (header, body) = bytes.split_at_checked(HEADER_BYTES).ok_or(DecodeError::Marker)?;
    let (marker, fingerprint) = header.split_at(MARKER.len());
    if marker != MARKER {
        return Err(DecodeError::Marker);
    }
    let fingerprint = u64::from_le_bytes(fingerprint.try_into().map_err(|_| DecodeError::Marker)?);
    let version =
        R::family().find(Fingerprint(fingerprint)).ok_or(DecodeError::Schema(fingerprint))?;
    let mut config = DeserializerConfig::new(&version.schema);
    config.max_seq_size = SEQUENCE_ITEMS_MAX;
    let mut state = DeserializerState::with_config(SliceRead::new(body), config);
    let record =
        R::deserialize(state.deserializer()).map_err(|e| DecodeError::Body(e.to_string()))?;
    match state.into_reader().fill_buf() {
        Ok([]) => Ok(record),
        rest => Err(DecodeError::Surplus(rest.map_or(0, <[u8]>::len))),
    }
}
