//! Whether what a group has committed for a partition fits the log: the checks of a stage that takes
//! the partition up, made without it.

use cordon_kafka::{
    log::{Committed, Record, TopicPartition},
    progress::{Misfit, NextRecord, PointerHash, Progress, ProgressFault},
};
use cordon_records::{Pointer, PointerLimits, single_object};

/// What a stage's input records are, and which pointers it follows.
#[derive(Clone, Debug)]
pub(crate) enum Input<'a> {
    /// Each record is a datapoint.
    Raw,
    /// Records are pointers within these limits.
    Pointers(PointerLimits<'a>),
}

impl Input<'_> {
    /// The pointer of a record, if the stage would follow it.
    pub(crate) fn pointer(&self, value: &[u8]) -> Option<Pointer> {
        let Self::Pointers(limits) = self else { return None };
        let pointer: Pointer = single_object::decode(value).ok()?;
        pointer.check(limits).is_ok().then_some(pointer)
    }

    fn next_record(&self, record: &Record) -> NextRecord {
        NextRecord {
            offset: record.offset,
            hash: PointerHash::of(&record.value),
            datapoints: self.pointer(&record.value).and_then(|pointer| pointer.datapoints),
        }
    }
}

/// A partition as it was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) at: TopicPartition,
    pub(crate) committed: Option<Committed>,
    /// The first offset that retention has left.
    pub(crate) start: i64,
    /// One past the last offset.
    pub(crate) end: i64,
    /// The first committed record at or behind the committed offset.
    pub(crate) next: Option<Record>,
}

/// Why a stage would not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the group has no committed offset")]
    Absent,
    #[error(transparent)]
    Metadata(#[from] ProgressFault),
    #[error("the committed offset {offset} is outside the log, {start} to {end}")]
    OutOfRange { offset: i64, start: i64, end: i64 },
    #[error(transparent)]
    Misfit(#[from] Misfit),
    #[error("the record at offset {0} that it counts in is not there")]
    NoRecord(i64),
}

impl Found {
    /// The progress that was committed, if a stage could go on from it.
    pub(crate) fn progress(&self, input: &Input<'_>) -> Result<Progress, Fault> {
        let Some(Committed { offset, metadata }) = &self.committed else {
            return Err(Fault::Absent);
        };
        let (offset, progress) = (*offset, Progress::parse(metadata)?);
        if !(self.start..=self.end).contains(&offset) {
            return Err(Fault::OutOfRange { offset, start: self.start, end: self.end });
        }
        match &self.next {
            Some(record) => progress.check(offset, &input.next_record(record))?,
            None if progress.pointer.is_some() => return Err(Fault::NoRecord(offset)),
            None => {}
        }
        Ok(progress)
    }

    /// Offsets that the stage has not reached, transaction markers included; none when no record
    /// is left.
    pub(crate) fn lag(&self) -> Option<i64> {
        let committed = self.committed.as_ref()?;
        Some(if self.next.is_some() { (self.end - committed.offset).max(0) } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use cordon_records::BatchId;

    use super::*;

    fn found(offset: i64, metadata: &str, next: Option<(i64, &'static [u8])>) -> Found {
        let at = TopicPartition::new("raw", 0);
        let record = |(offset, value)| Record {
            at: at.clone(),
            offset,
            timestamp_ms: 0,
            key: None,
            value: bytes::Bytes::from_static(value),
            headers: Vec::new(),
        };
        Found {
            committed: Some(Committed { offset, metadata: metadata.into() }),
            start: 5,
            end: 10,
            next: next.map(record),
            at,
        }
    }

    fn fault(found: &Found) -> String {
        found.progress(&Input::Raw).unwrap_err().to_string()
    }

    #[test]
    fn what_a_stage_would_refuse_is_named_in_its_words() {
        let start = Progress::start(BatchId([7; 16])).to_string();
        let middle = |value| {
            let pointer = Some(PointerHash::of(value));
            Progress { position: 3, pointer, ..Progress::start(BatchId([7; 16])) }.to_string()
        };
        let sound = found(7, &start, Some((8, b"x")));
        assert!(sound.progress(&Input::Raw).unwrap().is_start());
        let sound = found(7, &middle(b"x"), Some((7, b"x")));
        assert_eq!(sound.progress(&Input::Raw).unwrap().position, 3);

        let absent = Found { committed: None, ..sound };
        assert_eq!(fault(&absent), "the group has no committed offset");
        assert_eq!(fault(&found(7, "", None)), "the committed offset has no metadata");
        assert_eq!(fault(&found(7, "v2;0", None)), "the metadata is of an unknown version");
        assert_eq!(fault(&found(7, "v1;x", None)), "the metadata is malformed at its position");
        let outside = "is outside the log, 5 to 10";
        assert_eq!(fault(&found(4, &start, None)), format!("the committed offset 4 {outside}"));
        assert_eq!(fault(&found(11, &start, None)), format!("the committed offset 11 {outside}"));
        assert_eq!(
            fault(&found(7, &middle(b"x"), Some((7, b"y")))),
            "it counts in another record than the one at 7"
        );
        assert_eq!(
            fault(&found(7, &middle(b"x"), Some((9, b"x")))),
            "the record at offset 7 that it counts in is gone; the next is 9"
        );
        assert_eq!(
            fault(&found(7, &middle(b"x"), None)),
            "the record at offset 7 that it counts in is not there"
        );
    }

    /// Every transaction ends in a marker, so that the end alone would never be reached.
    #[test]
    fn a_partition_read_to_its_end_has_no_lag() {
        let start = Progress::start(BatchId([7; 16])).to_string();
        assert_eq!(found(9, &start, None).lag(), Some(0));
        assert_eq!(found(7, &start, Some((7, b"x"))).lag(), Some(3));
        assert_eq!(Found { committed: None, ..found(7, &start, None) }.lag(), None);
    }
}
