//! A host: its users, its processes, and the identifiers it gives out.

use crate::{
    Shape,
    event::{Event, Text, sysmon},
    programs::{self, Program},
    rng::Rng,
};

/// One machine and everything that its events refer to.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// As its lines name it.
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) shape: Shape,
    /// Whether its agent ships the rendered message: lines are short without.
    pub(crate) ships_message: bool,
    /// Its clock, which its events' times follow: never goes back.
    pub(crate) clock_ms: i64,
    /// The logger's pid: the trap of `ExecutionProcessID`.
    pub(crate) logger_pid: u32,
    pub(crate) processes: Vec<Process>,
    pub(crate) user: User,
    record_number: u64,
    /// Leading half of every GUID it makes.
    machine: u32,
    /// Pids of dead processes, reused last out first in: Windows is as quick to reuse.
    free_pids: Vec<u32>,
    next_pid: u32,
    guids: u64,
}

/// Who runs a process.
#[derive(Clone, Debug)]
pub(crate) struct User {
    /// With its domain.
    pub(crate) name: Text,
    pub(crate) logon_guid: String,
    pub(crate) logon_id: String,
    pub(crate) session: &'static str,
    pub(crate) integrity: &'static str,
    /// Its profile directory.
    pub(crate) home: String,
}

/// A running process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) guid: String,
    pub(crate) image: Text,
    pub(crate) command_line: String,
    pub(crate) user: User,
}

/// A process about to start.
pub(crate) struct Start {
    pub(crate) program: Program,
    pub(crate) image: Text,
    pub(crate) command_line: String,
    pub(crate) parent: Process,
    pub(crate) user: User,
}

const GIVEN_NAMES: &[&str] =
    &["amara", "bjorn", "chidi", "dilara", "elena", "farid", "greta", "hiro", "ines", "jonas"];

/// Pids are multiples of four; a busy host stays below this and so reuses them.
const PIDS_MAX: u32 = 12_000;

impl Host {
    pub(crate) fn new(index: u32, shape: Shape, clock_ms: i64, rng: &mut Rng) -> Self {
        let machine = rng.next() as u32;
        let mut host = Self {
            name: format!("WS{index:04}.corp.example"),
            address: format!("10.1.{}.{}", index / 250, index % 250 + 2),
            shape,
            ships_message: rng.chance(700_000),
            clock_ms,
            logger_pid: 4 * rng.between(600, 1000) as u32,
            processes: Vec::new(),
            user: User::person(rng.pick::<&str>(GIVEN_NAMES), index, machine, rng),
            record_number: rng.below(1_000_000),
            machine,
            free_pids: Vec::new(),
            next_pid: 400,
            guids: 0,
        };
        for (place, program) in programs::RESIDENT.iter().enumerate() {
            let user =
                if place == programs::EXPLORER { host.user.clone() } else { User::system(machine) };
            let process = Process {
                pid: if place == 0 { 4 } else { host.take_pid(rng) },
                guid: host.guid(),
                image: program.image.into(),
                command_line: program.command_line.into(),
                user,
            };
            host.processes.push(process);
        }
        host
    }

    /// The next moment at which something happens here.
    pub(crate) fn tick(&mut self, rng: &mut Rng) -> i64 {
        self.clock_ms += rng.below(40) as i64;
        self.clock_ms
    }

    pub(crate) fn next_record_number(&mut self) -> u64 {
        self.record_number += 1;
        self.record_number
    }

    pub(crate) fn resident(&self, place: usize) -> &Process {
        &self.processes[place]
    }

    pub(crate) fn any_process(&self, rng: &mut Rng) -> Process {
        rng.pick(&self.processes).clone()
    }

    /// Starts a process and tells of it (event 1). It takes part in ordinary activity only once
    /// it is pushed to `processes`: an attacker's does not.
    pub(crate) fn start(&mut self, start: Start, rng: &mut Rng) -> (Process, Event) {
        let Start { program, image, command_line, parent, user } = start;
        let time_ms = self.tick(rng);
        let process =
            Process { pid: self.take_pid(rng), guid: self.guid(), image, command_line, user };
        let event = sysmon!(1, time_ms,
            "ProcessGuid": process.guid.clone(),
            "ProcessId": process.pid.to_string(),
            "Image": process.image.clone(),
            "FileVersion": "10.0.19041.1 (WinBuild.160101.0800)",
            "Description": program.description,
            "Product": program.product,
            "Company": program.company,
            "OriginalFileName": program.original_file_name,
            "CommandLine": process.command_line.clone(),
            "CurrentDirectory": "C:\\Windows\\system32\\",
            "User": process.user.name.clone(),
            "LogonGuid": process.user.logon_guid.clone(),
            "LogonId": process.user.logon_id.clone(),
            "TerminalSessionId": process.user.session,
            "IntegrityLevel": process.user.integrity,
            "Hashes": hashes(&process.image),
            "ParentProcessGuid": parent.guid,
            "ParentProcessId": parent.pid.to_string(),
            "ParentImage": parent.image,
            "ParentCommandLine": parent.command_line,
        );
        (process, event)
    }

    /// Ends the process at this place and tells of it (event 5); its pid is free again.
    pub(crate) fn end(&mut self, place: usize, rng: &mut Rng) -> Event {
        assert!(place >= programs::RESIDENT.len(), "residents do not end");
        let process = self.processes.swap_remove(place);
        self.free_pids.push(process.pid);
        sysmon!(5, self.tick(rng),
            "ProcessGuid": process.guid,
            "ProcessId": process.pid.to_string(),
            "Image": process.image,
        )
    }

    fn take_pid(&mut self, rng: &mut Rng) -> u32 {
        let reuse = self.next_pid >= PIDS_MAX || rng.chance(100_000);
        match self.free_pids.pop().filter(|_| reuse) {
            Some(pid) => pid,
            None => {
                self.next_pid += 4 * rng.between(1, 8) as u32;
                self.next_pid
            }
        }
    }

    /// Shaped as Sysmon's: the machine, a time, a number.
    fn guid(&mut self) -> String {
        self.guids += 1;
        let seconds = self.clock_ms / 1000;
        let (low, high) = (seconds & 0xFFFF, seconds >> 16 & 0xFFFF);
        let number = self.guids;
        format!(
            "{{{:08x}-{low:04x}-{high:04x}-{:04x}-{:012x}}}",
            self.machine,
            number & 0xFFFF,
            number >> 16
        )
    }
}

impl User {
    fn person(name: &str, index: u32, machine: u32, rng: &mut Rng) -> Self {
        let logon = rng.between(0x10_000, 0xFF_FFFF);
        Self {
            name: format!("CORP\\{name}.{index}").into(),
            logon_guid: format!("{{{machine:08x}-22a7-5f69-{:04x}-{logon:012x}}}", logon & 0xFFFF),
            logon_id: format!("0x{logon:x}"),
            session: "1",
            integrity: "Medium",
            home: format!("C:\\Users\\{name}.{index}"),
        }
    }

    fn system(machine: u32) -> Self {
        Self {
            name: "NT AUTHORITY\\SYSTEM".into(),
            logon_guid: format!("{{{machine:08x}-226f-5f69-e703-000000000000}}"),
            logon_id: "0x3e7".into(),
            session: "0",
            integrity: "System",
            home: "C:\\Windows\\system32\\config\\systemprofile".into(),
        }
    }
}

/// The same file has the same hashes wherever it runs.
pub(crate) fn hashes(path: &str) -> String {
    // FNV-1a: any stable hash of the path will do as a seed.
    let seed = path.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01B3)
    });
    let mut rng = Rng::new(seed);
    let (sha1, md5, sha256, imphash) = (rng.hex(40), rng.hex(32), rng.hex(64), rng.hex(32));
    format!("SHA1={sha1},MD5={md5},SHA256={sha256},IMPHASH={imphash}")
}
