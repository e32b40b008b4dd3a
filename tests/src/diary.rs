//! What a running stage logs, as far as tests care.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use cordon_records::BatchId;
use serde_json::Value;

/// A line of a stage's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The supervisor started a courier: its process id.
    Started(u32),
    /// A slot got so many partitions.
    Assigned(usize),
    /// A slot has to give up so many partitions, or lost them already.
    Gone(usize),
    /// A batch is about to be processed: flushed before its first cell runs.
    Begins(BatchId),
}

/// The log of one stage, read as it grows.
#[derive(Debug)]
pub struct Diary {
    file: File,
    /// The beginning of a line whose end is not there yet.
    rest: Vec<u8>,
    notes: Vec<Note>,
}

impl Diary {
    /// Reads a log from its beginning.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, rest: Vec::new(), notes: Vec::new() })
    }

    /// Everything up to now, in order.
    pub fn read(&mut self) -> io::Result<&[Note]> {
        self.file.read_to_end(&mut self.rest)?;
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        self.notes.extend(lines.split(|byte| *byte == b'\n').filter_map(note));
        Ok(&self.notes)
    }
}

fn note(line: &[u8]) -> Option<Note> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let fields = &line["fields"];
    let text = |name: &str| fields[name].as_str();
    // Printed as a list: `[logs/0, logs/1]`.
    let partitions = || text("partitions").map(|list| list.matches('/').count());
    match text("message")? {
        "started" => Some(Note::Started(u32::try_from(fields["courier"].as_u64()?).ok()?)),
        "partitions assigned" => Some(Note::Assigned(partitions()?)),
        "partitions revoked" | "partitions lost" => Some(Note::Gone(partitions()?)),
        "batch begins" => Some(Note::Begins(BatchId::from_hex(text("batch")?)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn lines_become_notes_when_they_are_whole() {
        let mut log = tempfile::NamedTempFile::new().unwrap();
        let mut diary = Diary::open(log.path()).unwrap();
        let batch = "00112233445566778899aabbccddeeff";
        writeln!(log, r#"{{"fields":{{"message":"started","courier":7,"zygote":6}}}}"#).unwrap();
        writeln!(log, "no JSON").unwrap();
        writeln!(
            log,
            r#"{{"fields":{{"message":"partitions assigned","partitions":"[raw/0, raw/1]"}}}}"#
        )
        .unwrap();
        write!(log, r#"{{"fields":{{"message":"batch begins","#).unwrap();
        assert_eq!(diary.read().unwrap(), [Note::Started(7), Note::Assigned(2)]);
        writeln!(log, r#""batch":"{batch}"}}}}"#).unwrap();
        writeln!(log, r#"{{"fields":{{"message":"partitions lost","partitions":"[]"}}}}"#).unwrap();
        let batch = BatchId::from_hex(batch).unwrap();
        assert_eq!(diary.read().unwrap()[2..], [Note::Begins(batch), Note::Gone(0)]);
    }
}
