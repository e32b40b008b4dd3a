//! The lister: walks the keys of a bucket by time, and names what it finds by pointers.
//!
//! Every other program of cordon's is told which objects there are, by pointers, and can ask for
//! nothing else. What no pointer names any more, or never did (a transaction that aborted behind
//! its put), is found again in this one way: by a program that may list, and may neither read nor
//! write an object. So its pointers say nothing that only a reader could know: no digest, no count,
//! no schema. Whoever follows one verifies the whole object against the checksum that was stored
//! with it, and its cell counts.
//!
//! Architecture invariant: no stage links this crate, and nothing else of cordon's can list.

mod error;
mod lister;
mod walk;

pub use error::ListError;
pub use lister::{Found, Lister, Page};
pub use walk::{Prefix, PrefixFault, Walk};

use cordon_records::Pointer;

/// What the pointers of the lister say of their producer: nobody's receipt has them.
pub const STAGE: &str = "lister";

/// The pointer to an object of which only key and size are known.
pub fn pointer_to(bucket: &str, found: &Found, version: &str) -> Pointer {
    Pointer {
        bucket: bucket.to_owned(),
        key: found.key.to_string(),
        range_start_bytes: 0,
        range_bytes: found.size_bytes,
        digest: None,
        datapoints: None,
        decoded_bytes: 0,
        schema: 0,
        time_min_ms: None,
        time_max_ms: None,
        stage: STAGE.to_owned(),
        stage_version: version.to_owned(),
        selection: None,
        redrives: Vec::new(),
    }
}
