//! The system calls a cell and a zygote may make. Any other is their death, by SIGSYS.

use libc::{
    AF_UNIX, CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, F_GET_SEALS, F_GETFD, FUTEX_PRIVATE_FLAG,
    FUTEX_WAKE, MADV_DONTFORK, MADV_DONTNEED, MADV_FREE, MAP_SHARED, PR_SET_NAME, PR_SET_PDEATHSIG,
    PRIO_PROCESS, PROT_EXEC, SIGABRT, SIGBUS, SIGCHLD, SIGSEGV, STDERR_FILENO,
};
use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompCondition, sock_filter};

use super::{Allowed, allow, allow_if, is, lacks};
use crate::spawn::SOCKET_NUMBER;

/// Stands for the cell's own process id until it has one. No process id is that large (2^22).
const OWN_PID: u32 = 0x5ca1_ab1e;

/// The filter of one cell.
pub(in crate::jail) struct CellFilter {
    program: BpfProgram,
    /// The instruction that compares with the cell's own process id.
    own_pid_at: usize,
}

impl CellFilter {
    pub(in crate::jail) fn new() -> Result<Self, BackendError> {
        let program = compile(cell_calls()?)?;
        let mut places = program.iter().enumerate().filter(|(_, i)| i.k == OWN_PID);
        let (own_pid_at, _) = places.next().ok_or(BackendError::InvalidArgumentNumber)?;
        assert!(places.next().is_none(), "one rule names the own process");
        Ok(Self { program, own_pid_at })
    }

    /// The filter for this process. Allocates nothing, for use after a fork.
    pub(in crate::jail) fn for_process(&mut self, pid: rustix::process::Pid) -> &[sock_filter] {
        self.program[self.own_pid_at].k = pid.as_raw_pid().unsigned_abs();
        &self.program
    }
}

/// What a cell may do: compute on the memory it has, get more within its limits, write its
/// results, and end.
fn cell_calls() -> Result<Allowed, BackendError> {
    let mut calls = Allowed::new();
    // Its job, from the one socket it has, and its results.
    allow_if(&mut calls, libc::SYS_recvmsg, &[&[is(0, SOCKET_NUMBER)?]])?;
    allow(&mut calls, &[libc::SYS_pwrite64, libc::SYS_close]);
    // std asks it of each descriptor it closes, when built with debug assertions.
    allow_if(&mut calls, libc::SYS_fcntl, &[&[is(1, F_GETFD)?]])?;
    // Memory: never executable, never shared (shared memory would escape RLIMIT_DATA).
    let private = [lacks(2, PROT_EXEC)?, lacks(3, MAP_SHARED)?];
    allow_if(&mut calls, libc::SYS_mmap, &[&private])?;
    allow_if(&mut calls, libc::SYS_mprotect, &[&[lacks(2, PROT_EXEC)?]])?;
    allow(&mut calls, &[libc::SYS_munmap, libc::SYS_mremap, libc::SYS_brk]);
    let advice = [[is(2, MADV_DONTNEED)?], [is(2, MADV_FREE)?]];
    allow_if(&mut calls, libc::SYS_madvise, &[&advice[0], &advice[1]])?;
    // Waking only: pthread_once, by which the first panic finds its unwinder, wakes whoever may
    // wait without looking. A thread that is alone has nobody to wait for.
    let wake = [is(1, FUTEX_WAKE | FUTEX_PRIVATE_FLAG)?];
    allow_if(&mut calls, libc::SYS_futex, &[&wake])?;
    // Time and hash seeds, where the kernel does not serve them without a call.
    allow(&mut calls, &[libc::SYS_clock_gettime, libc::SYS_getrandom]);
    // Dying with the right cause: abort raises SIGABRT on itself, and std's handler for a
    // segmentation fault gives it back its default. Their last words go to the null device.
    allow(
        &mut calls,
        &[libc::SYS_getpid, libc::SYS_gettid, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn],
    );
    let itself = [is(0, OWN_PID.cast_signed())?, is(2, SIGABRT)?];
    allow_if(&mut calls, libc::SYS_tgkill, &[&itself])?;
    let fatal = [[is(0, SIGABRT)?], [is(0, SIGSEGV)?], [is(0, SIGBUS)?]];
    let fatal: Vec<&[SeccompCondition]> = fatal.iter().map(<[_; 1]>::as_slice).collect();
    allow_if(&mut calls, libc::SYS_rt_sigaction, &fatal)?;
    for call in [libc::SYS_write, libc::SYS_writev] {
        allow_if(&mut calls, call, &[&[is(0, STDERR_FILENO)?]])?;
    }
    // Ending.
    allow(&mut calls, &[libc::SYS_exit_group, libc::SYS_exit]);
    Ok(calls)
}

/// What a zygote may do: all that its children may, since they inherit this filter too, and what
/// serving takes.
fn zygote_calls() -> Result<Allowed, BackendError> {
    let mut calls = cell_calls()?;
    // Its client and its cells. An abort's target is checked by each cell's own filter.
    allow(
        &mut calls,
        &[
            libc::SYS_recvmsg,
            libc::SYS_sendmsg,
            libc::SYS_ppoll,
            libc::SYS_write,
            libc::SYS_tgkill,
            libc::SYS_fstat,
        ],
    );
    #[cfg(target_arch = "x86_64")]
    allow(&mut calls, &[libc::SYS_poll]);
    allow_if(&mut calls, libc::SYS_socketpair, &[&[is(0, AF_UNIX)?]])?;
    allow_if(&mut calls, libc::SYS_fcntl, &[&[is(1, F_GETFD)?], &[is(1, F_GET_SEALS)?]])?;
    // Progress pages: shared with one cell, hidden from the next.
    allow_if(&mut calls, libc::SYS_mmap, &[&[lacks(2, PROT_EXEC)?]])?;
    allow_if(
        &mut calls,
        libc::SYS_madvise,
        &[&[is(2, MADV_DONTNEED)?], &[is(2, MADV_FREE)?], &[is(2, MADV_DONTFORK)?]],
    )?;
    // Forking: exactly what fork(2) of the C library asks, so neither threads nor namespaces.
    let fork = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
    allow_if(&mut calls, libc::SYS_clone, &[&[is(0, fork)?]])?;
    allow(
        &mut calls,
        &[
            libc::SYS_set_robust_list,
            libc::SYS_wait4,
            libc::SYS_clock_getres, // how the C library makes the clock of another process
            libc::SYS_pidfd_open,
            libc::SYS_pidfd_send_signal,
            libc::SYS_prlimit64,
        ],
    );
    // Lowers a cell's priority; nobody without privilege raises one.
    allow_if(&mut calls, libc::SYS_setpriority, &[&[is(0, PRIO_PROCESS.cast_signed())?]])?;
    // The first steps of a cell.
    allow(
        &mut calls,
        &[
            libc::SYS_getppid,
            libc::SYS_dup3,
            libc::SYS_close_range,
            libc::SYS_landlock_restrict_self,
            libc::SYS_seccomp,
        ],
    );
    #[cfg(target_arch = "x86_64")]
    allow(&mut calls, &[libc::SYS_dup2]);
    allow_if(&mut calls, libc::SYS_prctl, &[&[is(0, PR_SET_PDEATHSIG)?], &[is(0, PR_SET_NAME)?]])?;
    Ok(calls)
}

pub(in crate::jail) fn zygote_filter() -> Result<BpfProgram, BackendError> {
    compile(zygote_calls()?)
}

fn compile(calls: Allowed) -> Result<BpfProgram, BackendError> {
    super::compile(calls, SeccompAction::KillProcess, SeccompAction::Allow)
}
