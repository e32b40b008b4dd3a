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
use evtx::{ChunkFlags, EvtxChunkData, EvtxChunkHeader, IterChunkRecords, ParserSettings};

use crate::{
    sink::Stop,
    walk::{Ended, Place, Walk, Walked},
};

const FILE_HEADER_BYTES: usize = 4096;
const CHUNK_BYTES: usize = 64 << 10;
const CHUNK_HEADER_BYTES: usize = 512;
/// Of the file's header: how many chunks have records.
const CHUNKS_AT: usize = 42;
/// Of the file's header: flags, in the lowest byte.
const FLAGS_AT: usize = 120;
/// It was copied while it was written: checksums may be old.
const DIRTY: u8 = 1;
/// A record's magic and size.
const RECORD_HEAD_BYTES: usize = 8;
const RECORD_MAGIC: [u8; 4] = [0x2A, 0x2A, 0, 0];
/// Magic, size, number, time.
const RECORD_HEADER_BYTES: usize = 24;
/// No token of binary XML.
const NO_TOKEN: u8 = 0xFF;
/// Header and trailer of a record without content.
const RECORD_BYTES_MIN: usize = 28;
/// More do not fit; a reader that finds more goes round in circles.
const CHUNK_RECORDS_MAX: u64 = ((CHUNK_BYTES - CHUNK_HEADER_BYTES) / RECORD_BYTES_MIN) as u64;

/// A log, and what its header says that matters here.
struct Log<'n> {
    place: Place<'n>,
    chunks: u64,
    is_dirty: bool,
    settings: Arc<ParserSettings>,
}

impl<'n> Log<'n> {
    fn new(header: &[u8], place: Place<'n>) -> Self {
        Self {
            place,
            chunks: u16::from_le_bytes([header[CHUNKS_AT], header[CHUNKS_AT + 1]]).into(),
            is_dirty: header[FLAGS_AT] & DIRTY != 0,
            settings: Arc::new(ParserSettings::new().indent(false)),
        }
    }

    /// Whether a chunk's checksums fit, as far as they must.
    fn is_sound(&self, chunk: &EvtxChunkData) -> bool {
        let is_dirty = self.is_dirty || chunk.header.flags.contains(ChunkFlags::DIRTY);
        is_dirty || chunk.validate_checksum()
    }
}

impl<I: CellIo> Walk<'_, '_, I> {
    /// Walks through an event log.
    pub(crate) fn evtx(&mut self, reader: &mut dyn BufRead, place: Place<'_>) -> Walked {
        let mut block = Vec::new();
        if let Err(error) = reader.take(FILE_HEADER_BYTES as u64).read_to_end(&mut block) {
            return self.short(place, &error);
        }
        if block.len() < FILE_HEADER_BYTES {
            return self.short(place, &"it ends inside its header");
        }
        let log = Log::new(&block, place);
        for number in 0_u64.. {
            self.sink.announce()?;
            block.clear();
            let read = reader.take(CHUNK_BYTES as u64).read_to_end(&mut block);
            if block.is_empty() && read.is_ok() {
                return self.end_of_chunks(number, &log);
            }
            let is_short = block.len() < CHUNK_BYTES;
            // What is left of a chunk that was cut may be less than its header.
            if block.len() >= CHUNK_HEADER_BYTES {
                self.chunk(&mut block, number, &log)?;
            }
            if let Err(error) = read {
                return self.short(place, &error);
            }
            if is_short {
                return self.short(place, &format!("it ends inside its chunk {number}"));
            }
        }
        Ok(Ended::Whole)
    }

    /// A log that was cut between two chunks looks whole but for its header.
    fn end_of_chunks(&mut self, read: u64, log: &Log<'_>) -> Walked {
        if read >= log.chunks {
            return Ok(Ended::Whole);
        }
        self.short(log.place, &format!("it ends after {read} of its {} chunks", log.chunks))
    }

    fn chunk(&mut self, bytes: &mut Vec<u8>, number: u64, log: &Log<'_>) -> Result<(), Stop> {
        // The log is made larger ahead of its records.
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let is_whole = bytes.len() == CHUNK_BYTES;
        let mut data = match EvtxChunkData::new(std::mem::take(bytes), false) {
            Ok(data) => data,
            Err(error) => return self.damage(number, log.place, &chain(&error)),
        };
        let (is_sound, wanted) = (log.is_sound(&data), records_in(&data.header));
        self.silence_sentenced(&mut data.data);
        let damage = match data.parse(Arc::clone(&log.settings)) {
            Ok(mut chunk) => {
                let found = self.chunk_records(chunk.iter())?;
                // What a cut chunk lacks is told once, by whoever found it cut.
                match wanted.saturating_sub(found) {
                    _ if !is_whole => None,
                    0 if is_sound => None,
                    0 => Some("its checksum is wrong, its records may be too".to_owned()),
                    lost => Some(format!("{lost} of its {wanted} records cannot be found")),
                }
            }
            Err(error) => Some(chain(&error)),
        };
        *bytes = data.data;
        damage.map_or(Ok(()), |what| self.damage(number, log.place, &what))
    }

    /// Gives the records of a chunk their fates. Returns how many there were.
    fn chunk_records(&mut self, mut records: IterChunkRecords<'_>) -> Result<u64, Stop> {
        for found in 0..CHUNK_RECORDS_MAX {
            self.sink.announce()?;
            let is_done = self.sink.is_done();
            match catch_unwind(AssertUnwindSafe(|| next_line(&mut records, is_done))) {
                Ok(None) => return Ok(found),
                Ok(Some(Ok(line))) => self.sink.record(&line)?,
                Ok(Some(Err(detail))) => self.sink.refuse(Reason::Rejected, detail, &[]),
                Err(_) => {
                    let detail = self.sink.take_panic().unwrap_or_default();
                    self.sink.refuse(Reason::Panic, detail, &[]);
                }
            }
        }
        Ok(CHUNK_RECORDS_MAX)
    }

    /// Remarks that a chunk is not what it was. Those behind it are read all the same.
    fn damage(&mut self, number: u64, place: Place<'_>, what: &str) -> Result<(), Stop> {
        let what = place.say(&format!("damaged in its chunk {number}: {what}"));
        self.sink.remark(Reason::Corrupt, what)
    }

    /// Destroys the beginning of records that cells died over, so that nobody looks into them:
    /// their parser refuses them at once, which counts them all the same. All else of them stays,
    /// for later records may use their templates.
    fn silence_sentenced(&self, chunk: &mut [u8]) {
        let mut at = CHUNK_HEADER_BYTES;
        for record in self.sink.next().. {
            let Some((magic, size)) = record_head(chunk, at) else { return };
            if magic != RECORD_MAGIC || size < RECORD_BYTES_MIN {
                return;
            }
            if self.sink.is_sentenced(record)
                && let Some(first) = chunk.get_mut(at + RECORD_HEADER_BYTES)
            {
                *first = NO_TOKEN;
            }
            at = at.saturating_add(size);
        }
    }
}

/// How many records a chunk says to have.
fn records_in(header: &EvtxChunkHeader) -> u64 {
    let (first, last) = (header.first_event_record_number, header.last_event_record_number);
    let count = last.checked_sub(first).and_then(|rest| rest.checked_add(1));
    // A chunk that is about to be filled has none; what is more than fits was never true.
    count.filter(|count| *count <= CHUNK_RECORDS_MAX).unwrap_or(0)
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
