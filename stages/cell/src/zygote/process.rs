//! One cell as a process: forked and jailed, handed its job, watched, collected.

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitStatus,
    time::Duration,
};

use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, getpid, getrlimit, pidfd_open, pidfd_send_signal,
    prlimit, setpriority_process, setrlimit,
};

use super::{limit, memory::Baseline};
use crate::{
    CellContext, CellLimits, CellUsage, DeadlineKind,
    context::keep_panics,
    deadline::{Sample, Watch},
    jail::Jail,
    page::Page,
    spawn::{self, SOCKET_NUMBER},
    sys::{self, Clock, Fork},
    wire::{End, EndMessage, JobFds, JobMessage, exit},
};

/// The kernel's own.
const NICENESS_MAX: i32 = 19;
/// Descriptors a cell can have open: the standard ones, its socket, its job's five, and a spare.
const DESCRIPTORS_MAX: u64 = 10;

/// Makes cells: everything a fork needs is ready in it.
pub(super) struct Forge<B> {
    body: B,
    jail: Jail,
    /// The null device: a cell's standard input, output and error.
    null: OwnedFd,
    baseline: Baseline,
    zygote: Pid,
}

impl<B: Fn(&CellContext) -> Result<(), String>> Forge<B> {
    pub(super) fn new(body: B, jail: Jail, null: OwnedFd, baseline: Baseline) -> Self {
        Self { body, jail, null, baseline, zygote: getpid() }
    }

    pub(super) fn baseline(&self) -> Baseline {
        self.baseline
    }

    /// Forks a cell, which jails itself and waits for its job.
    pub(super) fn fork(&mut self) -> io::Result<Idle> {
        let page = Page::new()?;
        let (ours, theirs) = spawn::socket_pair()?;
        match sys::fork()? {
            Fork::Child => self.live(&theirs, page),
            Fork::Parent(pid) => {
                page.hide_from_later_forks()?;
                let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
                Ok(Idle { process: Process { pid, pidfd, page }, socket: ours })
            }
        }
    }

    /// The whole life of a cell. Nothing of it may unwind into the zygote's frames, which lie
    /// below it on this copy of the stack.
    fn live(&mut self, socket: &OwnedFd, page: Page) -> ! {
        let code = catch_unwind(AssertUnwindSafe(|| {
            keep_panics();
            let socket = self.enter_jail(socket.as_fd())?;
            work(&self.body, socket, page)
        }));
        match code {
            Ok(Ok(code)) => sys::exit_now(code),
            Ok(Err(_)) | Err(_) => sys::exit_now(exit::NO_SETUP),
        }
    }

    /// Leaves the cell with its socket, which this returns, the null device, and nothing else.
    fn enter_jail(&mut self, socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        spawn::die_with(self.zygote)?;
        rustix::thread::set_name(c"cordon-cell")?;
        rustix::stdio::dup2_stdin(&self.null)?;
        rustix::stdio::dup2_stdout(&self.null)?;
        // Standard error too: it may be an operator's terminal, which obeys what is written to it.
        rustix::stdio::dup2_stderr(&self.null)?;
        let socket = sys::copy_onto(socket, SOCKET_NUMBER)?;
        setrlimit(Resource::Nofile, limit(DESCRIPTORS_MAX))?;
        self.jail.restrict_cell()?;
        sys::close_from(SOCKET_NUMBER + 1)?;
        self.jail.filter_cell(getpid())?;
        Ok(socket)
    }
}

/// Waits for the job, and does it. Returns the exit code.
fn work<B>(body: &B, socket: OwnedFd, page: Page) -> io::Result<i32>
where
    B: Fn(&CellContext) -> Result<(), String>,
{
    let Some((job, Some(fds))) = JobMessage::receive(socket.as_fd())? else {
        return Ok(exit::FINISHED); // the zygote no longer needs this one
    };
    drop(socket);
    let context = CellContext::open(&job, fds, page)?;
    let result = catch_unwind(AssertUnwindSafe(|| body(&context))).unwrap_or_else(|_| {
        let words = crate::take_panic().unwrap_or_default();
        Err(format!("panicked: {words}"))
    });
    Ok(match result {
        Ok(()) => exit::FINISHED,
        Err(reason) => {
            context.fail(&reason);
            exit::FAILED
        }
    })
}

struct Process {
    pid: Pid,
    pidfd: OwnedFd,
    page: Page,
}

impl Process {
    fn collect(self) -> io::Result<(ExitStatus, CellUsage, Page)> {
        let (status, usage) = sys::reap(self.pid)?;
        Ok((status, usage, self.page))
    }
}

/// A cell that waits for its job.
pub(super) struct Idle {
    process: Process,
    socket: OwnedFd,
}

impl Idle {
    pub(super) fn pidfd(&self) -> BorrowedFd<'_> {
        self.process.pidfd.as_fd()
    }

    /// Limits the cell, then hands it its job. Gives it back if it is no longer there.
    pub(super) fn start(
        self,
        job: &JobMessage,
        fds: &JobFds<OwnedFd>,
        baseline: Baseline,
    ) -> Result<Running, (Self, io::Error)> {
        match self.try_start(job, fds, baseline) {
            Ok((clock, watch)) => {
                Ok(Running { id: job.id, process: self.process, clock, watch, killed: None })
            }
            Err(error) => Err((self, error)),
        }
    }

    fn try_start(
        &self,
        job: &JobMessage,
        fds: &JobFds<OwnedFd>,
        baseline: Baseline,
    ) -> io::Result<(Clock, Watch)> {
        let pid = self.process.pid;
        limit_cell(pid, job, baseline)?;
        let clock = Clock::cpu_of(pid)?;
        let watch = Watch::new(&job.limits, Clock::MONOTONIC.read()?);
        job.send(self.socket.as_fd(), &fds.borrowed())?;
        Ok((clock, watch))
    }

    /// Waits for a cell that is dead or, its socket closed, about to end.
    pub(super) fn collect(self) -> io::Result<()> {
        drop(self.socket);
        let (status, ..) = self.process.collect()?;
        if status.code() == Some(exit::NO_SETUP) {
            // It would happen to every cell: better to end than to fork forever.
            return Err(io::Error::other("a cell could not enter its jail"));
        }
        Ok(())
    }
}

/// What the kernel holds the cell to, from before it sees the job.
///
/// Results need no limit here: their memfds have a sealed size.
fn limit_cell(pid: Pid, job: &JobMessage, baseline: Baseline) -> io::Result<()> {
    let CellLimits { data_bytes_max, stack_bytes_max, wall_max, niceness, .. } = job.limits;
    if niceness > 0 {
        // For good: nobody without privilege raises a priority, and a cell has one job.
        let niceness = baseline.niceness.saturating_add(niceness.into()).min(NICENESS_MAX);
        setpriority_process(Some(pid), niceness)?;
    }
    let data = baseline.data_bytes.saturating_add(data_bytes_max);
    // RLIMIT_DATA does not count every kind of mapping; the address space counts them all, so
    // also the inputs and what the stack may grow by.
    let space = [data_bytes_max, stack_bytes_max, job.header_bytes, job.input_bytes]
        .iter()
        .fold(baseline.space_bytes, |sum, bytes| sum.saturating_add(*bytes));
    // A backstop for a zygote that gets no time to look: no cell has more CPU time than wall time.
    let cpu_seconds = wall_max.as_secs().saturating_add(2);
    for (resource, value, grace) in [
        (Resource::Data, data, 0),
        (Resource::As, space, 0),
        (Resource::Stack, stack_bytes_max, 0),
        // At the limit it dies of SIGXCPU, which names the cause; a second later of SIGKILL.
        (Resource::Cpu, cpu_seconds, 1),
    ] {
        // What the zygote itself was held to stays the most there is.
        let inherited = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limits = Rlimit {
            current: Some(value.min(inherited)),
            maximum: Some(value.saturating_add(grace).min(inherited)),
        };
        prlimit(Some(pid), resource, limits)?;
    }
    Ok(())
}

/// A cell at work.
pub(super) struct Running {
    id: u64,
    process: Process,
    /// Its CPU time.
    clock: Clock,
    watch: Watch,
    /// The deadline it was killed for.
    killed: Option<DeadlineKind>,
}

impl Running {
    pub(super) fn pidfd(&self) -> BorrowedFd<'_> {
        self.process.pidfd.as_fd()
    }

    /// Kills the cell if a deadline has passed.
    pub(super) fn enforce_deadline(&mut self, now: Duration) -> io::Result<()> {
        // A cell that has just ended has no clock any more, and no deadline.
        let Ok(cpu) = self.clock.read() else {
            return Ok(());
        };
        let mark = self.process.page.read().mark;
        let passed = self.watch.observe(Sample { now, cpu, mark });
        if self.killed.is_none() && passed.is_some() {
            self.killed = passed;
            pidfd_send_signal(&self.process.pidfd, Signal::KILL)?;
        }
        Ok(())
    }

    /// What became of it.
    pub(super) fn collect(self) -> io::Result<EndMessage> {
        let (status, usage, page) = self.process.collect()?;
        let end = match (self.killed, status.signal()) {
            // It may have ended by itself just before the kill: then that is what happened.
            (Some(deadline), Some(libc::SIGKILL)) => End::Deadline(deadline),
            (_, Some(signal)) => End::Signal(signal),
            (_, None) => End::Exited(status.code().unwrap_or(exit::NO_SETUP)),
        };
        Ok(EndMessage { id: self.id, end, page: page.read(), usage })
    }
}
