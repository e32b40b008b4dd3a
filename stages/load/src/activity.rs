//! What a host does on an ordinary day.
//!
//! The shares of the events follow the public archives (half of all lines there are event 10),
//! flattened so that rarer events are not starved in short runs.

use crate::{
    event::{Event, Source, sysmon},
    host::{Host, Process, Start, User, hashes},
    programs::{self, Program},
    rng::Rng,
};

#[derive(Clone, Copy)]
enum Deed {
    Start,
    End,
    Access,
    Load,
    Registry,
    File,
    Delete,
    Connect,
    Resolve,
    Pipe,
    Download,
    Security,
    Script,
    Burst,
}

const DEEDS: &[(Deed, u32)] = &[
    (Deed::Start, 30),
    (Deed::End, 30),
    (Deed::Access, 300),
    (Deed::Load, 60),
    (Deed::Registry, 130),
    (Deed::File, 60),
    (Deed::Delete, 20),
    (Deed::Connect, 50),
    (Deed::Resolve, 30),
    (Deed::Pipe, 20),
    (Deed::Download, 4),
    (Deed::Security, 80),
    (Deed::Script, 4),
    (Deed::Burst, 1),
];

/// More would make a host's every event a new process.
const PROCESSES_MAX: usize = 120;

/// The next thing that happens on a host: one event, or a few that belong together.
pub(crate) fn next(host: &mut Host, rng: &mut Rng) -> Vec<Event> {
    match rng.weighted(DEEDS) {
        Deed::Start if host.processes.len() < PROCESSES_MAX => start(host, rng),
        Deed::Start | Deed::End => end(host, rng),
        Deed::Access => vec![access(host, rng)],
        Deed::Load => vec![load(host, rng)],
        Deed::Registry => vec![registry(host, rng)],
        Deed::File => vec![file(host, rng)],
        Deed::Delete => vec![delete(host, rng)],
        Deed::Connect => vec![connect(host, rng)],
        Deed::Resolve => resolve(host, rng),
        Deed::Pipe => pipe(host, rng),
        Deed::Download => download(host, rng),
        Deed::Security => vec![security(host, rng)],
        Deed::Script => vec![script(host, rng)],
        Deed::Burst => burst(host, rng),
    }
}

/// A process starts, the service host looks at it, and it loads its libraries.
fn start(host: &mut Host, rng: &mut Rng) -> Vec<Event> {
    let by_user = rng.chance(500_000);
    let (list, place) = if by_user {
        (programs::STARTED_BY_USER, programs::EXPLORER)
    } else {
        (programs::STARTED_BY_SERVICE, programs::SVCHOST)
    };
    let program = *rng.pick(list);
    let parent = host.resident(place).clone();
    let user = if by_user { host.user.clone() } else { parent.user.clone() };
    let (process, created) = host.start(ordinary_start(program, parent, user, rng), rng);
    host.processes.push(process.clone());
    let watcher = host.resident(programs::SVCHOST).clone();
    let mut events = vec![created, accessed(host, &watcher, &process, "0x1000", rng)];
    for _ in 0..rng.between(2, 12) {
        events.push(loaded(host, &process, rng));
    }
    events
}

fn ordinary_start(program: Program, parent: Process, user: User, rng: &mut Rng) -> Start {
    let number = rng.between(1, 250).to_string();
    Start {
        program,
        image: program.image.into(),
        command_line: program.command_line.replace("{n}", &number),
        parent,
        user,
    }
}

fn end(host: &mut Host, rng: &mut Rng) -> Vec<Event> {
    let residents = programs::RESIDENT.len();
    let Some(others) = host.processes.len().checked_sub(residents).filter(|&n| n > 0) else {
        return vec![access(host, rng)];
    };
    let place = residents + rng.below(others as u64) as usize;
    vec![host.end(place, rng)]
}

fn access(host: &mut Host, rng: &mut Rng) -> Event {
    let source = host.resident(rng.skewed(programs::RESIDENT.len() - 1) + 1).clone();
    let target = host.any_process(rng);
    let rights = rng.weighted(programs::RIGHTS);
    accessed(host, &source, &target, rights, rng)
}

pub(crate) fn accessed(
    host: &mut Host,
    source: &Process,
    target: &Process,
    rights: &'static str,
    rng: &mut Rng,
) -> Event {
    sysmon!(10, host.tick(rng),
        "SourceProcessGUID": source.guid.clone(),
        "SourceProcessId": source.pid.to_string(),
        "SourceThreadId": (4 * rng.between(200, 2500)).to_string(),
        "SourceImage": source.image.clone(),
        "TargetProcessGUID": target.guid.clone(),
        "TargetProcessId": target.pid.to_string(),
        "TargetImage": target.image.clone(),
        "GrantedAccess": rights,
        "CallTrace": call_trace(rng),
    )
}

fn call_trace(rng: &mut Rng) -> String {
    let mut trace = format!("{}+{:x}", programs::TRACE_MODULES[0], rng.between(0x9_0000, 0xA_0000));
    for _ in 0..rng.between(8, 30) {
        let module = rng.pick(programs::TRACE_MODULES);
        trace.push_str(&format!("|{module}+{:x}", rng.between(0x1000, 0x8_0000)));
    }
    trace
}

fn load(host: &mut Host, rng: &mut Rng) -> Event {
    let process = host.any_process(rng);
    loaded(host, &process, rng)
}

fn loaded(host: &mut Host, process: &Process, rng: &mut Rng) -> Event {
    let &(library, description) = rng.pick(programs::LIBRARIES);
    sysmon!(7, host.tick(rng),
        "ProcessGuid": process.guid.clone(),
        "ProcessId": process.pid.to_string(),
        "Image": process.image.clone(),
        "ImageLoaded": library,
        "FileVersion": "10.0.19041.1 (WinBuild.160101.0800)",
        "Description": description,
        "Product": "Microsoft® Windows® Operating System",
        "Company": "Microsoft Corporation",
        "OriginalFileName": library.rsplit('\\').next().unwrap_or(library),
        "Hashes": hashes(library),
        "Signed": "true",
        "Signature": "Microsoft Windows",
        "SignatureStatus": "Valid",
    )
}

fn registry(host: &mut Host, rng: &mut Rng) -> Event {
    let process = host.any_process(rng);
    let key = *rng.pick(programs::REGISTRY_KEYS);
    match rng.below(10) {
        0 => keyed(host, &process, "DeleteValue", format!("{key}\\Cached"), rng),
        1..=6 => keyed(host, &process, "CreateKey", key.to_owned(), rng),
        _ => {
            let value = format!("{key}\\Setting{}", rng.below(40));
            let details = format!("DWORD (0x{:08x})", rng.below(5));
            valued(host, &process, value, details, rng)
        }
    }
}

fn keyed(
    host: &mut Host,
    process: &Process,
    kind: &'static str,
    target: String,
    rng: &mut Rng,
) -> Event {
    sysmon!(12, host.tick(rng),
        "EventType": kind,
        "ProcessGuid": process.guid.clone(),
        "ProcessId": process.pid.to_string(),
        "Image": process.image.clone(),
        "TargetObject": target,
    )
}

pub(crate) fn valued(
    host: &mut Host,
    process: &Process,
    target: String,
    details: String,
    rng: &mut Rng,
) -> Event {
    sysmon!(13, host.tick(rng),
        "EventType": "SetValue",
        "ProcessGuid": process.guid.clone(),
        "ProcessId": process.pid.to_string(),
        "Image": process.image.clone(),
        "TargetObject": target,
        "Details": details,
    )
}

fn file(host: &mut Host, rng: &mut Rng) -> Event {
    let process = host.any_process(rng);
    let name =
        format!("{}\\AppData\\Local\\Temp\\{:08x}.tmp", process.user.home, rng.next() as u32);
    written(host, &process, name, rng)
}

pub(crate) fn written(host: &mut Host, process: &Process, name: String, rng: &mut Rng) -> Event {
    let time_ms = host.tick(rng);
    sysmon!(11, time_ms,
        "ProcessGuid": process.guid.clone(),
        "ProcessId": process.pid.to_string(),
        "Image": process.image.clone(),
        "TargetFilename": name,
        "CreationUtcTime": crate::time::Civil::of(time_ms).sysmon().to_string(),
    )
}

fn delete(host: &mut Host, rng: &mut Rng) -> Event {
    let process = host.any_process(rng);
    let name =
        format!("{}\\AppData\\Local\\Temp\\{:08x}.tmp", process.user.home, rng.next() as u32);
    deleted(host, &process, name, "false", rng)
}

pub(crate) fn deleted(
    host: &mut Host,
    process: &Process,
    name: String,
    is_executable: &'static str,
    rng: &mut Rng,
) -> Event {
    sysmon!(23, host.tick(rng),
        "ProcessGuid": process.guid.clone(),
        "ProcessId": process.pid.to_string(),
        "User": process.user.name.clone(),
        "Image": process.image.clone(),
        "Hashes": hashes(&name),
        "TargetFilename": name,
        "IsExecutable": is_executable,
        "Archived": "true",
    )
}

/// Interpreters talk to the inside only; everything else talks to the outside, too.
fn connect(host: &mut Host, rng: &mut Rng) -> Event {
    let process = host.any_process(rng);
    let inside = process.image.ends_with("powershell.exe") || process.image.ends_with("cmd.exe");
    let &(_, address) = rng.pick(programs::NAMES);
    let address = if inside { "10.0.0.5" } else { address };
    connected(host, &process, address, "443", rng)
}

pub(crate) fn connected(
    host: &mut Host,
    process: &Process,
    address: &'static str,
    port: &'static str,
    rng: &mut Rng,
) -> Event {
    sysmon!(3, host.tick(rng),
        "ProcessGuid": process.guid.clone(),
        "ProcessId": process.pid.to_string(),
        "Image": process.image.clone(),
        "User": process.user.name.clone(),
        "Protocol": "tcp",
        "Initiated": "true",
        "SourceIsIpv6": "false",
        "SourceIp": host.address.clone(),
        "SourceHostname": host.name.clone(),
        "SourcePort": rng.between(49_152, 65_535).to_string(),
        "SourcePortName": "-",
        "DestinationIsIpv6": "false",
        "DestinationIp": address,
        "DestinationHostname": "-",
        "DestinationPort": port,
        "DestinationPortName": if port == "443" { "https" } else { "-" },
    )
}

fn resolve(host: &mut Host, rng: &mut Rng) -> Vec<Event> {
    let process = host.resident(rng.skewed(programs::RESIDENT.len() - 1) + 1).clone();
    let &(name, address) = rng.pick(programs::NAMES);
    vec![
        resolved(host, &process, name, address, rng),
        connected(host, &process, address, "443", rng),
    ]
}

pub(crate) fn resolved(
    host: &mut Host,
    process: &Process,
    name: &'static str,
    address: &'static str,
    rng: &mut Rng,
) -> Event {
    sysmon!(22, host.tick(rng),
        "ProcessGuid": process.guid.clone(),
        "ProcessId": process.pid.to_string(),
        "QueryName": name,
        "QueryStatus": "0",
        "QueryResults": format!("::ffff:{address};"),
        "Image": process.image.clone(),
    )
}

/// One process makes a pipe, another connects to it.
fn pipe(host: &mut Host, rng: &mut Rng) -> Vec<Event> {
    let (server, client) = (host.any_process(rng), host.any_process(rng));
    let name = format!("\\LOCAL\\mojo.{}.{}", server.pid, rng.below(1_000_000));
    vec![
        piped(host, 17, "CreatePipe", &server, name.clone(), rng),
        piped(host, 18, "ConnectPipe", &client, name, rng),
    ]
}

fn piped(
    host: &mut Host,
    id: u16,
    kind: &'static str,
    process: &Process,
    name: String,
    rng: &mut Rng,
) -> Event {
    let mut event = sysmon!(17, host.tick(rng),
        "EventType": kind,
        "ProcessGuid": process.guid.clone(),
        "ProcessId": process.pid.to_string(),
        "PipeName": name,
        "Image": process.image.clone(),
    );
    event.source.id = id;
    event
}

/// A browser saves a file and marks where it came from.
fn download(host: &mut Host, rng: &mut Rng) -> Vec<Event> {
    let parent = host.resident(programs::EXPLORER).clone();
    let user = host.user.clone();
    let start = ordinary_start(programs::CHROME, parent, user, rng);
    let (browser, created) = host.start(start, rng);
    host.processes.push(browser.clone());
    let name = format!("{}\\Downloads\\paper-{}.pdf", browser.user.home, rng.below(1000));
    let saved = written(host, &browser, name.clone(), rng);
    let time_ms = host.tick(rng);
    let marked = sysmon!(15, time_ms,
        "ProcessGuid": browser.guid.clone(),
        "ProcessId": browser.pid.to_string(),
        "Image": browser.image.clone(),
        "CreationUtcTime": crate::time::Civil::of(time_ms).sysmon().to_string(),
        "Hash": hashes(&name),
        "TargetFilename": format!("{name}:Zone.Identifier"),
        "Contents": "[ZoneTransfer]  ZoneId=3  HostUrl=https://www.example.com/  ",
    );
    vec![created, saved, marked]
}

/// Events of another log, which a graph of Sysmon events has no mapping for.
fn security(host: &mut Host, rng: &mut Rng) -> Event {
    let process = host.any_process(rng);
    let time_ms = host.tick(rng);
    if rng.chance(700_000) {
        Event {
            source: Source::security(4658),
            time_ms,
            data: vec![
                ("SubjectUserSid", "S-1-5-18".into()),
                ("SubjectUserName", format!("{}$", host.name).into()),
                ("SubjectDomainName", "CORP".into()),
                ("SubjectLogonId", process.user.logon_id.into()),
                ("ObjectServer", "Security".into()),
                ("HandleId", format!("0x{:x}", rng.between(0x100, 0x4000)).into()),
                ("ProcessId", format!("0x{:x}", process.pid).into()),
                ("ProcessName", process.image),
            ],
        }
    } else {
        Event {
            source: Source::security(5156),
            time_ms,
            data: vec![
                ("ProcessID", process.pid.to_string().into()),
                ("Application", process.image),
                ("Direction", "%%14593".into()),
                ("SourceAddress", host.address.clone().into()),
                ("SourcePort", rng.between(49_152, 65_535).to_string().into()),
                ("DestAddress", "10.0.0.2".into()),
                ("DestPort", "389".into()),
                ("Protocol", "6".into()),
                ("LayerName", "%%14611".into()),
            ],
        }
    }
}

/// A script block as PowerShell logs it: the longest lines there are.
fn script(host: &mut Host, rng: &mut Rng) -> Event {
    let mut text = String::from("function Get-Inventory {\r\n");
    for _ in 0..rng.between(10, 300) {
        let (value, key) = (rng.below(1000), rng.pick(programs::REGISTRY_KEYS));
        text.push_str(&format!("    $item{value} = Get-ItemProperty -Path \"{key}\"\r\n"));
    }
    text.push_str("}\r\n");
    Event {
        source: Source::powershell(4104),
        time_ms: host.tick(rng),
        data: vec![
            ("MessageNumber", "1".into()),
            ("MessageTotal", "1".into()),
            ("ScriptBlockText", text.into()),
            ("ScriptBlockId", format!("{:032x}", u128::from(rng.next())).into()),
            ("Path", "C:\\Windows\\Scripts\\inventory.ps1".into()),
        ],
    }
}

/// An update walks the registry, or an installer writes many files: hundreds of like events.
fn burst(host: &mut Host, rng: &mut Rng) -> Vec<Event> {
    let process = host.resident(programs::SERVICES).clone();
    let walks = rng.chance(500_000);
    let mut events = Vec::new();
    for number in 0..rng.between(100, 500) {
        events.push(if walks {
            let key = format!("{}\\{number}", rng.pick(programs::REGISTRY_KEYS));
            keyed(host, &process, "CreateKey", key, rng)
        } else {
            let name = format!("C:\\Windows\\WinSxS\\Temp\\InFlight\\{number:04x}.manifest");
            written(host, &process, name, rng)
        });
    }
    events
}
