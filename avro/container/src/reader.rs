//! Reading sections.

use cordon_records::{
    Fingerprint,
    schema::{Family, Version},
};
use serde::Deserialize;

use crate::{
    BLOCK_BYTES, ContainerFault, DATAPOINT_BYTES_MAX, DatumDecoder, DatumFault, FaultKind,
    block::{UnpackFault, Unpacker},
    cursor::Cursor,
    header::{self, Codec, Header, MAGIC, Pin, SYNC_BYTES},
};

/// How much a reader decodes before it refuses.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// Decoded bytes of one block. The default holds the largest datapoint, alone or behind a
    /// block of a writer that closes it only when it is over-full.
    pub block_bytes_max: usize,
    /// Decoded bytes of all blocks that are decoded.
    pub decoded_bytes_max: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            block_bytes_max: DATAPOINT_BYTES_MAX + 2 * BLOCK_BYTES,
            // Eight payloads of the default limit: for tools; a cell is told its limit.
            decoded_bytes_max: 64 << 20,
        }
    }
}

/// Reads the datapoints of one section, or of several one after another, under one index.
///
/// [`SectionReader::advance`] finds the next datapoint and says its index, so that a caller can
/// note it down before it decodes a byte of it; [`SectionReader::read`] or
/// [`SectionReader::skip`] then consume it. After a fault every call returns that fault.
///
/// A block that is stepped over by [`SectionReader::skip_to`] is not decoded, so its count is
/// taken at its word. If it lies, whoever decoded it found out.
pub struct SectionReader<'a> {
    rest: Cursor<'a>,
    pin: Pin,
    limits: ReadLimits,
    unpacker: Unpacker,
    header: Header,
    decoder: DatumDecoder,
    /// The next block to decode, once it is found.
    packed: Option<PackedBlock<'a>>,
    block: Block,
    /// Of the next datapoint.
    index: u64,
    /// Datapoints before this one are stepped over.
    target: u64,
    /// Of all blocks decoded so far.
    decoded_bytes: u64,
    fault: Option<ContainerFault>,
}

/// A decoded block.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    /// Where the next datapoint starts.
    at: usize,
    /// Datapoints not consumed yet, as the block's header says.
    left: u64,
}

impl Block {
    /// Lets `decode` take the next datapoint off the block, and counts it.
    fn next<'b, T>(
        &'b mut self,
        index: &mut u64,
        decode: impl FnOnce(&'b [u8]) -> Result<(T, &'b [u8]), DatumFault>,
    ) -> Result<T, DatumFault> {
        let left = self.left.checked_sub(1).ok_or_else(|| DatumFault("there is none".into()))?;
        let (datapoint, rest) = decode(&self.bytes[self.at..])?;
        self.at = self.bytes.len() - rest.len();
        self.left = left;
        *index += 1;
        Ok(datapoint)
    }
}

fn corrupt(index: u64, detail: DatumFault) -> ContainerFault {
    ContainerFault { kind: FaultKind::Corrupt, index, detail: detail.to_string() }
}

/// A block as it lies in the payload.
struct PackedBlock<'a> {
    datapoints: u64,
    bytes: &'a [u8],
}

impl<'a> SectionReader<'a> {
    /// Reads the first header.
    ///
    /// `expected` is the fingerprint that the pointer names; `None` accepts any version of the
    /// family. Every further section must satisfy the same pin.
    pub fn open(
        bytes: &'a [u8],
        family: &'static Family,
        expected: Option<Fingerprint>,
        limits: ReadLimits,
    ) -> Result<Self, ContainerFault> {
        let mut rest = Cursor::new(bytes);
        let pin = Pin { family, expected };
        let header = header::read(&mut rest, &pin).map_err(|(kind, detail)| ContainerFault {
            kind,
            index: 0,
            detail,
        })?;
        Ok(Self {
            rest,
            pin,
            limits,
            unpacker: Unpacker::new(),
            header,
            decoder: DatumDecoder::new(header.version),
            packed: None,
            block: Block::default(),
            index: 0,
            target: 0,
            decoded_bytes: 0,
            fault: None,
        })
    }

    /// The version that the current section was written with.
    pub fn version(&self) -> &'static Version {
        self.header.version
    }

    /// Index of the next datapoint; at the end, how many there are.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Lets [`SectionReader::advance`] go on at `index`, or at the end if that comes first.
    /// Going back is not possible.
    pub fn skip_to(&mut self, index: u64) {
        self.target = self.target.max(index);
    }

    /// Finds the next datapoint and returns its index; `None` at the end.
    pub fn advance(&mut self) -> Result<Option<u64>, ContainerFault> {
        while !self.is_at_end()? {
            if let Some(packed) = self.packed.take() {
                self.open_block(packed)?;
            } else if self.index < self.target {
                self.skip()?;
            } else {
                return Ok(Some(self.index));
            }
        }
        Ok(None)
    }

    /// Whether there is no further datapoint, as far as can be told without decompressing.
    pub fn is_at_end(&mut self) -> Result<bool, ContainerFault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        if self.block.left > 0 || self.packed.is_some() {
            return Ok(false);
        }
        self.close_block()?;
        self.packed = self.next_packed()?;
        Ok(self.packed.is_none())
    }

    /// Decodes and consumes the datapoint that [`SectionReader::advance`] found.
    pub fn read<'b, T: Deserialize<'b>>(&'b mut self) -> Result<T, ContainerFault> {
        let Self { block, decoder, index, fault, .. } = self;
        match block.next(index, |bytes| decoder.decode(bytes)) {
            Ok(datapoint) => Ok(datapoint),
            Err(detail) => Err(fault.insert(corrupt(*index, detail)).clone()),
        }
    }

    /// Consumes the datapoint that [`SectionReader::advance`] found without making a value of it.
    pub fn skip(&mut self) -> Result<(), ContainerFault> {
        let Self { block, decoder, index, fault, .. } = self;
        match block.next(index, |bytes| decoder.skip(bytes).map(|rest| ((), rest))) {
            Ok(()) => Ok(()),
            Err(detail) => Err(fault.insert(corrupt(*index, detail)).clone()),
        }
    }

    /// Both steps in one: the next datapoint with its index.
    pub fn next<'b, T: Deserialize<'b>>(&'b mut self) -> Result<Option<(u64, T)>, ContainerFault> {
        match self.advance()? {
            None => Ok(None),
            Some(index) => self.read().map(|datapoint| Some((index, datapoint))),
        }
    }

    /// Remembers the fault, which lies at the current index.
    fn fail(&mut self, kind: FaultKind, detail: impl Into<String>) -> ContainerFault {
        let fault = ContainerFault { kind, index: self.index, detail: detail.into() };
        self.fault.insert(fault).clone()
    }

    /// A block must hold exactly the datapoints it claims.
    fn close_block(&mut self) -> Result<(), ContainerFault> {
        if self.block.at == self.block.bytes.len() {
            return Ok(());
        }
        Err(self.fail(FaultKind::Corrupt, "a block holds more than the datapoints it claims"))
    }

    /// The next block that has to be decoded. Steps over the others, and into further sections.
    fn next_packed(&mut self) -> Result<Option<PackedBlock<'a>>, ContainerFault> {
        while !self.rest.is_empty() {
            // A block begins with a count, and the magic's first byte would be a negative one.
            if self.rest.starts_with(MAGIC) {
                self.header = header::read(&mut self.rest, &self.pin)
                    .map_err(|(kind, detail)| self.fail(kind, detail))?;
                self.decoder = DatumDecoder::new(self.header.version);
                continue;
            }
            let packed = self.packed_block().map_err(|e| self.fail(FaultKind::Corrupt, e))?;
            if self.index + packed.datapoints > self.target {
                return Ok(Some(packed));
            }
            self.index += packed.datapoints;
        }
        Ok(None)
    }

    /// Reads a block's framing.
    fn packed_block(&mut self) -> Result<PackedBlock<'a>, &'static str> {
        let mut rest = self.rest;
        let count = rest.long()?;
        let datapoints = u64::try_from(count)
            .ok()
            .filter(|&datapoints| datapoints > 0 && self.index + datapoints <= i64::MAX as u64)
            .ok_or("a block's count is out of range")?;
        let bytes = rest.blob()?;
        if rest.take(SYNC_BYTES)? != self.header.sync {
            return Err("a block does not end in the sync marker");
        }
        self.rest = rest;
        Ok(PackedBlock { datapoints, bytes })
    }

    /// Decompresses a block.
    fn open_block(&mut self, packed: PackedBlock<'a>) -> Result<(), ContainerFault> {
        let left_bytes = self.limits.decoded_bytes_max - self.decoded_bytes;
        let bytes_max =
            self.limits.block_bytes_max.min(left_bytes.try_into().unwrap_or(usize::MAX));
        let Block { bytes, .. } = &mut self.block;
        let outcome = match self.header.codec {
            Codec::Zstandard => self.unpacker.unpack(packed.bytes, bytes_max, bytes),
            Codec::Null if packed.bytes.len() > bytes_max => Err(UnpackFault::TooLarge),
            Codec::Null => {
                bytes.clear();
                bytes.extend_from_slice(packed.bytes);
                Ok(())
            }
        };
        outcome.map_err(|fault| match fault {
            UnpackFault::Corrupt(detail) => self.fail(FaultKind::Corrupt, detail),
            UnpackFault::TooLarge => self.fail(FaultKind::TooLarge, "a block decodes to too much"),
        })?;
        self.decoded_bytes += self.block.bytes.len() as u64;
        self.block.at = 0;
        self.block.left = packed.datapoints;
        Ok(())
    }
}
