//! Payloads as JSON lines, for the reading commands.
//!
//! Even for reading, a payload byte is never decoded outside a cell: the command line moves the
//! bytes in, and lines that are safe to print out.

mod diff;
mod json;

use cordon_container::{ContainerFault, ReadLimits, SectionReader};
use cordon_flow::{Accumulate as _, Graph};
use cordon_records::{
    Element, Finding, Fingerprint, LogDatapoint, LogOrigin, Origin,
    cell::{Job, Part, Report},
    schema::{self, Family},
};

use self::diff::Diff;
use crate::{
    BodyFault, CellIo,
    fates::PartFates,
    job::{self, part_bytes},
    seal,
};

/// Job option: with the value `true` the elements of all parts are united, as the merge stage
/// would, and each is printed once, in the graph's order.
pub const UNITE_OPTION: &str = "unite";

/// Job option: with the value `true` a log datapoint is its line, byte for byte, and nothing else;
/// a line break stands between two of them, and none at the end. What is printed so may command a
/// terminal.
pub const EXACT_OPTION: &str = "exact";

/// Job option: of log datapoints only the one that came from this Kafka record is printed, named
/// as `<topic>/<partition>/<offset>`.
pub const RECORD_OPTION: &str = "record";

/// Job option: findings or elements of two versions are compared, and each difference is printed as
/// `{"appears":…}`, `{"vanishes":…}`, `{"changes":{"from":…,"to":…}}` or, where the payloads do not
/// tell, `{"undecided":{"from":…,"to":…}}`. The value says how many parts there are of each kind, in
/// this order: `<witnesses>,<new>,<old>,<mixed>`. *Mixed* payloads hold old results of other
/// datapoints, too: of findings only those count whose log datapoint is in a witness. The report's
/// `elements_in` counts what is the same.
pub const DIFF_OPTION: &str = "diff";

/// Lines leave in pieces of about this size.
const PIECE_BYTES: usize = 256 << 10;

/// Prints the datapoints of all parts, one JSON object a line.
///
/// Parts are log datapoints, elements or findings, told apart by the schema that the part names.
/// A part that cannot be read gets its letter as from [`run`](crate::run). The report's
/// `elements_out` counts the lines; there are no sections.
///
/// # Errors
///
/// As [`run`](crate::run).
pub fn render(job: &Job, input: &[u8], io: &mut impl CellIo) -> Result<(), BodyFault> {
    job::check(job)?;
    let is_set = |option| job.options.get(option).is_some_and(|value| value == "true");
    let mut page = Page {
        united: is_set(UNITE_OPTION).then(Graph::default),
        is_exact: is_set(EXACT_OPTION),
        record: job.options.get(RECORD_OPTION).cloned(),
        diff: job.options.get(DIFF_OPTION).map(|parts| Diff::parse(parts)).transpose()?,
        ..Page::default()
    };
    let mut report = Report::default();
    for (number, part) in (0..).zip(&job.parts) {
        page.diff.as_mut().map_or(Ok(()), |diff| diff.begin(number))?;
        let mut fates = PartFates::new(part);
        let end = render_part(number, part_bytes(part, input)?, &mut fates, &mut page, io)?;
        if let Err(fault) = &end {
            fates.fail(fault);
        }
        fates.complete(end);
        report.parts.push(fates.report);
    }
    io.mark_sealing();
    let united = page.united.take().unwrap_or_default();
    for element in united.sorted() {
        page.line(|out| json::element(element, out));
        page.flush(PIECE_BYTES, io)?;
    }
    let same = match page.diff.take() {
        Some(diff) => Some(diff.tell(|put: &dyn Fn(&mut Vec<u8>)| {
            page.line(put);
            page.flush(PIECE_BYTES, io)
        })?),
        None => None,
    };
    page.flush(0, io)?;
    report.elements_in = same.unwrap_or(page.count);
    report.elements_out = page.count;
    seal::hand_over(&report, io)
}

/// Prints the wanted datapoints of a part; says whether it ends there, or why it ended before.
fn render_part(
    number: u32,
    bytes: &[u8],
    fates: &mut PartFates<'_>,
    page: &mut Page,
    io: &mut impl CellIo,
) -> Result<Result<bool, ContainerFault>, BodyFault> {
    let kind = Kind::of(fates.part);
    let mut reader = match kind.open(bytes, fates.part) {
        Ok(reader) => reader,
        Err(fault) => return Ok(Err(fault)),
    };
    while let Some(index) = fates.next() {
        io.mark(number, index.cast_unsigned());
        reader.skip_to(index.cast_unsigned());
        let printed = match reader.advance() {
            Ok(Some(_)) => page.print(kind, &mut reader),
            Ok(None) => {
                fates.fall_short();
                break;
            }
            Err(fault) => Err(fault),
        };
        match printed {
            Ok(()) => fates.output(index),
            Err(fault) => return Ok(Err(fault)),
        }
        page.flush(PIECE_BYTES, io)?;
    }
    reader.skip_to(fates.part.to.cast_unsigned());
    Ok(reader.is_at_end())
}

/// What a part holds.
#[derive(Clone, Copy)]
enum Kind {
    Log,
    Element,
    Finding,
}

impl Kind {
    /// An unknown schema is met again when the container is opened, which then refuses it.
    fn of(part: &Part) -> Self {
        let fingerprint = Fingerprint::from_long(part.schema);
        let kinds = [Kind::Element, Kind::Finding];
        kinds
            .into_iter()
            .find(|kind| kind.family().find(fingerprint).is_some())
            .unwrap_or(Kind::Log)
    }

    fn family(self) -> &'static Family {
        match self {
            Kind::Log => &schema::LOG_DATAPOINT,
            Kind::Element => &schema::ELEMENT,
            Kind::Finding => &schema::FINDING,
        }
    }

    fn open<'a>(self, bytes: &'a [u8], part: &Part) -> Result<SectionReader<'a>, ContainerFault> {
        let limits = ReadLimits {
            decoded_bytes_max: part.decoded_bytes_max.unsigned_abs(),
            ..ReadLimits::default()
        };
        // Whoever does not know n does not know the version either.
        let expected = part.datapoints.map(|_| Fingerprint::from_long(part.schema));
        SectionReader::open(bytes, self.family(), expected, limits)
    }
}

/// The lines that have not left yet.
#[derive(Default)]
struct Page {
    lines: Vec<u8>,
    count: i64,
    /// Where elements go instead, when they are united.
    united: Option<Graph>,
    /// Log datapoints are printed as their bytes.
    is_exact: bool,
    /// The only Kafka record whose log datapoint is printed.
    record: Option<String>,
    /// Where datapoints go instead, when two versions are compared.
    diff: Option<Diff>,
}

impl Page {
    /// Prints, or unites, the datapoint that `reader` found.
    fn print(&mut self, kind: Kind, reader: &mut SectionReader<'_>) -> Result<(), ContainerFault> {
        if let Some(diff) = &mut self.diff {
            return diff.take(kind, reader);
        }
        match (kind, &mut self.united) {
            (Kind::Element, Some(graph)) => graph.add(reader.read()?),
            (Kind::Element, None) => {
                let element: Element = reader.read()?;
                self.line(|out| json::element(&element, out));
            }
            (Kind::Finding, _) => {
                let finding: Finding = reader.read()?;
                self.line(|out| json::finding(&finding, out));
            }
            (Kind::Log, _) => {
                let log: LogDatapoint<'_> = reader.read()?;
                self.log(&log);
            }
        }
        Ok(())
    }

    fn log(&mut self, log: &LogDatapoint<'_>) {
        if self.record.as_deref().is_some_and(|record| !is_from(&log.origin, record)) {
            return;
        }
        if !self.is_exact {
            return self.line(|out| json::log(log, out));
        }
        if self.count > 0 {
            self.lines.push(b'\n');
        }
        self.lines.extend_from_slice(log.line);
        self.count += 1;
    }

    fn line(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        let start = self.lines.len();
        put(&mut self.lines);
        json::escape_controls(&mut self.lines, start);
        self.lines.push(b'\n');
        self.count += 1;
    }

    /// Hands the lines out once there are more than `bytes_max`.
    fn flush(&mut self, bytes_max: usize, io: &mut impl CellIo) -> Result<(), BodyFault> {
        if self.lines.len() > bytes_max {
            io.append_output(&self.lines)?;
            self.lines.clear();
        }
        Ok(())
    }
}

fn is_from(origin: &Origin<'_>, record: &str) -> bool {
    match origin {
        Origin::Log(LogOrigin { topic, partition, offset }) => {
            record == format!("{topic}/{partition}/{offset}")
        }
        Origin::File(_) => false,
    }
}
