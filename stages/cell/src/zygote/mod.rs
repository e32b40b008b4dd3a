//! The zygote: a process that has read the stage's rules, holds no secret, and forks cells.
//!
//! It has one thread. It waits in one place ([`Zygote::wait`]) and acts in another: collect the
//! dead, enforce deadlines, take a job, and when nothing else is to do, fork one more cell for the
//! pool. It reads nothing that a cell wrote but exit status and progress page.

mod memory;
mod prepare;
mod process;

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{DumpableBehavior, Resource, Rlimit, Signal, set_dumpable_behavior, setrlimit},
};

use self::{
    memory::Baseline,
    process::{Forge, Idle, Running},
};
use crate::{
    CellContext, JailMode, JailReport,
    jail::{self, Jail},
    memfd,
    page::Snapshot,
    spawn,
    sys::{self, Clock, Disposition},
    wire::{End, EndMessage, HelloMessage, JobFds, JobMessage},
};

pub use prepare::{PrepareLimits, prepare};

/// How a zygote serves.
#[derive(Clone, Debug)]
pub struct ZygoteSettings {
    /// Cells forked and jailed ahead of their jobs. Each costs some 100 KiB; two hide the fork
    /// while the one before is still being handed its job.
    pub pool: usize,
    /// Cells at work at the same time. They compute without waiting, so more than the CPUs there
    /// are only makes each slower. At most [`ZygoteSettings::CELLS_MAX_MAX`].
    pub cells_max: usize,
    /// How much of the jail.
    pub jail: JailMode,
    /// What the client should know, such as rules that were refused: one line each, 16 KiB
    /// together, for [`crate::Cells::notes`].
    pub notes: Vec<String>,
}

impl ZygoteSettings {
    /// So many answers always fit the socket's buffer, so that the zygote never waits for its
    /// client.
    pub const CELLS_MAX_MAX: usize = 64;
}

impl Default for ZygoteSettings {
    fn default() -> Self {
        Self { pool: 2, cells_max: 4, jail: JailMode::Strict, notes: Vec::new() }
    }
}

/// How often deadlines are looked at while cells run: a tenth of the shortest one.
const SAMPLING_PERIOD: Duration = Duration::from_millis(10);

/// How long the pool stays short after a fork failed: the machine is out of memory or processes,
/// and asking again at once would not help.
const FORK_PAUSE: Duration = Duration::from_millis(100);

/// Serves jobs on the socket this process was started with, by [`crate::spawn_zygote`], until the
/// client is gone. Never returns: it ends the process.
///
/// `body` runs in each cell, on a copy-on-write image of what it has captured: load rules before,
/// and do not write to them. An `Err` is told to the client as [`crate::CellEnd::Failed`].
///
/// Call it from a process with one thread, so log by a subscriber that writes to standard error
/// itself. Every other descriptor but the socket is closed; whoever owned them must not use them
/// in `body`.
pub fn serve<B>(settings: &ZygoteSettings, body: B) -> !
where
    B: Fn(&CellContext) -> Result<(), String>,
{
    let code = match Zygote::start(settings, body).and_then(Zygote::run) {
        Ok(()) => 0,
        // The client left while an answer was on its way.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(error, "zygote ended");
            1
        }
    };
    sys::exit_now(code)
}

struct Zygote<B> {
    client: OwnedFd,
    /// Makes cells.
    forge: Forge<B>,
    /// Cells that wait for a job.
    idle: Vec<Idle>,
    pool: usize,
    /// Cells at work.
    running: Vec<Running>,
    cells_max: usize,
    /// No refill before: set after a fork failed.
    refill_after: Duration,
}

/// What woke the zygote: places in its lists.
struct Ready {
    client: bool,
    running: Vec<usize>,
    idle: Vec<usize>,
}

impl<B: Fn(&CellContext) -> Result<(), String>> Zygote<B> {
    fn start(settings: &ZygoteSettings, body: B) -> io::Result<Self> {
        let client = spawn::take_socket()?;
        jail::check_single_threaded("a zygote")?;
        sys::close_from(spawn::SOCKET_NUMBER + 1)?;
        ignore_stop_signals();
        memory::die_first_when_memory_is_short();
        let moved_bytes = memory::move_into_files()?;
        let baseline = Baseline::of_this_process()?;
        let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
        let jail = Jail::build(settings.jail).map_err(io::Error::other)?;
        log_jail(settings.jail, jail.report());
        tracing::debug!(moved_bytes, data_bytes = baseline.data_bytes, "zygote ready");

        setrlimit(Resource::Core, limit(0))?;
        rustix::thread::set_name(c"cordon-zygote")?;
        // After the last look into /proc/self, which this closes to all but root.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        jail.enter_zygote()?;
        let cells_max = settings.cells_max.clamp(1, ZygoteSettings::CELLS_MAX_MAX);
        let notes = settings.notes.clone();
        let hello = HelloMessage { cells_max, jail: jail.report().clone(), notes };
        hello.send(client.as_fd())?;
        Ok(Self {
            client,
            forge: Forge::new(body, jail, null.into(), baseline),
            idle: Vec::new(),
            pool: settings.pool.min(cells_max),
            running: Vec::new(),
            cells_max,
            refill_after: Duration::ZERO,
        })
    }

    fn run(mut self) -> io::Result<()> {
        loop {
            let now = Clock::MONOTONIC.read()?;
            let ready = self.wait(now)?;
            self.collect(&ready)?;
            self.enforce_deadlines()?;
            if ready.client && !self.serve_one()? {
                return Ok(()); // the client is gone; dying, this process takes its cells along
            }
            if ready.is_nothing() && self.wants_refill(now) {
                self.refill(now);
            }
        }
    }

    fn wants_refill(&self, now: Duration) -> bool {
        self.idle.len() < self.pool && now >= self.refill_after
    }

    /// The one place where it waits.
    fn wait(&self, now: Duration) -> io::Result<Ready> {
        let mut watched = Vec::with_capacity(1 + self.running.len() + self.idle.len());
        watched.push(PollFd::new(&self.client, PollFlags::IN));
        let running = self.running.iter().map(Running::pidfd);
        let idle = self.idle.iter().map(Idle::pidfd);
        watched.extend(running.chain(idle).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let timeout = if self.wants_refill(now) {
            Some(Duration::ZERO)
        } else if !self.running.is_empty() {
            Some(SAMPLING_PERIOD)
        } else if self.idle.len() < self.pool {
            Some(FORK_PAUSE)
        } else {
            None
        };
        let timeout = timeout.map(|t| Timespec::try_from(t).unwrap_or_default());
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let happened = |fd: &PollFd<'_>| !fd.revents().is_empty();
        let (client, cells) = watched.split_at(1);
        let (running, idle) = cells.split_at(self.running.len());
        // From the end, so that taking one out leaves the places before it right.
        let places =
            |fds: &[PollFd<'_>]| (0..fds.len()).rev().filter(|at| happened(&fds[*at])).collect();
        Ok(Ready { client: happened(&client[0]), running: places(running), idle: places(idle) })
    }

    /// Answers for the cells that ended, and forgets the idle ones that did.
    fn collect(&mut self, ready: &Ready) -> io::Result<()> {
        for at in &ready.running {
            let ended = self.running.swap_remove(*at).collect()?;
            ended.send(self.client.as_fd())?;
        }
        for at in &ready.idle {
            self.idle.swap_remove(*at).collect()?;
        }
        Ok(())
    }

    fn enforce_deadlines(&mut self) -> io::Result<()> {
        if self.running.is_empty() {
            return Ok(());
        }
        let now = Clock::MONOTONIC.read()?;
        for cell in &mut self.running {
            cell.enforce_deadline(now)?;
        }
        Ok(())
    }

    /// Takes one job and hands it to a cell. False when the client is gone.
    fn serve_one(&mut self) -> io::Result<bool> {
        let Some((job, fds)) = JobMessage::receive(self.client.as_fd())? else {
            return Ok(false);
        };
        match self.hand_over(&job, fds) {
            Ok(cell) => self.running.push(cell),
            Err(error) => no_fork(&job, &error).send(self.client.as_fd())?,
        }
        Ok(true)
    }

    fn hand_over(&mut self, job: &JobMessage, fds: Option<JobFds<OwnedFd>>) -> io::Result<Running> {
        let fds = fds.filter(|fds| is_sound(job, fds)).ok_or(Errno::INVAL)?;
        if self.running.len() >= self.cells_max {
            return Err(Errno::AGAIN.into());
        }
        // A cell of the pool may have died of the machine's lack of memory; a fresh one is tried
        // once.
        while let Some(cell) = self.idle.pop() {
            match cell.start(job, &fds, self.forge.baseline()) {
                Ok(running) => return Ok(running),
                Err((cell, _)) => cell.collect()?,
            }
        }
        let fresh = self.forge.fork()?;
        fresh.start(job, &fds, self.forge.baseline()).or_else(|(cell, error)| {
            cell.collect()?;
            Err(error)
        })
    }

    fn refill(&mut self, now: Duration) {
        match self.forge.fork() {
            Ok(cell) => self.idle.push(cell),
            Err(error) => {
                tracing::warn!(%error, "cannot fork a cell ahead");
                self.refill_after = now + FORK_PAUSE;
            }
        }
    }
}

impl Ready {
    fn is_nothing(&self) -> bool {
        !self.client && self.running.is_empty() && self.idle.is_empty()
    }
}

/// Whether the descriptors are what they must be. A courier that was taken over could otherwise
/// let a cell fill the machine's memory, or have an input change while it is being checked.
fn is_sound(job: &JobMessage, fds: &JobFds<OwnedFd>) -> bool {
    memfd::is_sealed_input(fds.header.as_fd(), job.header_bytes)
        && memfd::is_sealed_input(fds.input.as_fd(), job.input_bytes)
        && [&fds.frames, &fds.output, &fds.report]
            .iter()
            .all(|fd| memfd::is_sealed_result(fd.as_fd()))
}

fn no_fork(job: &JobMessage, error: &io::Error) -> EndMessage {
    EndMessage {
        id: job.id,
        end: End::NoFork(error.raw_os_error().unwrap_or(libc::EIO)),
        page: Snapshot::default(),
        usage: crate::CellUsage::default(),
    }
}

/// Stopping is the courier's to decide: it finishes its batch, then closes the socket. A signal
/// that a terminal or a service manager sends to the whole group must not take the cells away
/// from it.
fn ignore_stop_signals() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        sys::on_signal(signal.as_raw(), Disposition::Ignore);
    }
    // Ignored by whoever started the supervisor, it would make children vanish unreaped.
    sys::on_signal(Signal::CHILD.as_raw(), Disposition::Default);
}

fn log_jail(mode: JailMode, report: &JailReport) {
    let landlock_abi = report.landlock_abi;
    if mode == JailMode::Off {
        tracing::warn!("cells run WITHOUT a jail");
    } else if report.is_complete() {
        tracing::info!(landlock_abi, jail = %report, "cells are jailed");
    } else {
        tracing::warn!(landlock_abi, jail = %report, "cells are jailed, but not by every layer");
    }
}

fn limit(value: u64) -> Rlimit {
    Rlimit { current: Some(value), maximum: Some(value) }
}
