//! Playing the attacker: from which process each attempt is made, and with which layers.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use cordon_cell::{CellEnd, CellJob, CellLimits, CellResult, sealed_memfd};
use cordon_records::{
    cell::{Job, Part},
    schema::LOG_DATAPOINT,
    single_object,
};
use rustix::thread::{CapabilitySet, CapabilitySets};
use serde::{Deserialize, Serialize};

use crate::{
    attempts::{self, Attempt, CANARY_FLIPPED, InCourier, Targets, canary},
    body::{self, Order},
    lies,
    zygote::Zygote,
};

/// Which layers hold the attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layers {
    /// All that the kernel has.
    All,
    /// seccomp alone: the kernel says that it has no Landlock.
    SeccompAlone,
    /// None: the control.
    None,
}

impl Layers {
    /// How a command line names them.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::SeccompAlone => "seccomp",
            Self::None => "none",
        }
    }

    fn find(word: &str) -> Result<Self> {
        let all = [Self::All, Self::SeccompAlone, Self::None];
        all.into_iter().find(|layers| layers.word() == word).context("no such layers")
    }

    /// Makes this process one that has these layers to give, and returns the mode of the jail.
    fn set(self) -> Result<&'static str> {
        match self {
            Self::All => Ok("best"),
            Self::SeccompAlone => {
                hide_landlock()?;
                Ok("best")
            }
            Self::None => {
                // For fork bombs. Where there is no such limit, they end by themselves, and are
                // no control.
                let _ = limit_processes();
                Ok("off")
            }
        }
    }
}

/// What was seen of each attempt, by its name.
pub type Seen = BTreeMap<String, String>;

#[expect(clippy::print_stdout, reason = "it is read by the test that started this process")]
fn print(seen: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(seen)?);
    Ok(())
}

/// Tries everything in cells, each attempt in a fresh one, and prints what was [`Seen`].
pub fn in_cells(layers: &str, targets: &str) -> Result<()> {
    let jail = Layers::find(layers)?.set()?;
    let targets: Targets = serde_json::from_str(targets)?;
    let zygote = Zygote::start(jail)?;
    let mut seen = Seen::new();
    for attempt in attempts::all().filter(|attempt| attempt.in_cell) {
        let order = Order::Attempt(attempt.name.to_owned(), targets.clone());
        seen.insert(attempt.name.to_owned(), answer(&zygote.obey(&order, limits())?));
    }
    print(&seen)
}

/// An attempt's answer, if its cell lived to tell; else how it ended.
fn answer(result: &CellResult) -> String {
    match &result.end {
        CellEnd::Finished => String::from_utf8_lossy(&result.output).into_owned(),
        CellEnd::Exited(Attempt::EXECUTED) => "succeeds".to_owned(),
        CellEnd::Signal(libc::SIGSYS) => "SIGSYS".to_owned(),
        end => end.to_string(),
    }
}

/// Limits that end a broken test soon.
fn limits() -> CellLimits {
    CellLimits {
        wall_max: Duration::from_secs(20),
        datapoint_wall_max: Duration::from_secs(10),
        datapoint_cpu_max: Duration::from_secs(5),
        ..CellLimits::default()
    }
}

impl Zygote {
    /// What a cell makes of an order.
    fn obey(&self, order: &Order, limits: CellLimits) -> Result<CellResult> {
        self.cell(body::ORDER.to_vec(), &serde_json::to_vec(order)?, limits)
    }

    fn cell(&self, header: Vec<u8>, input: &[u8], limits: CellLimits) -> Result<CellResult> {
        self.run(CellJob { header, input: sealed_memfd("attack", &[input])?, limits })
    }
}

/// Tries everything as a courier, each attempt in a process of its own, and prints what was
/// [`Seen`].
pub fn in_couriers(layers: &str, targets: &str) -> Result<()> {
    let jail = Layers::find(layers)?.set()?;
    let mut seen = Seen::new();
    for attempt in attempts::all().filter(|attempt| attempt.in_courier != InCourier::Theirs) {
        seen.insert(attempt.name.to_owned(), as_courier(jail, attempt, targets)?);
    }
    // What couriers do must not be refused.
    let connect = attempts::find("connect-where-couriers-may").context("it is there")?;
    seen.insert(connect.name.to_owned(), as_courier(jail, connect, targets)?);
    print(&seen)
}

fn as_courier(jail: &str, attempt: &Attempt, targets: &str) -> Result<String> {
    let output = Command::new("/proc/self/exe")
        .args(["attempt", jail, attempt.name, targets])
        .stdin(Stdio::null())
        .output()?;
    Ok(match output.status.code() {
        Some(0) => String::from_utf8(output.stdout)?,
        Some(Attempt::EXECUTED) => "succeeds".to_owned(),
        _ => {
            let words = String::from_utf8_lossy(&output.stderr);
            bail!("{} as a courier: {}: {words}", attempt.name, output.status)
        }
    })
}

/// What code refuses: seen with the check, and the control without it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Check {
    /// The attempt.
    pub name: String,
    /// What became of it.
    pub seen: String,
    /// Whether the same goes through where the check is not made.
    pub control: bool,
}

/// Tries what is refused by code rather than by the kernel, and prints a list of [`Check`]s.
pub fn checks() -> Result<()> {
    let zygote = Zygote::start("best")?;
    let mut checks = published_lengths(&zygote)?;
    checks.push(secrets()?);
    checks.push(overrun(&zygote)?);
    checks.push(deadline(&zygote)?);
    checks.extend(forged_frames(&zygote)?);
    checks.extend(forged_reports(&zygote)?);
    print(&checks)
}

/// Searches all that a cell can read for a secret that this process holds in its environment and on
/// its heap, as a supervisor and a courier do. Without the jail, which would keep the cell from
/// its own memory file; the memory is the same. The control is the same search here.
fn secrets() -> Result<Check> {
    let held: Vec<Vec<u8>> = vec![canary(); 100];
    let order = Order::Find(CANARY_FLIPPED.to_vec());
    let result = Zygote::start("off")?.obey(&order, limits())?;
    let found = String::from_utf8(result.output)?;
    let (found, searched) = found.split_once(' ').context("it tells how much it searched")?;
    ensure!(searched.parse::<usize>()? > 1 << 20, "{searched} bytes are no process");
    let (here, _) = body::find_flipped(CANARY_FLIPPED)?;
    let seen = if found == "0" { "not found".to_owned() } else { format!("found {found} times") };
    Ok(Check { name: "find-secrets".to_owned(), seen, control: here >= held.len() })
}

/// Lies about how much was written. Within its limit a cell may claim what it likes: that is the
/// control, because what comes then was never written.
fn published_lengths(zygote: &Zygote) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    let limits = limits();
    let report_bytes_max = CellLimits::REPORT_BYTES_MAX;
    for (which, name, bytes_max) in [
        (1, "publish-too-many-frames", limits.frames_bytes_max),
        (2, "publish-too-much-output", limits.output_bytes_max),
        (3, "publish-too-long-a-report", report_bytes_max),
    ] {
        let publish = |bytes| zygote.obey(&Order::Publish(which, bytes), limits.clone());
        let within = publish(4096)?;
        let taken = [&within.frames, &within.output, &within.report][which - 1];
        let seen = match publish(bytes_max + 1)?.end {
            CellEnd::Failed(words) if words.contains("limited to") => "refused".to_owned(),
            end => end.to_string(),
        };
        let control = within.end == CellEnd::Finished && taken.len() == 4096;
        checks.push(Check { name: name.to_owned(), seen, control });
    }
    Ok(checks)
}

/// Writes behind the end of its output, whose size is sealed.
fn overrun(zygote: &Zygote) -> Result<Check> {
    let bytes_max = limits().output_bytes_max;
    let seen = answer(&zygote.obey(&Order::WriteAt(bytes_max), limits())?);
    let within = answer(&zygote.obey(&Order::WriteAt(bytes_max - 8), limits())?);
    Ok(Check { name: "oversized-output".to_owned(), seen, control: within == "succeeds" })
}

/// Goes on writing when its time is over. What it wrote until then counts for nothing.
fn deadline(zygote: &Zygote) -> Result<Check> {
    let limits = CellLimits { datapoint_cpu_max: Duration::from_millis(100), ..limits() };
    let late = zygote.obey(&Order::Linger(true), limits.clone())?;
    let in_time = zygote.obey(&Order::Linger(false), limits)?;
    let seen = match late.end {
        CellEnd::Deadline(_) if late.output.is_empty() => "killed, nothing taken".to_owned(),
        end => end.to_string(),
    };
    let control = in_time.end == CellEnd::Finished && !in_time.output.is_empty();
    Ok(Check { name: "write-after-the-deadline".to_owned(), seen, control })
}

/// Frames that a dying cell leaves for the next. The control is the quiet lie alone, which is
/// within its own batch and believed: it shows that the next cell reads what the dead one forged.
fn forged_frames(zygote: &Zygote) -> Result<Vec<Check>> {
    let honest = zygote.work(&Payload::honest()?, &[])?;
    let after = |name: &str| -> Result<CellResult> {
        let payload = Payload::new(&format!("frame {name}"))?;
        let dead = zygote.cell(payload.header(&[])?, &payload.bytes, limits())?;
        ensure!(dead.end == CellEnd::Signal(libc::SIGABRT), "{name}: {}", dead.end);
        ensure!(!dead.frames.is_empty(), "{name}: it left no frame");
        zygote.work(&payload, &dead.frames)
    };
    let counts = |result: &CellResult| -> Result<(i64, i64)> {
        let report: cordon_records::cell::Report = single_object::decode(&result.report)?;
        let part = &report.parts[0];
        Ok((part.output.count(), part.not_mapped.count()))
    };
    let control = counts(&after(lies::QUIET)?)? == (0, 2);
    ensure!(counts(&honest)? == (2, 0), "the honest cell maps both lines");
    lies::FRAMES
        .iter()
        .map(|(name, _)| {
            let seen = match counts(&after(name)?)? {
                (2, 0) => "done again".to_owned(),
                other => format!("believed: {other:?}"),
            };
            Ok(Check { name: format!("frame-{name}"), seen, control })
        })
        .collect()
}

/// The forged report as it comes out of the cell, before anything looks at it: whoever took it
/// unseen would take the lie. The courier's own look is played by the pipeline.
fn forged_reports(zygote: &Zygote) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for lie in lies::ALL {
        let honest = zygote.work(&Payload::honest()?, &[])?;
        let payload = Payload::new(&format!("lie {}", lie.name))?;
        let forged = zygote.cell(payload.header(&[])?, &payload.bytes, limits())?;
        let is_lie = honest.report != forged.report || honest.output != forged.output;
        let control = forged.end == CellEnd::Finished && is_lie;
        checks.push(Check { name: lie.name.to_owned(), seen: String::new(), control });
    }
    Ok(checks)
}

impl Zygote {
    fn work(&self, payload: &Payload, frames: &[u8]) -> Result<CellResult> {
        let input = [&payload.bytes, frames].concat();
        let result = self.cell(payload.header(frames)?, &input, limits())?;
        ensure!(result.end == CellEnd::Finished, "a cell {}", result.end);
        Ok(result)
    }
}

/// Two lines of telemetry in a container.
struct Payload {
    bytes: Vec<u8>,
    decoded_bytes: i64,
}

impl Payload {
    /// The lines carry this order.
    fn new(attack: &str) -> Result<Self> {
        Self::of(&line(Some(attack))?)
    }

    /// Lines of the same kind without an order.
    fn honest() -> Result<Self> {
        Self::of(&line(None)?)
    }

    fn of(line: &[u8]) -> Result<Self> {
        use cordon_container::SectionWriter;
        use cordon_records::{Digest, FileOrigin, LogDatapoint, Origin};
        let mut writer = SectionWriter::new(LOG_DATAPOINT.current(), Vec::new());
        for record in 0..2 {
            let origin = Origin::File(FileOrigin { sha256: Digest::default(), record });
            writer.append(&LogDatapoint { origin, line })?;
        }
        let summary = writer.finish_section()?;
        let decoded_bytes = summary.decoded_bytes as i64;
        Ok(Self { bytes: writer.into_inner(), decoded_bytes })
    }

    fn header(&self, frames: &[u8]) -> Result<Vec<u8>> {
        let len_bytes = self.bytes.len() as i64;
        let part = Part {
            offset_bytes: 0,
            len_bytes,
            schema: LOG_DATAPOINT.current().fingerprint.to_long(),
            from: 0,
            to: 2,
            datapoints: Some(2),
            decoded_bytes_max: self.decoded_bytes,
            selection: None,
        };
        Ok(single_object::encode(&Job {
            frames_offset_bytes: len_bytes,
            frames_bytes: frames.len() as i64,
            ..Job::of(vec![part], 3, 64)
        })?)
    }
}

/// A line that generate maps, with an order for the attacker.
pub fn line(attack: Option<&str>) -> Result<Vec<u8>> {
    use cordon_flow::{Fate, KnownElements, Stage as _};
    use cordon_generate::Generate;
    use cordon_records::{Digest, FileOrigin, LogDatapoint, Origin};
    let is_mapped = |line: &[u8]| {
        let origin = Origin::File(FileOrigin { sha256: Digest::default(), record: 0 });
        let datapoint = LogDatapoint { origin, line };
        let fate = Generate.process(&datapoint, &mut KnownElements::default(), &mut Vec::new());
        fate == Fate::Output
    };
    let mut lines = cordon_load::Telemetry::new(cordon_load::Settings::default());
    let line = lines.find(|line| line.bytes.starts_with(b"{") && is_mapped(&line.bytes));
    let line = line.context("the generator writes what generate maps")?.bytes;
    let Some(attack) = attack else { return Ok(line) };
    let line = [format!(r#"{{"attack":"{attack}","#).as_bytes(), &line[1..]].concat();
    ensure!(is_mapped(&line), "a field more is no other event");
    Ok(line)
}

/// The victim: holds the canary in its environment, in its memory and in an open file, has no
/// capabilities that could protect it, and waits until its standard input ends.
#[expect(clippy::print_stdout, reason = "it is read by the test that started this process")]
pub fn be_a_victim() -> Result<()> {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, sets)?;
    let secret = canary();
    let open = fs::File::open("/proc/self/status")?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&open);
    println!("{} {fd}", secret.as_ptr().expose_provenance());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    std::hint::black_box(secret);
    Ok(())
}

/// Has the kernel say to this process and its children that it has no Landlock: as before 5.13, or
/// where it was not built in.
#[expect(unsafe_code, reason = "no library of cordon's hides Landlock")]
fn hide_landlock() -> Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    let (load_number, jump_if, answer) = (0x20, 0x15, 0x06);
    let instruction = |code, jt, k| libc::sock_filter { code, jt, jf: 0, k };
    let refused = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs();
    let program = [
        instruction(load_number, 0, 0),
        instruction(jump_if, 1, u32::try_from(libc::SYS_landlock_create_ruleset)?),
        instruction(answer, 0, libc::SECCOMP_RET_ALLOW),
        instruction(answer, 0, refused),
    ];
    let program =
        libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // SAFETY: the program lives across the call, and has as many instructions as it says.
    let result = unsafe {
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        libc::syscall(libc::SYS_seccomp, mode, 0, &raw const program)
    };
    ensure!(result == 0, "cannot hide Landlock: {}", std::io::Error::last_os_error());
    Ok(())
}

/// Processes that a control may have, those that it forks included.
const PROCESSES_MAX: u32 = 100;

/// Where a group of processes is made, by version of the kernel's control groups.
const GROUPS: [&str; 2] = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];

/// The name of the group that a process makes for itself.
pub fn group_of(pid: u32) -> String {
    format!("cordon-attacker-{pid}")
}

/// Puts this process into a group of its own with a limit.
fn limit_processes() -> Result<()> {
    let group = group_of(std::process::id());
    for root in GROUPS {
        let dir = format!("{root}/{group}");
        if fs::create_dir(&dir).is_err() {
            continue;
        }
        let set = fs::write(format!("{dir}/pids.max"), PROCESSES_MAX.to_string());
        if set.and_then(|()| fs::write(format!("{dir}/cgroup.procs"), "0")).is_ok() {
            return Ok(());
        }
        let _ = fs::remove_dir(&dir);
    }
    bail!("there is no group of processes to be limited by")
}

/// Removes the group of a process that has ended.
pub fn remove_group(pid: u32) {
    for root in GROUPS {
        // Most machines have one of them.
        let _ = fs::remove_dir(format!("{root}/{}", group_of(pid)));
    }
}
