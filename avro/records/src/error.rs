//! Errors of the codecs.

/// Bytes that are not the record they should be.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Too short for, or without, the single-object marker `C3 01`.
    #[error("not an Avro single object: no C3 01 marker")]
    Marker,
    /// Written with a schema that this version does not know.
    #[error("unknown schema fingerprint {0:016x}")]
    Schema(u64),
    /// The body does not follow its schema.
    #[error("malformed body: {0}")]
    Body(String),
    /// Bytes are left over behind the body.
    #[error("{0} bytes left over")]
    Surplus(usize),
}

/// A value that its schema cannot hold: a bug, or a string that is too long.
#[derive(Debug, thiserror::Error)]
#[error("cannot encode: {0}")]
pub struct EncodeError(pub String);
