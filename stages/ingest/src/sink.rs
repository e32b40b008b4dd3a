//! Where records go: into sections, or into letters.

use std::collections::BTreeMap;

use cordon_body::{BodyFault, CellIo, Sealer, hand_over};
use cordon_container::WriteError;
use cordon_flow::Event;
use cordon_records::{
    Digest, FileOrigin, Letter, LogDatapoint, Origin, Reason, Runs,
    cell::{CellLetter, PartReport, Report, Sentenced},
    schema::LOG_DATAPOINT,
};

use crate::{
    job::FileJob,
    limits::{
        CELL_DECODED_BYTES_MAX, CELL_LETTERS_MAX, CELL_OUTPUT_BYTES_MAX, LINE_BYTES_MAX,
        REMARKS_MAX,
    },
};

/// Why the walk ends before the file does.
#[derive(Debug)]
pub(crate) enum Stop {
    /// This cell has done enough, or the bytes it was given are done.
    Enough,
    /// Results did not leave the cell.
    Fault(BodyFault),
}

/// What there is to do about a record.
enum Turn {
    /// An earlier cell did it.
    Done,
    /// It has a letter already: cells died over it.
    Sentenced,
    /// It is this cell's to give a fate to.
    Mine(i64),
}

pub(crate) struct Sink<'i, I: CellIo> {
    sha256: Digest,
    /// First record this cell is asked for.
    from: i64,
    /// One past the last record it may take.
    to: i64,
    /// Number of the next record.
    next: i64,
    /// Of records that were taken.
    decoded_bytes: u64,
    sentenced: BTreeMap<i64, Sentenced>,
    sealer: Sealer,
    records: PartReport,
    /// Members of archives, counted from the file's beginning by every cell.
    members: PartReport,
    remarks: usize,
    /// Where in the file the next record begins, if a cell can start there.
    place: Option<i64>,
    report: Report,
    io: &'i mut I,
}

impl<'i, I: CellIo> Sink<'i, I> {
    pub(crate) fn new(job: &FileJob, sentenced: &[Sentenced], io: &'i mut I) -> Self {
        let sentenced = sentenced.iter().map(|sentenced| (sentenced.index, sentenced.clone()));
        Self {
            sha256: job.sha256,
            from: job.records.start,
            to: job.records.end,
            next: if job.at_bytes > 0 { job.records.start } else { 0 },
            decoded_bytes: 0,
            sentenced: sentenced.collect(),
            sealer: Sealer::new(LOG_DATAPOINT.current()),
            records: PartReport {
                from: job.records.start,
                to: job.records.start,
                ..PartReport::default()
            },
            members: PartReport::default(),
            remarks: 0,
            place: None,
            report: Report::default(),
            io,
        }
    }

    /// Says that the next record is about to be read: what kills the cell from here on is that
    /// record. To be called before anything is unpacked for it.
    pub(crate) fn announce(&mut self) -> Result<(), Stop> {
        if self.next >= self.to || self.is_spent() {
            return Err(Stop::Enough);
        }
        self.io.mark(0, self.next.unsigned_abs());
        Ok(())
    }

    /// The number of the record that was announced.
    pub(crate) fn next(&self) -> i64 {
        self.next
    }

    /// Whether the record that was announced must not be looked at.
    pub(crate) fn is_sentenced(&self, record: i64) -> bool {
        self.sentenced.contains_key(&record)
    }

    /// Whether an earlier cell has given the announced record its fate.
    pub(crate) fn is_done(&self) -> bool {
        self.next < self.from
    }

    /// Takes the next record.
    pub(crate) fn record(&mut self, line: &[u8]) -> Result<(), Stop> {
        let Turn::Mine(index) = self.turn() else { return Ok(()) };
        match Event::parse(line) {
            Ok(event) => self.keep(index, line, event.time_ms()),
            Err(malformed) => {
                self.push(index, index + 1, Reason::Rejected, malformed.to_string(), line);
                Ok(())
            }
        }
    }

    /// Takes a record that is too long to be one.
    pub(crate) fn too_long(&mut self, beginning: &[u8]) {
        let detail = format!("the record is longer than {LINE_BYTES_MAX} bytes");
        self.refuse(Reason::Size, detail, beginning);
    }

    /// Takes a record that cannot be one.
    pub(crate) fn refuse(&mut self, reason: Reason, detail: String, excerpt: &[u8]) {
        if let Turn::Mine(index) = self.turn() {
            self.push(index, index + 1, reason, detail, excerpt);
        }
    }

    /// Notes what is wrong with the file or a member: the letter stands where the next record
    /// would, and speaks for none.
    pub(crate) fn remark(&mut self, reason: Reason, detail: String) -> Result<(), Stop> {
        if self.next < self.from {
            return Ok(());
        }
        // Told by the cell that the next record would be for, and by no other.
        if self.next >= self.to || self.is_spent() {
            return Err(Stop::Enough);
        }
        self.remarks += 1;
        if self.remarks <= REMARKS_MAX {
            self.push(self.next, self.next, reason, detail, &[]);
        }
        Ok(())
    }

    /// Notes a member of an archive: read, or passed over as nothing worth reading.
    pub(crate) fn member(&mut self, is_read: bool) {
        let fates = &mut self.members;
        if is_read { &mut fates.output } else { &mut fates.not_mapped }.push(fates.to);
        fates.to += 1;
    }

    /// How many members there were.
    pub(crate) fn members(&self) -> i64 {
        self.members.to
    }

    /// Says where in the file the next record begins, where a cell could start there.
    pub(crate) fn at(&mut self, place: i64) {
        self.place = Some(place);
    }

    /// What the last caught panic said.
    pub(crate) fn take_panic(&mut self) -> Option<String> {
        self.io.take_panic()
    }

    /// Depends on the records taken and on nothing else: remarks, too, rely on that.
    fn is_spent(&self) -> bool {
        let output_bytes = self.report.sections.last().map_or(0, |s| s.offset_bytes + s.len_bytes);
        self.decoded_bytes >= CELL_DECODED_BYTES_MAX
            || output_bytes >= CELL_OUTPUT_BYTES_MAX
            || self.records.letters.len() - self.remarks.min(REMARKS_MAX) >= CELL_LETTERS_MAX
    }

    /// Counts a record.
    fn turn(&mut self) -> Turn {
        let index = self.next;
        self.next += 1;
        if index < self.from {
            return Turn::Done;
        }
        self.records.to = self.next;
        let Some(sentenced) = self.sentenced.remove(&index) else { return Turn::Mine(index) };
        let Sentenced { reason, detail, excerpt, .. } = sentenced;
        let letter = CellLetter { from: index, to: index + 1, reason, detail, excerpt };
        self.records.letters.push(letter);
        Turn::Sentenced
    }

    fn keep(&mut self, index: i64, line: &[u8], time_ms: Option<i64>) -> Result<(), Stop> {
        self.decoded_bytes += line.len() as u64;
        let origin = Origin::File(FileOrigin { sha256: self.sha256, record: index });
        let datapoint = LogDatapoint { origin, line };
        let times = time_ms.map(|time_ms| (time_ms, time_ms));
        match self.sealer.append(&datapoint, times, &mut self.report, self.io) {
            Ok(()) => {
                self.records.output.push(index);
                self.report.elements_in += 1;
                Ok(())
            }
            Err(BodyFault::Seal(WriteError::TooLarge(bytes))) => {
                let detail = format!("a datapoint of {bytes} bytes is too large");
                self.push(index, index + 1, Reason::Size, detail, line);
                Ok(())
            }
            Err(fault) => Err(Stop::Fault(fault)),
        }
    }

    fn push(&mut self, from: i64, to: i64, reason: Reason, mut detail: String, excerpt: &[u8]) {
        detail.truncate(detail.floor_char_boundary(Letter::DETAIL_BYTES_MAX));
        let excerpt = excerpt[..excerpt.len().min(Letter::EXCERPT_BYTES_MAX)].to_vec();
        let reason = reason.word().to_owned();
        self.records.letters.push(CellLetter { from, to, reason, detail, excerpt });
    }

    /// Hands over what there is. `is_end` says that the whole file was seen.
    pub(crate) fn finish(mut self, at_bytes: i64, is_end: bool) -> Result<(), BodyFault> {
        self.io.mark_sealing();
        if self.remarks > REMARKS_MAX {
            let detail = format!("and {} more faults like these", self.remarks - REMARKS_MAX);
            self.push(self.next, self.next, Reason::Rejected, detail, &[]);
        }
        self.sealer.close(&mut self.report, self.io)?;
        self.records.datapoints = is_end.then_some(self.records.to);
        self.members.datapoints = is_end.then_some(self.members.to);
        self.report.elements_out = self.report.elements_in;
        self.report.parts = vec![self.records, self.members];
        if let (false, Some(place)) = (is_end, self.place) {
            self.report.parts.push(PartReport {
                from: at_bytes,
                to: place,
                output: Runs::range(at_bytes, place),
                ..PartReport::default()
            });
        }
        hand_over(&self.report, self.io)
    }
}
