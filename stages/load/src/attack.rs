//! The planted attack: one campaign against one host, step by step.

use crate::{
    activity::{accessed, connected, deleted, resolved, valued, written},
    event::{Event, sysmon},
    host::{Host, Process, Start},
    ledger::Step,
    programs::{self, Program},
    rng::Rng,
};

/// Where an attack stands.
#[derive(Debug)]
pub(crate) struct Campaign {
    /// The attacked host's index.
    pub(crate) host: usize,
    /// The line index from which the next step may come.
    pub(crate) due_line: u64,
    /// How many steps are done.
    pub(crate) done: usize,
    word: Option<Process>,
    interpreter: Option<Process>,
    payload: Option<Process>,
}

/// TEST-NET-3 of RFC 5737: public by every rule's reckoning, and nobody's.
const PAYLOAD_SERVER: &str = "203.0.113.57";
const COMMAND_SERVER: &str = "203.0.113.99";

/// UTF-16 in base64, as `-EncodedCommand` takes it: `Write-Output "cordon load generator"`. What
/// an attacker would run does not matter to anyone who only sees the event.
const ENCODED: &str = "VwByAGkAdABlAC0ATwB1AHQAcAB1AHQAIAAiAGMAbwByAGQAbwBuACAAbABvAGEAZAAgAGcAZQBuAGUAcgBhAHQAbwByACIA";

/// The dropped program has no version resource.
const PAYLOAD: Program = Program {
    image: "",
    command_line: "",
    description: "-",
    product: "-",
    company: "-",
    original_file_name: "-",
};

impl Campaign {
    pub(crate) fn new(host: usize, due_line: u64) -> Self {
        Self { host, due_line, done: 0, word: None, interpreter: None, payload: None }
    }

    /// The step that comes next; `None` when all are done.
    pub(crate) fn next_step(&self) -> Option<Step> {
        Step::ALL.get(self.done).copied()
    }

    /// Takes the next step: its event.
    pub(crate) fn advance(&mut self, step: Step, host: &mut Host, rng: &mut Rng) -> Event {
        self.done += 1;
        match step {
            Step::DocumentOpened => self.open_document(host, rng),
            Step::InterpreterStarted => self.start_interpreter(host, rng),
            Step::NameResolved => resolved(
                host,
                actor(&self.interpreter),
                "files.attacker.example",
                PAYLOAD_SERVER,
                rng,
            ),
            Step::PayloadFetched => {
                connected(host, actor(&self.interpreter), PAYLOAD_SERVER, "443", rng)
            }
            Step::PayloadDropped => {
                written(host, actor(&self.interpreter), payload_path(host), rng)
            }
            Step::PayloadStarted => self.start_payload(host, rng),
            Step::LsassRead => {
                let lsass = host.resident(programs::LSASS).clone();
                accessed(host, actor(&self.payload), &lsass, "0x1410", rng)
            }
            Step::ThreadInjected => {
                let target = host.resident(programs::EXPLORER).clone();
                threaded(host, actor(&self.payload), &target, rng)
            }
            Step::RunKeySet => {
                let key = "HKU\\S-1-5-21-1939123204-1418869057-2368897034-1105\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\Updater";
                valued(host, actor(&self.payload), key.to_owned(), payload_path(host), rng)
            }
            Step::EventLogDisabled => {
                let key = "HKLM\\System\\CurrentControlSet\\Services\\EventLog\\Start";
                let disabled = "DWORD (0x00000004)".to_owned();
                valued(host, actor(&self.payload), key.to_owned(), disabled, rng)
            }
            Step::CalledHome => connected(host, actor(&self.payload), COMMAND_SERVER, "8443", rng),
            Step::BinaryDeleted => {
                deleted(host, actor(&self.payload), payload_path(host), "true", rng)
            }
        }
    }

    fn open_document(&mut self, host: &mut Host, rng: &mut Rng) -> Event {
        let command_line = format!(
            "\"{}\" /n \"{}\\AppData\\Local\\Microsoft\\Windows\\INetCache\\Content.Outlook\\invoice.docm\" /o \"\"",
            programs::WORD.image,
            host.user.home
        );
        let start = Start {
            program: programs::WORD,
            image: programs::WORD.image.into(),
            command_line,
            parent: host.resident(programs::EXPLORER).clone(),
            user: host.user.clone(),
        };
        let (process, event) = host.start(start, rng);
        self.word = Some(process);
        event
    }

    fn start_interpreter(&mut self, host: &mut Host, rng: &mut Rng) -> Event {
        let start = Start {
            program: programs::POWERSHELL,
            image: programs::POWERSHELL.image.into(),
            command_line: format!("powershell.exe -NoP -W Hidden -Enc {ENCODED}"),
            parent: actor(&self.word).clone(),
            user: host.user.clone(),
        };
        let (process, event) = host.start(start, rng);
        self.interpreter = Some(process);
        event
    }

    fn start_payload(&mut self, host: &mut Host, rng: &mut Rng) -> Event {
        let path = payload_path(host);
        let start = Start {
            program: PAYLOAD,
            command_line: format!("\"{path}\""),
            image: path.into(),
            parent: actor(&self.interpreter).clone(),
            user: host.user.clone(),
        };
        let (process, event) = host.start(start, rng);
        self.payload = Some(process);
        event
    }
}

/// Who takes a step. Kept here, not among the host's processes: ordinary activity neither uses nor
/// ends them, so that a rule finds the steps and nothing else.
fn actor(process: &Option<Process>) -> &Process {
    process.as_ref().expect("the step that starts it came before")
}

fn payload_path(host: &Host) -> String {
    format!("{}\\AppData\\Local\\Temp\\updater.exe", host.user.home)
}

fn threaded(host: &mut Host, source: &Process, target: &Process, rng: &mut Rng) -> Event {
    sysmon!(8, host.tick(rng),
        "SourceProcessGuid": source.guid.clone(),
        "SourceProcessId": source.pid.to_string(),
        "SourceImage": source.image.clone(),
        "TargetProcessGuid": target.guid.clone(),
        "TargetProcessId": target.pid.to_string(),
        "TargetImage": target.image.clone(),
        "NewThreadId": (4 * rng.between(200, 2500)).to_string(),
        "StartAddress": format!("0x{:016X}", rng.between(0x1_0000_0000, 0x7FF_FFFF_FFFF)),
        "StartModule": "-",
        "StartFunction": "-",
    )
}
