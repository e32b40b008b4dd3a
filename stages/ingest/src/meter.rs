//! Counts what is unpacked, and stops a bomb.

use std::{
    cell::Cell,
    fmt,
    io::{self, Read},
};

/// What a file may still unpack to, over all its layers.
pub(crate) struct Meter {
    left_bytes: Cell<u64>,
    bytes_max: u64,
}

/// The error of a reader whose meter has run out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLarge {
    bytes_max: u64,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file unpacks to more than {} bytes", self.bytes_max)
    }
}

impl std::error::Error for TooLarge {}

impl Meter {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { left_bytes: Cell::new(bytes_max), bytes_max }
    }

    /// Whether nothing more may be unpacked.
    pub(crate) fn is_spent(&self) -> bool {
        self.left_bytes.get() == 0
    }

    /// Counts what comes out of a decoder.
    pub(crate) fn count<R>(&self, decoder: R) -> Metered<'_, R> {
        Metered { decoder, meter: self }
    }
}

/// A decoder that is counted.
pub(crate) struct Metered<'m, R> {
    decoder: R,
    meter: &'m Meter,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.meter.is_spent() {
            return Err(io::Error::other(TooLarge { bytes_max: self.meter.bytes_max }));
        }
        let count = self.decoder.read(into)?;
        let left = self.meter.left_bytes.get();
        self.meter.left_bytes.set(left.saturating_sub(count as u64));
        Ok(count)
    }
}

/// Ends with an error where the source ends before its stated size: for archives that take a
/// member cut short as if it ended there.
pub(crate) struct Exactly<R> {
    source: R,
    left_bytes: u64,
}

impl<R> Exactly<R> {
    pub(crate) fn new(source: R, bytes: u64) -> Self {
        Self { source, left_bytes: bytes }
    }
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        if count == 0 && self.left_bytes > 0 && !into.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left_bytes = self.left_bytes.saturating_sub(count as u64);
        Ok(count)
    }
}
