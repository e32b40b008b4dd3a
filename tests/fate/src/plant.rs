//! Files whose lines do what a scenario wants, and what must become of each line.

use std::{fs, path::Path};

use anyhow::Result;
use cordon_load::{Settings, Telemetry};

use crate::killer::Deed;

/// A file that becomes one payload.
#[derive(Clone, Debug)]
pub struct File {
    /// Its name, which letters name.
    pub name: String,
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    text: Vec<u8>,
    deed: Option<Deed>,
}

/// What may become of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the output, or has no mapping.
    Lives,
    /// It has a letter with this reason.
    Dies(&'static str),
    /// One or the other.
    MayDie(&'static str),
}

impl File {
    /// Ordinary telemetry, `count` lines of it, with these deeds in the place of some.
    pub fn new(name: &str, count: usize, deeds: impl IntoIterator<Item = (usize, Deed)>) -> Self {
        // Two files of one name never meet in a place.
        let seed = name.bytes().fold(1, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
        let settings = Settings { seed, malformed_per_million: 0, ..Settings::default() };
        let lines = Telemetry::new(settings).take(count);
        let mut lines: Vec<Line> =
            lines.map(|line| Line { text: line.bytes, deed: None }).collect();
        for (at, deed) in deeds {
            let text = deed.line(&format!("{name}-{at}")).into_bytes();
            lines[at] = Line { text, deed: Some(deed) };
        }
        Self { name: format!("{name}.jsonl"), lines }
    }

    /// How many lines it has.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many of its lines do something.
    pub fn deeds(&self) -> usize {
        self.lines.iter().filter(|line| line.deed.is_some()).count()
    }

    /// What must become of the line at an index.
    pub fn fate(&self, index: usize) -> Fate {
        self.lines[index].deed.map_or(Fate::Lives, Deed::fate)
    }

    /// What a letter must quote of a line; `None` if nobody can quote it.
    pub fn quoted(&self, index: usize) -> Option<&[u8]> {
        let Line { text, deed } = &self.lines[index];
        let is_quotable = !matches!(deed, Some(deed) if !deed.is_quotable());
        is_quotable.then(|| &text[..text.len().min(cordon_records::Letter::EXCERPT_BYTES_MAX)])
    }

    /// Writes it below `dir`, without the lines that `is_dead` names.
    pub fn write(&self, dir: &Path, is_dead: impl Fn(usize) -> bool) -> Result<()> {
        let alive = self.lines.iter().enumerate().filter(|(index, _)| !is_dead(*index));
        let mut bytes = Vec::new();
        for (_, line) in alive {
            bytes.extend_from_slice(&line.text);
            bytes.push(b'\n');
        }
        Ok(fs::write(dir.join(&self.name), bytes)?)
    }
}

impl Deed {
    /// What becomes of a line that does this, in a cell with its jail.
    fn fate(self) -> Fate {
        match self {
            Self::Reject => Fate::Dies("rejected"),
            Self::Panic => Fate::Dies("panic"),
            Self::Loop => Fate::Dies("deadline"),
            Self::AbortInSeal => Fate::Dies("seal"),
            Self::Machine => Fate::Dies("machine"),
            Self::AbortAtTimes => Fate::MayDie("crash"),
            Self::MachineAtTimes | Self::MachineInSeal => Fate::MayDie("machine"),
            Self::Abort | Self::Overflow | Self::Memory | Self::Block | Self::AbortWhenQuoted => {
                Fate::Dies("crash")
            }
        }
    }

    /// Whether anything but its coordinates can be told of it: whatever dies in the seal, or with
    /// the machine, was never quoted.
    fn is_quotable(self) -> bool {
        !matches!(
            self,
            Self::AbortWhenQuoted
                | Self::AbortInSeal
                | Self::Machine
                | Self::MachineAtTimes
                | Self::MachineInSeal
        )
    }
}
