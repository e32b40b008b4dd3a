//! The stage `generate`, taken over by its input: a line may say what becomes of the cell that
//! processes it. All other lines get what `generate` gives them.

use std::{borrow::Cow, hint::black_box, time::Duration};

use cordon_flow::{Accumulate, Fate, Graph, KnownElements, Memory, Stage};
use cordon_generate::Generate;
use cordon_records::{
    Body, Element, LogDatapoint, NodeKey,
    schema::{self, Family},
};
use rustix::process::{Signal, kill_current_process_group};

/// What a line does to whoever processes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// It is refused, in good order.
    Reject,
    /// It panics.
    Panic,
    /// It aborts the process.
    Abort,
    /// It overflows the stack: a segmentation fault on the guard page.
    Overflow,
    /// It takes more memory than a cell may have.
    Memory,
    /// It never ends.
    Loop,
    /// It waits for longer than its deadline. In the jail nothing can wait: it dies of trying.
    Block,
    /// It aborts whenever it is processed or quoted.
    AbortWhenQuoted,
    /// It aborts one time in three.
    AbortAtTimes,
    /// What it emits aborts the cell that seals the batch.
    AbortInSeal,
    /// It kills all processes of the supervisor's group, as a machine that dies would. Only without
    /// a jail.
    Machine,
    /// The same one time in three.
    MachineAtTimes,
    /// What it emits does so when the batch is sealed, one time in two.
    MachineInSeal,
}

impl Deed {
    /// Every deed, by the word that stands in a line.
    pub const ALL: &[(Self, &str)] = &[
        (Self::Reject, "reject"),
        (Self::Panic, "panic"),
        (Self::Abort, "abort"),
        (Self::Overflow, "overflow"),
        (Self::Memory, "memory"),
        (Self::Loop, "loop"),
        (Self::Block, "block"),
        (Self::AbortWhenQuoted, "abort-when-quoted"),
        (Self::AbortAtTimes, "abort-at-times"),
        (Self::AbortInSeal, "abort-in-seal"),
        (Self::Machine, "machine"),
        (Self::MachineAtTimes, "machine-at-times"),
        (Self::MachineInSeal, "machine-in-seal"),
    ];

    /// The word that stands in a line.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(deed, _)| *deed == self).map_or("", |(_, word)| word)
    }

    /// A line that does this: a Sysmon event of a file that nobody else creates.
    pub fn line(self, file: &str) -> String {
        let word = self.word();
        let fields = [
            r#""EventID":11,"Channel":"Microsoft-Windows-Sysmon/Operational""#,
            r#""Hostname":"killer.example","UtcTime":"2026-01-02 03:04:05.000""#,
            r#""ProcessGuid":"{c0ffee00-0000-0000-0000-000000000001}","ProcessId":"7""#,
            r#""Image":"C:\\killer.exe""#,
        ];
        let fields = fields.join(",");
        format!(r#"{{{fields},"TargetFilename":"C:\\{MARK}{word}\\{file}"}}"#)
    }

    fn of(text: &[u8]) -> Option<Self> {
        let at = text.windows(MARK.len()).position(|found| found == MARK.as_bytes())?;
        let rest = &text[at + MARK.len()..];
        let word = rest.split(|byte| *byte == b'\\').next()?;
        Self::ALL.iter().find(|(_, known)| known.as_bytes() == word).map(|(deed, _)| *deed)
    }

    /// The deed of the file's node.
    fn of_element(element: &Element) -> Option<Self> {
        if !matches!(element.body, Body::Node(_)) {
            return None;
        }
        let mut values = element.properties.iter().flat_map(|property| &property.values);
        values.find_map(|value| Self::of(value.as_bytes()))
    }
}

/// What stands before the deed's word in the name of the file: the same in a line of JSON and in an
/// element, up to the backslash behind the word.
const MARK: &str = "killer!";

/// `generate`, and what its input makes of it.
pub struct Killer;

impl Stage for Killer {
    type Input<'a> = LogDatapoint<'a>;
    type Output = KillerGraph;
    type Memory = Known;

    fn input_schemas(&self) -> &'static Family {
        &schema::LOG_DATAPOINT
    }

    fn process(
        &self,
        input: &LogDatapoint<'_>,
        Known(known): &mut Known,
        emit: &mut Vec<Element>,
    ) -> Fate {
        match Deed::of(input.line) {
            Some(Deed::Reject) => return Fate::Dead("as it asked".to_owned()),
            Some(Deed::Panic) => panic!("as it asked"),
            Some(Deed::Abort | Deed::AbortWhenQuoted) => std::process::abort(),
            Some(Deed::Overflow) => drop(black_box(overflow(0))),
            Some(Deed::Memory) => drop(black_box(devour())),
            Some(Deed::Loop) => loop {
                black_box(());
            },
            Some(Deed::Block) => std::thread::sleep(Duration::from_secs(600)),
            Some(Deed::AbortAtTimes) if happens_once_in(3) => std::process::abort(),
            Some(Deed::Machine) => kill_the_machine(),
            Some(Deed::MachineAtTimes) if happens_once_in(3) => kill_the_machine(),
            _ => {}
        }
        Generate.process(input, known, emit)
    }

    fn excerpt<'a>(&self, input: &'a LogDatapoint<'_>) -> Cow<'a, [u8]> {
        if Deed::of(input.line) == Some(Deed::AbortWhenQuoted) {
            std::process::abort();
        }
        Generate.excerpt(input)
    }
}

/// What generate remembers.
#[derive(Debug, Default)]
pub struct Known(KnownElements);

impl Memory<KillerGraph> for Known {
    fn again(&self) -> usize {
        Memory::<Graph>::again(&self.0)
    }

    fn keep(&mut self, output: &mut KillerGraph) {
        self.0.keep(&mut output.0);
    }

    fn forget(&mut self) {
        Memory::<Graph>::forget(&mut self.0);
    }
}

/// A graph with elements that kill whoever seals them.
#[derive(Debug, Default)]
pub struct KillerGraph(Graph);

impl Accumulate for KillerGraph {
    type Item = Element;

    fn schemas() -> &'static Family {
        Graph::schemas()
    }

    fn add(&mut self, item: Element) {
        self.0.add(item);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn changed(&self) -> impl Iterator<Item = &Element> {
        self.0.changed()
    }

    fn settle(&mut self) {
        self.0.settle();
    }

    fn encoded_bytes_max(item: &Element) -> usize {
        Graph::encoded_bytes_max(item)
    }

    fn sorted(&self) -> Vec<&Element> {
        self.0.sorted()
    }

    /// Asked of each element once, when a batch is sealed.
    fn home(item: &Element) -> Option<NodeKey> {
        match Deed::of_element(item) {
            Some(Deed::AbortInSeal) => std::process::abort(),
            Some(Deed::MachineInSeal) if happens_once_in(2) => kill_the_machine(),
            _ => {}
        }
        Graph::home(item)
    }

    fn times(item: &Element) -> Option<(i64, i64)> {
        Graph::times(item)
    }
}

/// Decided by the clock: a cell has no other chance, and its hash seeds are all the same.
fn happens_once_in(times: u32) -> bool {
    #[expect(clippy::disallowed_methods, reason = "a killer that strikes at times is impure")]
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // The last digits may be always the same.
    time.is_ok_and(|time| (time.subsec_nanos() / 64).is_multiple_of(times))
}

fn kill_the_machine() {
    // In the jail this is its own death.
    let _ = kill_current_process_group(Signal::KILL);
}

#[expect(unconditional_recursion, reason = "its purpose")]
fn overflow(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    overflow(depth + 1) + frame[(depth % 64) as usize]
}

fn devour() -> Vec<Vec<u8>> {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        // Not touched: what is limited is what it has, and time is another limit.
        held.push(black_box(Vec::with_capacity(1 << 20)));
    }
}
