//! Other programs, and other processes.

use std::{io, ptr};

use super::{Attempt, InCourier, Prepared, Targets, both, canary, cell, done, wanted};

pub(super) const ALL: &[Attempt] = &[
    both("execute", "a shell", execute),
    Attempt {
        in_courier: InCourier::Refused("EPERM"),
        ..both("execute-memory", "a program that it brought along", execute_memory)
    },
    both("fork", "a process of its own", fork),
    both("vfork", "the same by vfork", vfork),
    both("fork-bomb", "every process that the machine has", fork_bomb),
    Attempt {
        in_courier: InCourier::Refused("ENOSYS"),
        ..both("clone3", "a process by the call whose flags no filter sees", clone3)
    },
    both("leave-namespace", "root in a namespace of its own", leave_namespace),
    both("kill", "to signal the victim", kill),
    both("kill-thread", "to signal a thread of the victim", kill_thread),
    both("kill-by-descriptor", "to signal it by a pidfd", kill_by_descriptor),
    both("kill-queued", "to signal it with a message", kill_queued),
    both("kill-by-owner", "the kernel to signal it for input on a file", kill_by_owner),
    both("trace", "to trace the victim", trace),
    both("read-memory", "the victim's memory", read_memory),
    both("write-memory", "to change the victim's memory", write_memory),
    both("take-a-descriptor", "an open file of the victim's", take_a_descriptor),
    both("shared-memory", "memory to share with whoever attaches it", shared_memory),
    cell("thread", "a thread", thread),
    cell("kill-itself-loudly", "a signal that the zygote would take for its own", kill_itself),
    cell("sleep", "to hold its place without working", sleep),
];

/// More than this the control does not need, whatever the limit.
const BOMB_FORKS_MAX: usize = 400;
/// A limit of processes is met when this many were made before.
const BOMB_FORKS_MIN: usize = 10;

fn execute(_: &Targets, _: &Prepared) -> io::Result<()> {
    let arguments = [c"sh".as_ptr(), c"-c".as_ptr(), c"exit 42".as_ptr(), ptr::null()];
    let environment = [ptr::null()];
    // SAFETY: all strings are C strings, and both lists end with a null.
    unsafe {
        done(libc::execve(c"/bin/sh".as_ptr(), arguments.as_ptr(), environment.as_ptr())).map(drop)
    }
}

fn execute_memory(_: &Targets, prepared: &Prepared) -> io::Result<()> {
    // SAFETY: all strings are C strings, both lists end with a null, and of the program there are
    // as many bytes as is said.
    unsafe {
        let fd = done(libc::memfd_create(c"program".as_ptr(), 0))? as i32;
        let loaded = if prepared.shell.is_empty() { std::fs::read("/bin/sh")? } else { Vec::new() };
        let shell = if prepared.shell.is_empty() { &loaded } else { &prepared.shell };
        done(libc::write(fd, shell.as_ptr().cast(), shell.len()) as i64)?;
        let arguments = [c"sh".as_ptr(), c"-c".as_ptr(), c"exit 42".as_ptr(), ptr::null()];
        let environment: [*const libc::c_char; 1] = [ptr::null()];
        done(libc::syscall(
            libc::SYS_execveat,
            fd,
            c"".as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            libc::AT_EMPTY_PATH,
        ))
        .map(drop)
    }
}

/// The child ends at once.
fn in_child(pid: i64) -> io::Result<()> {
    if pid == 0 {
        // SAFETY: ends the child.
        unsafe { libc::_exit(0) }
    }
    done(pid).map(drop)
}

fn fork(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: the child only ends.
    in_child(unsafe { libc::fork() }.into())
}

fn vfork(_: &Targets, _: &Prepared) -> io::Result<()> {
    // As fork with shared memory; a child that shared the stack too would destroy this frame.
    let flags = libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the child has a copy of the memory and only ends.
    in_child(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })
}

fn clone3(_: &Targets, _: &Prepared) -> io::Result<()> {
    // struct clone_args of the first version: only the signal at the child's end is set.
    let arguments = [0_u64, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0];
    // SAFETY: the structure is as long as is said; the child only ends.
    in_child(unsafe {
        libc::syscall(libc::SYS_clone3, arguments.as_ptr(), size_of_val(&arguments))
    })
}

/// Forks until there is no process left, and takes them back.
fn fork_bomb(_: &Targets, _: &Prepared) -> io::Result<()> {
    let mut children = Vec::new();
    let error = loop {
        // SAFETY: a child waits for its end, which comes with its parent's at the latest.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: numbers only; nothing of this process's memory is used.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                loop {
                    libc::pause();
                }
            }
        }
        match done(pid) {
            Ok(pid) if children.len() < BOMB_FORKS_MAX => children.push(pid as i32),
            Ok(pid) => {
                children.push(pid as i32);
                break io::Error::other("no limit");
            }
            Err(error) => break error,
        }
    };
    for child in &children {
        // SAFETY: they are this process's own children.
        unsafe {
            libc::kill(*child, libc::SIGKILL);
            libc::waitpid(*child, ptr::null_mut(), 0);
        }
    }
    if children.len() >= BOMB_FORKS_MIN { Ok(()) } else { Err(error) }
}

fn leave_namespace(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: a number goes in.
    unsafe { done(libc::unshare(libc::CLONE_NEWUSER)) }.map(drop)
}

/// Does nothing to a process that runs.
const HARMLESS: i32 = libc::SIGCONT;

fn kill(targets: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: numbers only.
    unsafe { done(libc::kill(targets.victim, HARMLESS)) }.map(drop)
}

fn kill_thread(targets: &Targets, _: &Prepared) -> io::Result<()> {
    let victim = targets.victim;
    // SAFETY: numbers only.
    unsafe { done(libc::syscall(libc::SYS_tgkill, victim, victim, HARMLESS)) }.map(drop)
}

fn kill_by_descriptor(targets: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: numbers, and a null that stands for no message.
    unsafe {
        let fd = done(libc::syscall(libc::SYS_pidfd_open, targets.victim, 0))?;
        done(libc::syscall(libc::SYS_pidfd_send_signal, fd, HARMLESS, ptr::null::<u8>(), 0))
            .map(drop)
    }
}

fn kill_queued(targets: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: siginfo_t is plain numbers, for which zeros are a value; the kernel reads it.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        info.si_code = libc::SI_QUEUE;
        done(libc::syscall(libc::SYS_rt_sigqueueinfo, targets.victim, HARMLESS, &raw const info))
            .map(drop)
    }
}

fn kill_by_owner(targets: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: numbers only.
    unsafe { done(libc::fcntl(0, libc::F_SETOWN, targets.victim)) }.map(drop)
}

fn trace(targets: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: numbers only. The victim goes on when this process ends.
    unsafe { done(libc::ptrace(libc::PTRACE_SEIZE, targets.victim, 0, 0)) }.map(drop)
}

fn remote(targets: &Targets, len: usize) -> libc::iovec {
    let at = ptr::without_provenance_mut(targets.victim_address as usize);
    libc::iovec { iov_base: at, iov_len: len }
}

fn read_memory(targets: &Targets, _: &Prepared) -> io::Result<()> {
    let mut bytes = [0_u8; 16];
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let remote = remote(targets, bytes.len());
    // SAFETY: the local buffer is as long as is said; the other address is another process's.
    unsafe {
        done(libc::process_vm_readv(targets.victim, &raw const local, 1, &raw const remote, 1, 0)
            as i64)?;
    }
    wanted(bytes[..] == canary())
}

fn write_memory(targets: &Targets, _: &Prepared) -> io::Result<()> {
    // The same bytes that are there: the victim serves other attempts too.
    let mut bytes = canary();
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let remote = remote(targets, bytes.len());
    // SAFETY: as above.
    unsafe {
        done(libc::process_vm_writev(targets.victim, &raw const local, 1, &raw const remote, 1, 0)
            as i64)
        .map(drop)
    }
}

fn take_a_descriptor(targets: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: numbers only.
    unsafe {
        let fd = done(libc::syscall(libc::SYS_pidfd_open, targets.victim, 0))?;
        done(libc::syscall(libc::SYS_pidfd_getfd, fd, targets.victim_fd, 0)).map(drop)
    }
}

fn shared_memory(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: numbers only. The segment is removed at once.
    unsafe {
        let id = done(libc::shmget(libc::IPC_PRIVATE, 4096, 0o600))? as i32;
        done(libc::shmctl(id, libc::IPC_RMID, ptr::null_mut())).map(drop)
    }
}

fn thread(_: &Targets, _: &Prepared) -> io::Result<()> {
    let thread = std::thread::Builder::new().spawn(|| {})?;
    thread.join().map_err(|_| io::Error::other("it panicked"))
}

fn kill_itself(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: numbers only; signal 0 asks whether it may.
    unsafe {
        let own = libc::getpid();
        done(libc::syscall(libc::SYS_tgkill, own, own, 0)).map(drop)
    }
}

fn sleep(_: &Targets, _: &Prepared) -> io::Result<()> {
    let short = libc::timespec { tv_sec: 0, tv_nsec: 1 };
    // SAFETY: the kernel reads the time, and is given no place for what is left of it.
    unsafe { done(libc::nanosleep(&raw const short, ptr::null_mut())) }.map(drop)
}
