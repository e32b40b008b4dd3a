//! How the bytes of a part become datapoints.

use cordon_container::{ContainerFault, FaultKind, ReadLimits, SectionReader};
use cordon_flow::Stage;
use cordon_records::{
    Fingerprint, LogDatapoint, LogOrigin, Origin,
    cell::Part,
    raw::{RawRecord, RawRecords},
};

/// Reads the datapoints of one part in the order of their indexes.
pub trait Intake<'a, S: Stage>: Sized {
    /// Opens a part.
    fn open(stage: &S, part: &Part, bytes: &'a [u8]) -> Result<Self, ContainerFault>;

    /// Lets [`Intake::advance`] go on at `index`.
    fn skip_to(&mut self, index: u64);

    /// Finds the next datapoint and returns its index; `None` at the end.
    fn advance(&mut self) -> Result<Option<u64>, ContainerFault>;

    /// Whether there is no further datapoint. Does no work on it.
    fn is_at_end(&mut self) -> Result<bool, ContainerFault>;

    /// Decodes and consumes the datapoint that was found.
    fn read(&mut self) -> Result<S::Input<'_>, ContainerFault>;

    /// Consumes the datapoint that was found.
    fn skip(&mut self) -> Result<(), ContainerFault>;

    /// The datapoint that was found, if it must be set aside should it be dead: where nothing
    /// immutable holds its bytes.
    fn refused(&self) -> Option<LogDatapoint<'_>> {
        None
    }

    /// Whether [`Intake::refused`] gives anything.
    const SETS_ASIDE: bool = false;
}

impl<'a, S: Stage> Intake<'a, S> for SectionReader<'a> {
    fn open(stage: &S, part: &Part, bytes: &'a [u8]) -> Result<Self, ContainerFault> {
        // A digestless pointer is the lister's, which cannot look inside for the schema.
        let expected = part.datapoints.map(|_| Fingerprint::from_long(part.schema));
        let limits = ReadLimits {
            decoded_bytes_max: part.decoded_bytes_max.unsigned_abs(),
            ..ReadLimits::default()
        };
        SectionReader::open(bytes, stage.input_schemas(), expected, limits)
    }

    fn skip_to(&mut self, index: u64) {
        SectionReader::skip_to(self, index);
    }

    fn advance(&mut self) -> Result<Option<u64>, ContainerFault> {
        SectionReader::advance(self)
    }

    fn is_at_end(&mut self) -> Result<bool, ContainerFault> {
        SectionReader::is_at_end(self)
    }

    fn read(&mut self) -> Result<S::Input<'_>, ContainerFault> {
        SectionReader::read(self)
    }

    fn skip(&mut self) -> Result<(), ContainerFault> {
        SectionReader::skip(self)
    }
}

/// Plain Kafka records as the courier frames them; an index is an offset.
pub struct RawIntake<'a> {
    records: RawRecords<'a>,
    found: Option<RawRecord<'a>>,
    target: u64,
}

impl<'a> RawIntake<'a> {
    /// Looks for the next record, unless one is found already.
    fn find(&mut self) -> Result<Option<RawRecord<'a>>, ContainerFault> {
        while self.found.is_none_or(|record| record.offset.cast_unsigned() < self.target) {
            match self.records.next() {
                None => return Ok(self.found.take().and(None)),
                Some(record) => self.found = Some(record.map_err(|_| self.cut_short())?),
            }
        }
        Ok(self.found)
    }

    fn cut_short(&self) -> ContainerFault {
        let detail = "the framed records are cut short".to_owned();
        ContainerFault { kind: FaultKind::Corrupt, index: self.target, detail }
    }

    fn take(&mut self) -> Result<RawRecord<'a>, ContainerFault> {
        self.found.take().ok_or_else(|| self.cut_short())
    }
}

impl<'a, S> Intake<'a, S> for RawIntake<'a>
where
    S: Stage,
    for<'b> S::Input<'b>: From<RawRecord<'b>>,
{
    fn open(_: &S, _: &Part, bytes: &'a [u8]) -> Result<Self, ContainerFault> {
        let records = RawRecords::parse(bytes).map_err(|e| ContainerFault {
            kind: FaultKind::Corrupt,
            index: 0,
            detail: e.to_string(),
        })?;
        Ok(Self { records, found: None, target: 0 })
    }

    fn skip_to(&mut self, index: u64) {
        self.target = self.target.max(index);
    }

    fn advance(&mut self) -> Result<Option<u64>, ContainerFault> {
        Ok(self.find()?.map(|record| record.offset.cast_unsigned()))
    }

    fn is_at_end(&mut self) -> Result<bool, ContainerFault> {
        Ok(self.find()?.is_none())
    }

    fn read(&mut self) -> Result<S::Input<'_>, ContainerFault> {
        self.take().map(S::Input::from)
    }

    fn skip(&mut self) -> Result<(), ContainerFault> {
        self.take().map(|_| ())
    }

    fn refused(&self) -> Option<LogDatapoint<'_>> {
        let record = self.found?;
        let origin = Origin::Log(LogOrigin {
            topic: record.topic.into(),
            partition: record.partition,
            offset: record.offset,
        });
        Some(LogDatapoint { origin, line: record.value })
    }

    const SETS_ASIDE: bool = true;
}
