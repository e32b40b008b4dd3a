//! Writing sections.

use std::io::{self, Write};

use cordon_records::{Datum, Digest, EncodeError, binary::put_long, schema::Version};

use crate::{
    BLOCK_BYTES, DATAPOINT_BYTES_MAX, DatumEncoder,
    block::Packer,
    header::{self, SYNC_BYTES, Sync},
};

/// Why a datapoint was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It is larger than [`DATAPOINT_BYTES_MAX`]; nothing of it was written.
    #[error("a datapoint of {0} bytes is larger than {DATAPOINT_BYTES_MAX}")]
    TooLarge(usize),
    /// Its schema cannot hold it; nothing of it was written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The output failed.
    #[error("cannot write the container")]
    Io(#[from] io::Error),
}

/// What a section holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SectionSummary {
    /// Datapoints.
    pub datapoints: u64,
    /// Size of the datapoints before compression.
    pub decoded_bytes: u64,
    /// Size of the section.
    pub len_bytes: u64,
}

/// Writes self-contained sections one after another.
///
/// At most one block is held back, so that any number of datapoints stream through it. A section
/// is complete once [`SectionWriter::finish_section`] returned; what was appended after the last
/// one is lost when the writer is dropped. After [`WriteError::Io`] the output is unusable.
///
/// The same datapoints give the same bytes: sync markers derive from the content, because cells
/// of one zygote share their random state and a payload should not depend on which one made it.
pub struct SectionWriter<W> {
    out: W,
    version: &'static Version,
    encoder: DatumEncoder,
    packer: Packer,
    /// Encoded datapoints of the open block.
    block: Vec<u8>,
    block_datapoints: u64,
    /// Reused from block to block.
    packed: Vec<u8>,
    framing: Vec<u8>,
    /// Set once the section's header is out.
    sync: Option<Sync>,
    /// Of the open section.
    summary: SectionSummary,
}

impl<W: Write> SectionWriter<W> {
    /// A writer of sections with this schema.
    pub fn new(version: &'static Version, out: W) -> Self {
        Self {
            out,
            version,
            encoder: DatumEncoder::new(version),
            packer: Packer::new(),
            block: Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 4),
            block_datapoints: 0,
            packed: Vec::new(),
            framing: Vec::new(),
            sync: None,
            summary: SectionSummary::default(),
        }
    }

    /// Appends one datapoint to the open section.
    pub fn append<T: Datum>(&mut self, datapoint: &T) -> Result<(), WriteError> {
        let before = self.block.len();
        self.encoder.append(datapoint, &mut self.block)?;
        self.appended(before)
    }

    /// Appends one datapoint that is encoded already, with this writer's schema.
    pub fn append_encoded(&mut self, datum: &[u8]) -> Result<(), WriteError> {
        let before = self.block.len();
        self.block.extend_from_slice(datum);
        self.appended(before)
    }

    /// What the open section holds so far; its `len_bytes` lacks the open block.
    pub fn section(&self) -> SectionSummary {
        self.summary
    }

    /// Ends the open section, also when it is empty. The next datapoint begins another.
    pub fn finish_section(&mut self) -> Result<SectionSummary, WriteError> {
        if self.block_datapoints > 0 {
            self.write_block(self.block.len())?;
        }
        if self.sync.is_none() {
            self.packed.clear();
            self.write_header()?;
        }
        self.sync = None;
        Ok(std::mem::take(&mut self.summary))
    }

    /// The output.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// The output, as far as it is written.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Counts the datapoint at `block[start..]`; first closes the block before it, if they do
    /// not fit together.
    fn appended(&mut self, start: usize) -> Result<(), WriteError> {
        let datapoint_bytes = self.block.len() - start;
        if datapoint_bytes > DATAPOINT_BYTES_MAX {
            self.block.truncate(start);
            return Err(WriteError::TooLarge(datapoint_bytes));
        }
        if start > 0 && self.block.len() > BLOCK_BYTES {
            self.write_block(start)?;
        }
        self.block_datapoints += 1;
        self.summary.datapoints += 1;
        self.summary.decoded_bytes += datapoint_bytes as u64;
        Ok(())
    }

    /// Writes `block[..end]` as one block and keeps the rest.
    fn write_block(&mut self, end: usize) -> Result<(), WriteError> {
        self.packer.pack(&self.block[..end], &mut self.packed);
        let sync = match self.sync {
            Some(sync) => sync,
            None => self.write_header()?,
        };
        self.framing.clear();
        put_long(&mut self.framing, self.block_datapoints as i64);
        put_long(&mut self.framing, self.packed.len() as i64);
        self.out.write_all(&self.framing)?;
        self.out.write_all(&self.packed)?;
        self.out.write_all(&sync)?;
        self.summary.len_bytes += (self.framing.len() + self.packed.len() + SYNC_BYTES) as u64;
        self.block.drain(..end);
        self.block_datapoints = 0;
        Ok(())
    }

    /// Writes the header, with a sync marker derived from the first packed block.
    fn write_header(&mut self) -> Result<Sync, WriteError> {
        self.framing.clear();
        self.framing.extend_from_slice(&self.version.fingerprint.0.to_le_bytes());
        self.framing.extend_from_slice(&self.packed);
        let digest = Digest::of(&self.framing);
        let mut sync = Sync::default();
        sync.copy_from_slice(&digest.0[..SYNC_BYTES]);
        self.framing.clear();
        header::put(self.version, &sync, &mut self.framing);
        self.out.write_all(&self.framing)?;
        self.summary.len_bytes += self.framing.len() as u64;
        self.sync = Some(sync);
        Ok(sync)
    }
}
