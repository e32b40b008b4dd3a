//! What was generated, to check an audit against.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Shape;

/// What a telemetry stream has emitted so far, exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// All lines, malformed ones included.
    pub lines: u64,
    /// All their bytes, without line breaks.
    pub bytes: u64,
    /// Lines that are one JSON object, by the channel and event id they carry, such as `sysmon/1`.
    pub events: BTreeMap<String, u64>,
    /// The same lines by their shape.
    pub shapes: BTreeMap<Shape, u64>,
    /// Lines that no consumer may accept, by what was done to them.
    pub malformed: BTreeMap<Damage, u64>,
    /// Well-formed lines that came behind younger ones.
    pub late: u64,
    /// The attacks, in the order they began.
    pub attacks: Vec<Attack>,
}

impl Ledger {
    /// Lines that are one JSON object.
    pub fn well_formed(&self) -> u64 {
        self.events.values().sum()
    }

    /// Lines that no consumer may accept.
    pub fn malformed(&self) -> u64 {
        self.malformed.values().sum()
    }
}

/// How a line was damaged. None of the results is one JSON object in UTF-8, none is empty, and
/// none holds a line break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// Cut somewhere before its end, as by a crashed shipper.
    Truncated,
    /// A byte in it is not UTF-8.
    Utf8,
    /// Not JSON at all: a syslog line that lost its way.
    Text,
    /// JSON, but a list.
    List,
}

impl Damage {
    /// Every damage.
    pub const ALL: [Damage; 4] = [Damage::Truncated, Damage::Utf8, Damage::Text, Damage::List];
}

/// A planted attack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attack {
    /// The attacked host, as its lines name it.
    pub host: String,
    /// The steps emitted so far and the index of each one's line; both go up.
    pub steps: Vec<(Step, u64)>,
}

/// The steps of an attack, in their order. Each is one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Word opens a document from the mail program's cache. Nothing wrong yet.
    DocumentOpened,
    /// Word starts PowerShell with an encoded command.
    InterpreterStarted,
    /// PowerShell looks up a name.
    NameResolved,
    /// PowerShell connects to a public address.
    PayloadFetched,
    /// PowerShell writes a program into the user's temporary directory.
    PayloadDropped,
    /// PowerShell starts it.
    PayloadStarted,
    /// The program opens LSASS for reading.
    LsassRead,
    /// The program starts a thread in another process.
    ThreadInjected,
    /// The program sets a Run key.
    RunKeySet,
    /// The program disables the event log service.
    EventLogDisabled,
    /// The program connects to a public address.
    CalledHome,
    /// The program deletes its own file.
    BinaryDeleted,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Step; 12] = [
        Step::DocumentOpened,
        Step::InterpreterStarted,
        Step::NameResolved,
        Step::PayloadFetched,
        Step::PayloadDropped,
        Step::PayloadStarted,
        Step::LsassRead,
        Step::ThreadInjected,
        Step::RunKeySet,
        Step::EventLogDisabled,
        Step::CalledHome,
        Step::BinaryDeleted,
    ];
}
