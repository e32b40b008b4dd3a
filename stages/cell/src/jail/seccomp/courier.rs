//! The system calls a courier may make. Any other answers EPERM, which librdkafka, the C library
//! and the runtime take for a machine that lacks something.

use libc::{
    AF_INET, AF_INET6, CLONE_CHILD_CLEARTID, CLONE_FILES, CLONE_FS, CLONE_PARENT_SETTID,
    CLONE_SETTLS, CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD, CLONE_VM, F_ADD_SEALS,
    F_DUPFD_CLOEXEC, F_GET_SEALS, F_GETFD, F_GETFL, F_SETFD, F_SETFL, F_SETPIPE_SZ, FIONBIO,
    IPPROTO_TCP, MSG_FASTOPEN, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY, PR_SET_NAME, PROT_EXEC, SIGABRT,
    SO_KEEPALIVE, SO_RCVBUF, SO_SNDBUF, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET,
    TCGETS, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_NODELAY, TCP_USER_TIMEOUT,
};
use rustix::process::Pid;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp,
    SeccompCondition,
};

use super::{Allowed, allow, allow_if, compile, is, is_null, lacks};

/// Exactly what the C library asks for a thread: so neither processes nor namespaces.
const THREAD: i32 = CLONE_VM
    | CLONE_FS
    | CLONE_FILES
    | CLONE_SIGHAND
    | CLONE_THREAD
    | CLONE_SYSVSEM
    | CLONE_SETTLS
    | CLONE_PARENT_SETTID
    | CLONE_CHILD_CLEARTID;

/// The filters of the courier with this process id, in the order of their installation. They may
/// not be installed the other way round: the second one does not allow a third.
///
/// With `may_write` it may also make and change files, where file permissions and Landlock let it.
pub(in crate::jail) fn courier_filters(
    courier: Pid,
    may_write: bool,
) -> Result<[BpfProgram; 2], BackendError> {
    let errno = |errno: i32| SeccompAction::Errno(errno.unsigned_abs());
    let mut modern = Allowed::new();
    allow(&mut modern, &[libc::SYS_clone3]);
    let calls = courier_calls(courier, may_write)?;
    Ok([
        // The flags of clone3 lie in memory, where no filter can look. Told that there is no such
        // call, the C library uses clone.
        compile(modern, SeccompAction::Allow, errno(libc::ENOSYS))?,
        compile(calls, errno(libc::EPERM), SeccompAction::Allow)?,
    ])
}

fn courier_calls(courier: Pid, may_write: bool) -> Result<Allowed, BackendError> {
    let mut calls = Allowed::new();
    allow(&mut calls, &[libc::SYS_clone3]); // refused by the other filter
    memory_and_threads(&mut calls, courier)?;
    time_and_waiting(&mut calls);
    files(&mut calls, may_write)?;
    network(&mut calls)?;
    Ok(calls)
}

fn memory_and_threads(calls: &mut Allowed, courier: Pid) -> Result<(), BackendError> {
    // Memory is never executable.
    allow_if(calls, libc::SYS_mmap, &[&[lacks(2, PROT_EXEC)?]])?;
    allow_if(calls, libc::SYS_mprotect, &[&[lacks(2, PROT_EXEC)?]])?;
    let memory = [libc::SYS_munmap, libc::SYS_mremap, libc::SYS_brk, libc::SYS_madvise];
    allow(calls, &memory);
    allow_if(calls, libc::SYS_clone, &[&[is(0, THREAD)?]])?;
    allow(
        calls,
        &[
            libc::SYS_futex,
            libc::SYS_set_robust_list,
            libc::SYS_rseq,
            libc::SYS_sched_yield,
            libc::SYS_sched_getaffinity,
            libc::SYS_gettid,
            libc::SYS_getpid,
        ],
    );
    allow_if(calls, libc::SYS_prctl, &[&[is(0, PR_SET_NAME)?]])?;
    // The size of the main thread's stack is asked for; no limit is ever set.
    allow_if(calls, libc::SYS_prlimit64, &[&[is(0, 0)?, is_null(2)?]])?;
    // Its own signals, and aborting: that is a signal to itself.
    allow(
        calls,
        &[
            libc::SYS_rt_sigaction,
            libc::SYS_rt_sigprocmask,
            libc::SYS_rt_sigreturn,
            libc::SYS_sigaltstack,
        ],
    );
    let abort = [is(0, courier.as_raw_pid())?, is(2, SIGABRT)?];
    allow_if(calls, libc::SYS_tgkill, &[&abort])?;
    allow(calls, &[libc::SYS_exit, libc::SYS_exit_group]);
    Ok(())
}

fn time_and_waiting(calls: &mut Allowed) {
    allow(
        calls,
        &[
            libc::SYS_clock_gettime,
            libc::SYS_gettimeofday,
            libc::SYS_clock_nanosleep,
            libc::SYS_restart_syscall,
            libc::SYS_getrandom,
            libc::SYS_ppoll,
            libc::SYS_epoll_create1,
            libc::SYS_epoll_ctl,
            libc::SYS_epoll_pwait,
            libc::SYS_eventfd2,
            libc::SYS_pipe2, // by which threads of librdkafka wake each other
        ],
    );
    #[cfg(target_arch = "x86_64")]
    allow(calls, &[libc::SYS_poll, libc::SYS_epoll_wait]);
}

fn files(calls: &mut Allowed, may_write: bool) -> Result<(), BackendError> {
    allow(
        calls,
        &[
            libc::SYS_read,
            libc::SYS_pread64,
            libc::SYS_write, // of sockets, memory files and standard error
            libc::SYS_writev,
            libc::SYS_lseek,
            libc::SYS_close,
            libc::SYS_fstat,
            libc::SYS_newfstatat,
            libc::SYS_statx,
            libc::SYS_getdents64, // directories of certificates
            libc::SYS_readlinkat,
            libc::SYS_uname, // the resolver asks for the domain of this host
            // What goes to a cell and comes back: sized, sealed, sent.
            libc::SYS_memfd_create,
            libc::SYS_ftruncate,
        ],
    );
    #[cfg(target_arch = "x86_64")]
    allow(calls, &[libc::SYS_stat, libc::SYS_lstat, libc::SYS_readlink]);
    // librdkafka makes its pipes small. Not F_SETOWN and F_SETSIG, which would have the kernel send signals to others.
    let commands = [
        F_DUPFD_CLOEXEC,
        F_GETFD,
        F_SETFD,
        F_GETFL,
        F_SETFL,
        F_ADD_SEALS,
        F_GET_SEALS,
        F_SETPIPE_SZ,
    ];
    allow_one_of(calls, libc::SYS_fcntl, 1, &commands)?;
    // Not TIOCSTI, which types into the operator's terminal, nor any device's own.
    allow_one_of(calls, libc::SYS_ioctl, 1, &[FIONBIO as i32, TCGETS as i32])?;
    if may_write {
        allow(
            calls,
            &[
                libc::SYS_openat,
                libc::SYS_mkdirat,
                libc::SYS_linkat,
                libc::SYS_unlinkat,
                libc::SYS_renameat,
                libc::SYS_renameat2,
            ],
        );
        #[cfg(target_arch = "x86_64")]
        allow(calls, &[libc::SYS_mkdir, libc::SYS_unlink]);
    } else {
        let read_only = [lacks(2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)?];
        allow_if(calls, libc::SYS_openat, &[&read_only])?;
    }
    Ok(())
}

/// Out by TCP, and only out: neither bind, listen nor accept. Names are resolved by TCP too
/// (`RES_OPTIONS=use-vc`), because a filter cannot tell a datagram to a name server from others.
fn network(calls: &mut Allowed) -> Result<(), BackendError> {
    let is_stream = || {
        let value = u64::from(SOCK_STREAM.unsigned_abs());
        let kind = u64::from(!(SOCK_CLOEXEC | SOCK_NONBLOCK).cast_unsigned());
        SeccompCondition::new(1, Dword, SeccompCmpOp::MaskedEq(kind), value)
    };
    let mut shapes = Vec::new();
    for family in [AF_INET, AF_INET6] {
        for protocol in [0, IPPROTO_TCP] {
            shapes.push([is(0, family)?, is_stream()?, is(2, protocol)?]);
        }
    }
    let shapes: Vec<&[SeccompCondition]> = shapes.iter().map(<[_; 3]>::as_slice).collect();
    allow_if(calls, libc::SYS_socket, &shapes)?;
    allow(
        calls,
        &[
            libc::SYS_connect,
            libc::SYS_recvfrom,
            libc::SYS_recvmsg,
            libc::SYS_shutdown,
            libc::SYS_getsockname,
            libc::SYS_getpeername,
            libc::SYS_getsockopt,
        ],
    );
    // Fast open connects as it sends, past Landlock's look at connect.
    allow_if(calls, libc::SYS_sendto, &[&[lacks(3, MSG_FASTOPEN)?]])?;
    allow_if(calls, libc::SYS_sendmsg, &[&[lacks(2, MSG_FASTOPEN)?]])?;
    let mut options = Vec::new();
    for option in [SO_KEEPALIVE, SO_SNDBUF, SO_RCVBUF] {
        options.push([is(1, SOL_SOCKET)?, is(2, option)?]);
    }
    for option in [TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT] {
        options.push([is(1, IPPROTO_TCP)?, is(2, option)?]);
    }
    let options: Vec<&[SeccompCondition]> = options.iter().map(<[_; 2]>::as_slice).collect();
    allow_if(calls, libc::SYS_setsockopt, &options)
}

/// Allows a call if one argument has one of these values.
fn allow_one_of(
    calls: &mut Allowed,
    number: i64,
    argument: u8,
    values: &[i32],
) -> Result<(), BackendError> {
    let shapes: Result<Vec<_>, _> =
        values.iter().map(|value| Ok([is(argument, *value)?])).collect();
    let shapes = shapes?;
    let shapes: Vec<&[SeccompCondition]> = shapes.iter().map(<[_; 1]>::as_slice).collect();
    allow_if(calls, number, &shapes)
}
