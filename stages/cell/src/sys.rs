//! The raw calls, each behind a small function that is safe to call.
//!
//! Everything rustix offers safely is called there; here is what it does not: fork, wait with
//! usage, clocks of other processes, memory that two processes share, and the jail's own calls.
//! No other module of this crate holds `unsafe` but [`crate::spawn`], for `pre_exec`.
#![expect(unsafe_code, reason = "the one place where this crate talks to the kernel directly")]

use std::{
    ffi::c_int,
    io,
    ops::Deref,
    os::{
        fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
        unix::process::ExitStatusExt,
    },
    process::ExitStatus,
    ptr::{self, NonNull},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use rustix::{
    mm::{MapFlags, ProtFlags},
    process::Pid,
};
use seccompiler::sock_filter;

use crate::{CellUsage, spawn::SOCKET_NUMBER};

/// `-1` with errno is an error, as libc says it.
fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Which side of a fork this is.
pub(crate) enum Fork {
    /// The new process.
    Child,
    /// The old one, told the new one's id.
    Parent(Pid),
}

/// Forks. Only a process with one thread may: [`thread_count`] is how the zygote knows.
pub(crate) fn fork() -> io::Result<Fork> {
    // SAFETY: the zygote checks at start that it has one thread and starts none, so that no lock
    // can be held by a thread the child lacks.
    let pid = check(unsafe { libc::fork() })?;
    Ok(Pid::from_raw(pid).map_or(Fork::Child, Fork::Parent))
}

/// Ends this process at once: no destructors, no exit handlers, no flushing of buffers that were
/// copied from the parent.
pub(crate) fn exit_now(code: c_int) -> ! {
    // SAFETY: ends the process; nothing runs after it.
    unsafe { libc::_exit(code) }
}

/// Collects a child that has ended, with what it used.
pub(crate) fn reap(pid: Pid) -> io::Result<(ExitStatus, CellUsage)> {
    let mut status: c_int = 0;
    // SAFETY: rusage is plain numbers, for which all zeros is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live locals of the right types.
    check(unsafe { libc::wait4(pid.as_raw_pid(), &raw mut status, 0, &raw mut usage) })?;
    let microseconds =
        |t: libc::timeval| t.tv_sec.unsigned_abs() * 1_000_000 + t.tv_usec.unsigned_abs();
    let used = CellUsage {
        user_us: microseconds(usage.ru_utime),
        system_us: microseconds(usage.ru_stime),
        rss_bytes_max: usage.ru_maxrss.unsigned_abs() << 10, // Linux counts in KiB.
    };
    Ok((ExitStatus::from_raw(status), used))
}

/// A clock that can be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(libc::clockid_t);

impl Clock {
    /// Time that only goes forward.
    pub(crate) const MONOTONIC: Self = Self(libc::CLOCK_MONOTONIC);

    /// The CPU time of another process, all its threads.
    pub(crate) fn cpu_of(pid: Pid) -> io::Result<Self> {
        let mut id: libc::clockid_t = 0;
        // SAFETY: the pointer is to a live local of the right type.
        match unsafe { libc::clock_getcpuclockid(pid.as_raw_pid(), &raw mut id) } {
            0 => Ok(Self(id)),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }

    /// What it shows; an error once its process is gone.
    pub(crate) fn read(self) -> io::Result<Duration> {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a live local of the right type.
        check(unsafe { libc::clock_gettime(self.0, &raw mut time) })?;
        let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
        Ok(Duration::new(time.tv_sec.unsigned_abs(), nanos))
    }
}

/// Takes over the descriptor that this process was started with. Once: a second call is an error.
pub(crate) fn take_started_with() -> io::Result<OwnedFd> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Err(io::Error::other("the socket was taken before"));
    }
    // SAFETY: F_GETFD only asks.
    check(unsafe { libc::fcntl(SOCKET_NUMBER, libc::F_GETFD) })?;
    // SAFETY: it is open, `crate::spawn` put it there for this process, and the flag above makes
    // this its one owner.
    Ok(unsafe { OwnedFd::from_raw_fd(SOCKET_NUMBER) })
}

/// Makes `number` a copy of `fd`, closing what it was. The copy lives past an exec.
///
/// For processes between fork and exec, or in a cell's first instructions: whoever owned `number`
/// in the parent's image never acts again in this one.
pub(crate) fn copy_onto(fd: BorrowedFd<'_>, number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: only descriptor numbers go in; that `number` has no living owner is said above.
    check(unsafe { libc::dup2(fd.as_raw_fd(), number) })?;
    // SAFETY: dup2 has just made it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Closes every descriptor from `first` on. For a process at its start, which owns none of them.
pub(crate) fn close_from(first: RawFd) -> io::Result<()> {
    let first = first.unsigned_abs();
    // SAFETY: no memory is involved. Owners of these descriptors never use or drop them again:
    // callers are at the start of the zygote, or in a cell, which ends by `exit_now`.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) } as c_int).map(drop)
}

/// Lets no descriptor from `first` on live past an exec.
pub(crate) fn close_on_exec_from(first: RawFd) -> io::Result<()> {
    let (first, flags) = (first.unsigned_abs(), libc::CLOSE_RANGE_CLOEXEC);
    // SAFETY: no memory is involved, and nothing is closed before the exec.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) };
    check(result as c_int).map(drop)
}

/// What to do with a signal.
pub(crate) enum Disposition {
    /// Nothing.
    Ignore,
    /// What the kernel does by default.
    Default,
}

/// Sets what a signal does.
pub(crate) fn on_signal(signal: c_int, disposition: Disposition) {
    let handler = match disposition {
        Disposition::Ignore => libc::SIG_IGN,
        Disposition::Default => libc::SIG_DFL,
    };
    // SAFETY: neither disposition runs code of ours.
    unsafe { libc::signal(signal, handler) };
}

/// Maps `len` bytes of a memfd for reading, for the rest of this process's life.
///
/// The memfd must hold that many bytes and be sealed against writing and shrinking; the zygote
/// checks both before a cell hears of the job. Private, so that the jail can forbid shared memory.
pub(crate) fn map_for_life(fd: BorrowedFd<'_>, len: usize) -> io::Result<&'static [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
    let start = unsafe {
        rustix::mm::mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE, fd, 0)
    }?;
    // SAFETY: `len` bytes are mapped there for reading and never unmapped; the seals keep every
    // process from changing them or taking them away.
    Ok(unsafe { std::slice::from_raw_parts(start.cast::<u8>(), len) })
}

/// How many words a [`SharedWords`] holds.
pub(crate) const SHARED_WORDS: usize = 8;

/// A page of words that a zygote shares with one cell: mapped before the fork, hidden from later
/// forks.
pub(crate) struct SharedWords(NonNull<[AtomicU64; SHARED_WORDS]>);

impl SharedWords {
    const BYTES: usize = size_of::<[AtomicU64; SHARED_WORDS]>();

    /// Maps a fresh page of zeros.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
        let start = unsafe {
            rustix::mm::mmap_anonymous(
                ptr::null_mut(),
                Self::BYTES,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
            )
        }?;
        Ok(Self(
            NonNull::new(start.cast())
                .ok_or_else(|| io::Error::other("mmap returned the null page"))?,
        ))
    }

    /// Keeps the page out of every process forked from now on, so that no cell sees another's.
    pub(crate) fn hide_from_later_forks(&self) -> io::Result<()> {
        // SAFETY: the range is this mapping's own; the advice changes what children get, nothing
        // here.
        let advised = unsafe {
            rustix::mm::madvise(
                self.0.as_ptr().cast(),
                Self::BYTES,
                rustix::mm::Advice::LinuxDontFork,
            )
        };
        Ok(advised?)
    }
}

impl Deref for SharedWords {
    type Target = [AtomicU64; SHARED_WORDS];

    fn deref(&self) -> &Self::Target {
        // SAFETY: the page is mapped as long as `self` lives, aligned, and only ever seen as
        // atomics, on both sides.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and no reference outlives it. A failure would
        // leave one page mapped, which harms nothing.
        let _ = unsafe { rustix::mm::munmap(self.0.as_ptr().cast(), Self::BYTES) };
    }
}

/// The Landlock ABI of the running kernel; 0 when it has none.
pub(crate) fn landlock_abi() -> u8 {
    const LANDLOCK_CREATE_RULESET_VERSION: c_int = 1;
    // SAFETY: with this flag the kernel reads no memory and returns a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            ptr::null::<u8>(),
            0usize,
            LANDLOCK_CREATE_RULESET_VERSION,
        )
    };
    u8::try_from(version).unwrap_or(0)
}

/// Puts this thread under a Landlock ruleset, forever. Allocates nothing.
pub(crate) fn landlock_restrict(ruleset: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a descriptor and a zero; no memory is involved.
    let result =
        unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0u32) };
    check(result as c_int).map(drop)
}

/// Puts this thread under a seccomp filter, forever. Allocates nothing. Needs no-new-privileges.
pub(crate) fn seccomp_install(filter: &[sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        filter: filter.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: the program points at `len` instructions that live across the call; both
    // `sock_filter`s are the kernel's C struct. The kernel copies and never writes them.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program)
    };
    check(result as c_int).map(drop)
}

/// Puts a copy-on-write view of `file` where `len` bytes of this process's private memory lie,
/// after writing those bytes into it: nothing seems to change, but forks no longer copy the page
/// tables. Then asks for huge pages, which the kernel may refuse.
///
/// Only for a process with one thread and no signal handlers. Never inlined, so that no store of
/// a caller can slip between the copy and the view.
#[inline(never)]
pub(crate) fn move_into_file(file: BorrowedFd<'_>, start: usize, len: usize) -> io::Result<()> {
    let start: *mut libc::c_void = ptr::with_exposed_provenance_mut(start);
    let file = file.as_raw_fd();
    let mut copied = 0;
    while copied < len {
        // SAFETY: the kernel reads the range, and says EFAULT where it is not mapped.
        let bytes = unsafe {
            libc::pwrite(
                file,
                start.wrapping_byte_add(copied),
                len - copied,
                copied.cast_signed() as libc::off_t,
            )
        };
        match usize::try_from(bytes) {
            Ok(bytes @ 1..) => copied += bytes,
            _ => return Err(io::Error::last_os_error()),
        }
    }
    // SAFETY: every byte of the range is in the file, at its place, and nothing has written to
    // the range since: there is one thread, it is here, and it touched only its stack, which is
    // another mapping. So each address holds the same value before and after.
    let view = unsafe {
        libc::mmap(
            start,
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_FIXED,
            file,
            0,
        )
    };
    if view == libc::MAP_FAILED {
        return Err(io::Error::last_os_error()); // the old mapping is still there
    }
    // SAFETY: neither advice changes what any address holds. Where they fail, pages stay small.
    unsafe {
        libc::madvise(start, len, libc::MADV_HUGEPAGE);
        libc::madvise(start, len, libc::MADV_COLLAPSE);
    }
    Ok(())
}

/// The page size.
pub(crate) fn page_bytes() -> u64 {
    // SAFETY: only asks.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}
