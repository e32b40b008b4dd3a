//! What was ingested, for people and scripts.

use std::time::Duration;

use cordon_courier::file::FileBatch;
use serde::Serialize;

use crate::terminal;

/// What was ingested.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct IngestSummary {
    /// Files that were read to their end.
    pub(crate) files: u64,
    /// Their size as they lie on disk.
    pub(crate) bytes: u64,
    /// Records found in them: datapoints and dead.
    pub(crate) records: i64,
    /// Records that became datapoints.
    pub(crate) datapoints: i64,
    /// Records that have a letter.
    pub(crate) dead: i64,
    /// Members of archives that were read.
    pub(crate) members: i64,
    /// Members that were passed over: directories, links, empty files, what macOS leaves behind.
    pub(crate) members_passed_over: i64,
    /// Payloads made of them.
    pub(crate) payloads: usize,
    /// Datapoints of a payload.
    pub(crate) payload_datapoints: Spread,
    /// Wall time.
    pub(crate) seconds: f64,
    /// Files, or members of archives, that could not be used: one line each.
    pub(crate) faults: Vec<String>,
    /// How many more there were.
    pub(crate) faults_untold: u64,
}

impl IngestSummary {
    /// Says on standard error what could not be used. `dead_list` is the command that lists what
    /// is dead.
    pub(crate) fn complain(&self, dead_list: &str) {
        for fault in &self.faults {
            terminal::complain(fault);
        }
        if self.faults_untold > 0 {
            terminal::complain(&format!("and {} more faults like these", self.faults_untold));
        }
        if self.dead > 0 {
            let words = format!("{} records are no telemetry; {dead_list} says why", self.dead);
            terminal::complain(&words);
        }
    }
}

/// Of numbers: the least, the middle and the greatest; zeros if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Spread {
    pub(crate) min: i64,
    pub(crate) median: i64,
    pub(crate) max: i64,
}

impl Spread {
    fn of(mut numbers: Vec<i64>) -> Self {
        numbers.sort_unstable();
        let (Some(min), Some(max)) = (numbers.first(), numbers.last()) else {
            return Self::default();
        };
        Self { min: *min, median: numbers[numbers.len() / 2], max: *max }
    }
}

/// A file whose cells are done.
#[derive(Debug)]
pub(super) struct DoneFile {
    pub(super) bytes: u64,
    pub(super) members: i64,
    pub(super) members_passed_over: i64,
}

/// A summary that is still growing.
pub(super) struct Tally {
    summary: IngestSummary,
    payload_datapoints: Vec<i64>,
}

/// One cause can make thousands of faults; so many are told.
const FAULTS_MAX: usize = 1_000;

impl Tally {
    pub(super) fn new(faults: Vec<String>) -> Self {
        let mut tally = Self { summary: IngestSummary::default(), payload_datapoints: Vec::new() };
        faults.iter().for_each(|fault| tally.fault(fault));
        tally
    }

    /// A range was committed.
    pub(super) fn range(&mut self, batch: &FileBatch) {
        self.summary.records += batch.output + batch.dead;
        self.summary.datapoints += batch.output;
        self.summary.dead += batch.dead;
        self.payload_datapoints.extend(&batch.payload_datapoints);
    }

    pub(super) fn done(&mut self, file: &DoneFile) {
        self.summary.files += 1;
        self.summary.bytes += file.bytes;
        self.summary.members += file.members;
        self.summary.members_passed_over += file.members_passed_over;
    }

    /// A file or a member could not be used. The words may come from a cell, or from a file's
    /// name, and may be printed on a terminal.
    pub(super) fn fault(&mut self, fault: &str) {
        if self.summary.faults.len() < FAULTS_MAX {
            self.summary.faults.push(terminal::escape(fault));
        } else {
            self.summary.faults_untold += 1;
        }
    }

    pub(super) fn summary(self, took: Duration) -> IngestSummary {
        IngestSummary {
            payloads: self.payload_datapoints.len(),
            payload_datapoints: Spread::of(self.payload_datapoints),
            seconds: took.as_secs_f64(),
            ..self.summary
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_of_any_numbers() {
        assert_eq!(Spread::of(Vec::new()), Spread::default());
        assert_eq!(Spread::of(vec![7]), Spread { min: 7, median: 7, max: 7 });
        assert_eq!(Spread::of(vec![9, 1, 5]), Spread { min: 1, median: 5, max: 9 });
    }

    #[test]
    fn a_fault_cannot_write_on_the_terminal() {
        let summary = Tally::new(vec!["a\u{1b}[2Jb\nü".to_owned()]).summary(Duration::ZERO);
        assert_eq!(summary.faults, ["a\\u{1b}[2Jb\\nü"]);
    }

    #[test]
    fn faults_beyond_what_can_be_told_are_counted() {
        let faults = (0..FAULTS_MAX + 3).map(|number| number.to_string()).collect();
        let summary = Tally::new(faults).summary(Duration::ZERO);
        assert_eq!((summary.faults.len(), summary.faults_untold), (FAULTS_MAX, 3));
    }
}
