//! Payload containers: Avro Object Container Files with zstd blocks.
//!
//! A payload is one *section*, or several one after another: each a complete container file with
//! header, writer schema and blocks, so that any of them can be read alone by any Avro
//! implementation. [`SectionWriter`] writes sections, [`SectionReader`] reads a range that holds
//! one or more of them under one running index.
//!
//! The key idea is that a block is small ([`BLOCK_BYTES`] decoded) and says how many datapoints
//! it holds. So a reader that resumes at datapoint *i* steps over the blocks before it without
//! decompressing them, and whatever is wrong with one block leaves the earlier ones readable.
//!
//! A reader treats every byte as hostile:
//!
//! - the writer schema is *pinned*: the header's fingerprint must be the one the pointer names
//!   and belong to a committed version; data is decoded with our copy of it, never with theirs;
//! - every length is checked before anything is allocated, and a block is decompressed into a
//!   buffer that is capped by [`ReadLimits`];
//! - a fault ends the reading at a known index ([`ContainerFault`]); every datapoint before it
//!   was delivered.
//!
//! Restrictions: this crate decompresses and parses, so only code that runs in a cell may use
//! it. No I/O of its own, no clock, no randomness.
//!
//! ```
//! use cordon_container::{ReadLimits, SectionReader, SectionWriter};
//! use cordon_records::{Digest, FileOrigin, LogDatapoint, Origin, schema};
//!
//! let version = schema::LOG_DATAPOINT.current();
//! let origin = FileOrigin { sha256: Digest::of(b"a file"), record: 0 };
//! let mut writer = SectionWriter::new(version, Vec::new());
//! writer.append(&LogDatapoint { origin: Origin::File(origin), line: b"{}" })?;
//! let section = writer.finish_section()?;
//! assert_eq!(section.datapoints, 1);
//!
//! let payload = writer.into_inner();
//! let pinned = Some(version.fingerprint);
//! let mut reader =
//!     SectionReader::open(&payload, &schema::LOG_DATAPOINT, pinned, ReadLimits::default())?;
//! let (index, datapoint) = reader.next::<LogDatapoint>()?.expect("there is one");
//! assert_eq!((index, datapoint.line), (0, &b"{}"[..]));
//! assert!(reader.next::<LogDatapoint>()?.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod block;
mod cursor;
mod datum;
mod fault;
mod header;
mod reader;
mod writer;

pub use datum::{DatumDecoder, DatumEncoder, DatumFault};
pub use fault::{ContainerFault, FaultKind};
pub use reader::{ReadLimits, SectionReader};
pub use writer::{SectionSummary, SectionWriter, WriteError};

/// Decoded size at which a block is closed. Resuming decodes at most one block for nothing, and
/// zstd gains little beyond this: 64–256 KB were measured as the useful range.
pub const BLOCK_BYTES: usize = 128 << 10;

/// Largest datapoint, encoded. Twice what a broker accepts as one record by default, so that
/// nothing a shipper could send is refused; a larger one is a dead letter with reason `size`.
pub const DATAPOINT_BYTES_MAX: usize = 2 << 20;
