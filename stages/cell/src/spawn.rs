//! The supervisor's side: starting zygote and courier by exec, so that neither inherits what its
//! parent, or the other, ever read.
//!
//! Each gets exactly one descriptor beside the standard ones: its end of a socket pair, as number
//! [`SOCKET_NUMBER`]. The zygote gets no environment at all; a fork without exec would hand it the
//! supervisor's, which stays readable on the stack.
//!
//! # Who dies with whom
//!
//! A child is killed when the *thread* that spawned it ends, not only the process: that is what
//! `PR_SET_PDEATHSIG` means. So spawn from the main thread, or through [`from_lasting_thread`].
#![expect(
    unsafe_code,
    reason = "pre_exec: what happens between fork and exec is this module's subject"
)]

use std::{
    ffi::OsString,
    io,
    os::{
        fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use rustix::{
    io::fcntl_dupfd_cloexec,
    net::{AddressFamily, SocketFlags, SocketType},
    process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal},
};

use crate::sys;

/// The number of the socket in zygote and courier, and of the job socket in a cell.
pub(crate) const SOCKET_NUMBER: RawFd = 3;

/// A zygote that was started, and the courier's end of its socket.
#[derive(Debug)]
pub struct SpawnedZygote {
    /// The process: the caller waits for it, or kills it.
    pub child: Child,
    /// For [`spawn_courier`], or for [`crate::Cells::connect`] where courier and supervisor are
    /// one process. When every copy of it is closed, the zygote ends with all its cells.
    pub socket: OwnedFd,
}

/// Starts this same program with `args` as a zygote: empty environment, standard input and output
/// null, standard error inherited. It is to call [`crate::zygote::serve`].
///
/// # Errors
///
/// Out of descriptors, memory or processes; or the program cannot be executed.
pub fn spawn_zygote(args: &[OsString]) -> io::Result<SpawnedZygote> {
    let (ours, theirs) = socket_pair()?;
    let mut command = this_program(args);
    command.env_clear().stdout(Stdio::null());
    let child = spawn_with_socket(command, theirs)?;
    Ok(SpawnedZygote { child, socket: ours })
}

/// Starts this same program with `args` as a courier: exactly this environment, standard input
/// null, standard output and error inherited. It finds the zygote by [`take_socket`].
///
/// # Errors
///
/// Out of descriptors, memory or processes; or the program cannot be executed.
pub fn spawn_courier(
    args: &[OsString],
    env: &[(OsString, OsString)],
    zygote_socket: OwnedFd,
) -> io::Result<Child> {
    let mut command = this_program(args);
    command.env_clear().envs(env.iter().cloned());
    spawn_with_socket(command, zygote_socket)
}

/// Asks a child to stop in good order: SIGTERM. For couriers; a zygote ignores it, and ends when
/// its courier does.
///
/// # Errors
///
/// The child may not be signalled. One that has ended but was not waited for is no error.
pub fn terminate(child: &Child) -> io::Result<()> {
    let pid = Pid::from_raw(child.id().cast_signed()).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(kill_process(pid, Signal::TERM)?)
}

/// The socket this process was started with by [`spawn_zygote`] or [`spawn_courier`]. Once.
///
/// # Errors
///
/// It was taken before, or this process was started by something else.
pub fn take_socket() -> io::Result<OwnedFd> {
    let socket = sys::take_started_with()?;
    match rustix::net::sockopt::socket_type(&socket) {
        Ok(SocketType::SEQPACKET) => Ok(socket),
        _ => {
            // Whatever it is, it is not ours to close.
            let _ = socket.into_raw_fd();
            Err(io::Error::other("not started by a cordon supervisor"))
        }
    }
}

/// Runs `work` on a thread that never ends, so that what it spawns lives as long as this process.
/// For supervisors that have threads: each call costs one parked thread.
///
/// # Errors
///
/// The thread could not be started, or `work` panicked.
pub fn from_lasting_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    const STACK_BYTES: usize = 256 << 10;
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().name("lasting".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        if sender.send(work()).is_ok() {
            loop {
                thread::park();
            }
        }
    })?;
    receiver.recv().map_err(io::Error::other)
}

/// A pair of connected sockets that keep message boundaries.
pub(crate) fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

fn this_program(args: &[OsString]) -> Command {
    // The running program itself, even if its file was replaced since.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("cordon").args(args).stdin(Stdio::null());
    command
}

fn spawn_with_socket(mut command: Command, socket: OwnedFd) -> io::Result<Child> {
    // Keeps the number taken here, so that `Command`'s own pipe, by which a failed exec is told,
    // cannot have it: the child overwrites whatever has that number.
    let _taken = fcntl_dupfd_cloexec(&socket, SOCKET_NUMBER)?;
    let parent = getpid();
    // SAFETY: the closure makes system calls only: no allocation, no locks, nothing that another
    // thread could have held at the fork.
    unsafe {
        command.pre_exec(move || {
            die_with(parent)?;
            if socket.as_raw_fd() == SOCKET_NUMBER {
                rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::empty())?;
            } else {
                // Not to be closed here: the program about to be executed takes it.
                let _ = sys::copy_onto(socket.as_fd(), SOCKET_NUMBER)?.into_raw_fd();
            }
            sys::close_on_exec_from(SOCKET_NUMBER + 1)
        });
    }
    command.spawn()
}

/// Has this process killed when its parent's thread ends; an error if that has happened already.
///
/// The parent is compared with the one expected, not with process 1: in a container the parent
/// may well be process 1.
pub(crate) fn die_with(parent: Pid) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() == Some(parent) { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
}
