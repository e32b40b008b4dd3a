//! Where records go: into sections, or into letters.

use cordon_body::{BodyFault, CellIo, Sealer, hand_over};
use cordon_container::WriteError;
use cordon_flow::Event;
use cordon_records::{
    Digest, FileOrigin, Letter, LogDatapoint, Origin, Reason,
    cell::{CellLetter, Part, PartReport, Report, Sentenced},
    schema::LOG_DATAPOINT,
};

/// How much one cell does of a file.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Records.
    pub records: i64,
    /// Bytes of records before compression: bounds the output, which compresses well.
    pub decoded_bytes: u64,
}

impl Budget {
    /// What fits a cell's output limit even if nothing compresses.
    pub const DEFAULT: Self = Self { records: 262_144, decoded_bytes: 96 << 20 };
}

/// Why the walk ends before the file does.
#[derive(Debug)]
pub(crate) enum Stop {
    /// This cell has done enough.
    BudgetSpent,
    /// Results did not leave the cell.
    Fault(BodyFault),
}

/// Letters of one cell at most: a file of garbage must not fill the report.
const LETTERS_MAX: usize = 65_536;

pub(crate) struct Sink<'i, I: CellIo> {
    sha256: Digest,
    /// First record this cell is asked for.
    from: i64,
    /// One past the last record it may do.
    to: i64,
    /// Number of the next record.
    next: i64,
    decoded_bytes: u64,
    sentenced: Vec<Sentenced>,
    sealer: Sealer,
    fates: PartReport,
    report: Report,
    io: &'i mut I,
}

impl<'i, I: CellIo> Sink<'i, I> {
    pub(crate) fn new(
        sha256: Digest,
        part: &Part,
        sentenced: Vec<Sentenced>,
        io: &'i mut I,
    ) -> Self {
        Self {
            sha256,
            from: part.from,
            to: part.to,
            next: 0,
            decoded_bytes: 0,
            sentenced,
            sealer: Sealer::new(LOG_DATAPOINT.current()),
            fates: PartReport { from: part.from, to: part.from, ..PartReport::default() },
            report: Report::default(),
            io,
        }
    }

    /// Takes the next record. `line` is only asked for when the record is not done already.
    pub(crate) fn record(&mut self, line: &[u8]) -> Result<(), Stop> {
        let Some(index) = self.begin()? else { return Ok(()) };
        if let Some(at) = self.sentenced.iter().position(|sentenced| sentenced.index == index) {
            let Sentenced { reason, detail, excerpt, .. } = self.sentenced.swap_remove(at);
            self.fates.letters.push(CellLetter {
                from: index,
                to: index + 1,
                reason,
                detail,
                excerpt,
            });
            return Ok(());
        }
        match Event::parse(line) {
            Ok(event) => self.keep(index, line, event.time_ms()),
            Err(malformed) => {
                self.refuse(index, Reason::Rejected, malformed.to_string(), line);
                Ok(())
            }
        }
    }

    /// Takes a record that is too long to be one.
    pub(crate) fn too_long(&mut self, beginning: &[u8]) -> Result<(), Stop> {
        if let Some(index) = self.begin()? {
            let detail = format!("the line is longer than {} bytes", crate::lines::LINE_BYTES_MAX);
            self.refuse(index, Reason::Size, detail, beginning);
        }
        Ok(())
    }

    /// Notes something that is no record: a member that is not recognised, an archive that ends
    /// too soon. The letter stands where the next record would.
    pub(crate) fn remark(&mut self, reason: Reason, detail: String) -> Result<(), Stop> {
        if self.next < self.from {
            return Ok(());
        }
        // Told by the cell whose range the next record would be in, and by no other.
        if self.next >= self.to || self.is_spent() {
            return Err(Stop::BudgetSpent);
        }
        let at = self.next;
        self.push_letter(at, at, reason, detail, &[]);
        Ok(())
    }

    fn is_spent(&self) -> bool {
        self.decoded_bytes >= Budget::DEFAULT.decoded_bytes
            || self.fates.letters.len() >= LETTERS_MAX
    }

    /// The number of the record that comes, or `None` if an earlier cell did it.
    fn begin(&mut self) -> Result<Option<i64>, Stop> {
        let index = self.next;
        if index < self.from {
            // A mark here too: passing over a long file must not look like one endless record.
            self.io.mark(0, index.unsigned_abs());
            self.next += 1;
            return Ok(None);
        }
        if index >= self.to || self.is_spent() {
            return Err(Stop::BudgetSpent);
        }
        self.next += 1;
        self.io.mark(0, index.unsigned_abs());
        self.fates.to = self.next;
        Ok(Some(index))
    }

    fn keep(&mut self, index: i64, line: &[u8], time_ms: Option<i64>) -> Result<(), Stop> {
        self.decoded_bytes += line.len() as u64;
        let origin = Origin::File(FileOrigin { sha256: self.sha256, record: index });
        let datapoint = LogDatapoint { origin, line };
        let times = time_ms.map(|time_ms| (time_ms, time_ms));
        match self.sealer.append(&datapoint, times, &mut self.report, self.io) {
            Ok(()) => {
                self.fates.output.push(index);
                self.report.elements_in += 1;
                Ok(())
            }
            Err(BodyFault::Seal(WriteError::TooLarge(bytes))) => {
                self.refuse(index, Reason::Size, format!("{bytes} bytes"), line);
                Ok(())
            }
            Err(fault) => Err(Stop::Fault(fault)),
        }
    }

    fn refuse(&mut self, index: i64, reason: Reason, detail: String, line: &[u8]) {
        self.push_letter(index, index + 1, reason, detail, line);
    }

    fn push_letter(
        &mut self,
        from: i64,
        to: i64,
        reason: Reason,
        mut detail: String,
        excerpt: &[u8],
    ) {
        detail.truncate(detail.floor_char_boundary(Letter::DETAIL_BYTES_MAX));
        let excerpt = excerpt[..excerpt.len().min(Letter::EXCERPT_BYTES_MAX)].to_vec();
        let reason = reason.word().to_owned();
        self.fates.letters.push(CellLetter { from, to, reason, detail, excerpt });
    }

    /// Hands over what there is. `ended` says that the whole file was seen.
    pub(crate) fn finish(mut self, ended: bool) -> Result<(), BodyFault> {
        self.io.mark_sealing();
        self.sealer.close(&mut self.report, self.io)?;
        self.fates.to = self.fates.to.max(self.from);
        self.fates.datapoints = ended.then_some(self.next);
        self.report.elements_out = self.report.elements_in;
        self.report.parts.push(self.fates);
        hand_over(&self.report, self.io)
    }
}
