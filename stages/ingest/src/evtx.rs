//! Windows event logs: a header, then chunks of 64 KiB that can each be read alone.
//!
//! Records are numbered as they lie in the file. A full log that began to overwrite its oldest
//! chunk so gives its newest records first; nothing downstream minds the order.

use std::{
    error::Error,
    io::{BufRead, Read as _},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use cordon_body::CellIo;
use cordon_records::Reason;
use evtx::{EvtxChunkData, IterChunkRecords, ParserSettings};

use crate::{
    sink::Stop,
    walk::{Ended, Place, Walk, Walked},
};

const FILE_HEADER_BYTES: u64 = 4096;
const CHUNK_BYTES: usize = 64 << 10;
const CHUNK_HEADER_BYTES: usize = 512;
/// A record's magic and size.
const RECORD_HEAD_BYTES: usize = 8;
const RECORD_MAGIC: [u8; 4] = [0x2A, 0x2A, 0, 0];
/// Header and trailer of a record without content.
const RECORD_BYTES_MIN: usize = 28;
/// More do not fit; a reader that finds more goes round in circles.
const CHUNK_RECORDS_MAX: usize = (CHUNK_BYTES - CHUNK_HEADER_BYTES) / RECORD_BYTES_MIN;

impl<I: CellIo> Walk<'_, '_, I> {
    /// Walks through an event log.
    pub(crate) fn evtx(&mut self, reader: &mut dyn BufRead, place: Place<'_>) -> Walked {
        let settings = Arc::new(ParserSettings::new().indent(false));
        let mut block = Vec::new();
        if let Err(error) = reader.take(FILE_HEADER_BYTES).read_to_end(&mut block) {
            return self.short(place, &error);
        }
        for number in 0_u64.. {
            self.sink.announce()?;
            block.clear();
            let read = reader.take(CHUNK_BYTES as u64).read_to_end(&mut block);
            if block.is_empty() && read.is_ok() {
                break;
            }
            let is_short = block.len() < CHUNK_BYTES;
            self.chunk(&mut block, number, place, &settings)?;
            if let Err(error) = read {
                return self.short(place, &error);
            }
            if is_short {
                return self.short(place, &format!("it ends inside its chunk {number}"));
            }
        }
        Ok(Ended::Whole)
    }

    fn chunk(
        &mut self,
        bytes: &mut Vec<u8>,
        number: u64,
        place: Place<'_>,
        settings: &Arc<ParserSettings>,
    ) -> Result<(), Stop> {
        // The log is made larger ahead of its records.
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        self.silence_sentenced(bytes);
        let mut data = match EvtxChunkData::new(std::mem::take(bytes), false) {
            Ok(data) => data,
            Err(error) => return self.bad_chunk(number, place, &error),
        };
        let read = match data.parse(Arc::clone(settings)) {
            Ok(mut chunk) => self.chunk_records(chunk.iter()),
            Err(error) => self.bad_chunk(number, place, &error),
        };
        *bytes = data.data;
        read
    }

    fn chunk_records(&mut self, mut records: IterChunkRecords<'_>) -> Result<(), Stop> {
        for _ in 0..CHUNK_RECORDS_MAX {
            self.sink.announce()?;
            let is_done = self.sink.is_done();
            match catch_unwind(AssertUnwindSafe(|| next_line(&mut records, is_done))) {
                Ok(None) => break,
                Ok(Some(Ok(line))) => self.sink.record(&line)?,
                Ok(Some(Err(detail))) => self.sink.refuse(Reason::Rejected, detail, &[]),
                Err(_) => {
                    let detail = self.sink.take_panic().unwrap_or_default();
                    self.sink.refuse(Reason::Panic, detail, &[]);
                }
            }
        }
        Ok(())
    }

    fn bad_chunk(&mut self, number: u64, place: Place<'_>, error: &dyn Error) -> Result<(), Stop> {
        self.short(place, &format!("chunk {number}: {}", chain(error))).map(|_| ())
    }

    /// Destroys the magic of records that cells died over, so that nobody looks into them: they
    /// are then found to be no records, which counts them all the same.
    fn silence_sentenced(&self, chunk: &mut [u8]) {
        let mut at = CHUNK_HEADER_BYTES;
        for record in self.sink.next().. {
            let Some((magic, size)) = record_head(chunk, at) else { return };
            if magic != RECORD_MAGIC || size < RECORD_BYTES_MIN {
                return;
            }
            if self.sink.is_sentenced(record) {
                chunk[at..at + RECORD_MAGIC.len()].fill(b'x');
            }
            at = at.saturating_add(size);
        }
    }
}

fn record_head(chunk: &[u8], at: usize) -> Option<([u8; 4], usize)> {
    let head = chunk.get(at..)?.first_chunk::<RECORD_HEAD_BYTES>()?;
    let [a, b, c, d, size @ ..] = *head;
    Some(([a, b, c, d], u32::from_le_bytes(size) as usize))
}

/// The next record as one line of JSON, or what is wrong with it; nothing of it when its fate is
/// known already.
fn next_line(records: &mut IterChunkRecords<'_>, is_done: bool) -> Option<Result<Vec<u8>, String>> {
    let record = records.next()?;
    let line = match record {
        Ok(_) if is_done => Ok(Vec::new()),
        Ok(record) => record.into_json_bytes().map(|record| record.data),
        Err(error) => Err(error),
    };
    Some(line.map_err(|error| chain(&error)))
}

/// An error with its causes: the outermost only says which record it was.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
