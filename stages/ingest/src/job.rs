//! What a cell is asked to do with a file, and what it answers: the words of both ends.
//!
//! A file is counted in three ways, and each is a part of the report: its records, the members of
//! its archives, and, where a later cell can start in the middle, its bytes.

use std::{collections::BTreeMap, ops::Range};

use cordon_body::BodyFault;
use cordon_records::{
    Digest,
    cell::{Job, Part, PartReport, Report, Sentenced},
};

use crate::limits::unpacked_bytes_max;

const SHA256_OPTION: &str = "sha256";
const AT_OPTION: &str = "at_bytes";
const FILE_OPTION: &str = "file_bytes";

/// One cell's share of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileJob {
    /// SHA-256 of the whole file as it lies on disk.
    pub sha256: Digest,
    /// Size of the whole file.
    pub file_bytes: i64,
    /// Where the file's bytes lie in the cell's input: the whole file, or a window of it. What
    /// stands before them is the file's beginning, by which it is recognised, and at last the one
    /// byte that precedes the window.
    pub input: Range<i64>,
    /// Where in the file the window begins.
    pub at_bytes: i64,
    /// Records to give a fate to.
    pub records: Range<i64>,
}

impl FileJob {
    /// As a cell is told.
    pub fn to_job(&self, sentenced: Vec<Sentenced>) -> Job {
        let part = Part {
            offset_bytes: self.input.start,
            len_bytes: self.input.end - self.input.start,
            schema: 0,
            from: self.records.start,
            to: self.records.end,
            datapoints: None,
            decoded_bytes_max: unpacked_bytes_max(self.file_bytes),
            selection: None,
        };
        let options = [
            (SHA256_OPTION, self.sha256.to_string()),
            (AT_OPTION, self.at_bytes.to_string()),
            (FILE_OPTION, self.file_bytes.to_string()),
        ];
        Job {
            sentenced,
            options: options.map(|(name, value)| (name.to_owned(), value)).into(),
            ..Job::of(vec![part], 1, 1)
        }
    }

    pub(crate) fn of_job(job: &Job) -> Result<Self, BodyFault> {
        let [part] = &job.parts[..] else { return Err(BodyFault::Job("ingest takes one part")) };
        let sha256 = job.options.get(SHA256_OPTION).and_then(|hex| Digest::from_hex(hex));
        Ok(Self {
            sha256: sha256.ok_or(BodyFault::Job("the file's SHA-256 is missing"))?,
            file_bytes: number(&job.options, FILE_OPTION)?,
            input: part.offset_bytes..part.offset_bytes.saturating_add(part.len_bytes),
            at_bytes: number(&job.options, AT_OPTION)?,
            records: part.from..part.to,
        })
    }

    /// Whether the input holds the file to its end.
    pub(crate) fn is_to_end(&self) -> bool {
        self.at_bytes.saturating_add(self.input.end - self.input.start) >= self.file_bytes
    }

    /// Whether the input holds all of the file.
    pub(crate) fn is_whole(&self) -> bool {
        self.at_bytes == 0 && self.is_to_end()
    }
}

fn number(options: &BTreeMap<String, String>, name: &str) -> Result<i64, BodyFault> {
    let number = options.get(name).and_then(|text| text.parse().ok());
    number.ok_or(BodyFault::Job("a number about the file is missing"))
}

/// What a cell's report says beyond the fates of records. Untrusted, as the report is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileNews {
    /// One past the last record with a fate.
    pub to: i64,
    /// Whether the file is at its end.
    pub is_end: bool,
    /// Where in the file the next cell can start; `None` means at its beginning.
    pub resume_at_bytes: Option<i64>,
    /// Members of archives that were read, from the beginning of the file.
    pub members_read: i64,
    /// Members that were passed over: directories, links, empty files, what macOS leaves behind.
    pub members_passed_over: i64,
}

impl FileNews {
    /// Reads a report.
    pub fn of(report: &Report) -> Self {
        let mut parts = report.parts.iter();
        let count = |part: Option<&PartReport>| {
            part.map_or((0, 0), |part| (part.output.count(), part.not_mapped.count()))
        };
        let records = parts.next();
        let (members_read, members_passed_over) = count(parts.next());
        Self {
            to: records.map_or(0, |part| part.to),
            is_end: records.is_some_and(|part| part.datapoints.is_some()),
            resume_at_bytes: parts.next().map(|part| part.to),
            members_read,
            members_passed_over,
        }
    }
}
