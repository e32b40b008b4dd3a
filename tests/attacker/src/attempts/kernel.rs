//! Parts of the kernel where holes are found, and ways to change what holds a process.

use std::io;

use super::{Attempt, Prepared, Targets, both, cell, done};

pub(super) const ALL: &[Attempt] = &[
    both("io-uring", "to have calls made that no filter sees", io_uring),
    both("bpf", "to load code into the kernel", bpf),
    both("userfaultfd", "to stop the kernel in the middle", userfaultfd),
    both("keyring", "the kernel's keys", keyring),
    both("performance-counters", "to watch others by their caches", performance_counters),
    both("seccomp", "a filter of its own, with a listener", seccomp),
    both("landlock", "a ruleset of its own", landlock_ruleset),
    both("become-dumpable", "its memory open to others", become_dumpable),
    both("capabilities", "its capabilities back", capabilities),
    both("personality", "memory that is executable when it is readable", personality),
    both("watch-files", "to be told what others open", watch_files),
    cell("handle-a-signal", "to outlive its end", handle_a_signal),
];

fn io_uring(_: &Targets, _: &Prepared) -> io::Result<()> {
    // struct io_uring_params is 120 bytes; zeros ask for the usual.
    let mut parameters = [0_u64; 15];
    // SAFETY: the structure is as long as the kernel's.
    unsafe { done(libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr())) }.map(drop)
}

fn bpf(_: &Targets, _: &Prepared) -> io::Result<()> {
    const MAP_CREATE: i32 = 0;
    const ARRAY: u32 = 2;
    // Type, bytes of a key, bytes of a value, entries.
    let attributes = [ARRAY, 4, 4, 1, 0, 0, 0, 0];
    let bytes = size_of_val(&attributes);
    // SAFETY: the attributes are as long as is said.
    unsafe { done(libc::syscall(libc::SYS_bpf, MAP_CREATE, attributes.as_ptr(), bytes)) }.map(drop)
}

fn userfaultfd(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: numbers only.
    unsafe { done(libc::syscall(libc::SYS_userfaultfd, 0)) }.map(drop)
}

fn keyring(_: &Targets, _: &Prepared) -> io::Result<()> {
    const PROCESS_KEYRING: i32 = -2;
    // SAFETY: both names are C strings; the key is as long as is said.
    unsafe {
        done(libc::syscall(
            libc::SYS_add_key,
            c"user".as_ptr(),
            c"cordon".as_ptr(),
            b"x".as_ptr(),
            1,
            PROCESS_KEYRING,
        ))
        .map(drop)
    }
}

fn performance_counters(_: &Targets, _: &Prepared) -> io::Result<()> {
    const SOFTWARE: u32 = 1;
    // struct perf_event_attr, its first 64 bytes: type and size; the clock is event 0.
    let mut attributes = [0_u32; 16];
    attributes[0] = SOFTWARE;
    attributes[1] = 64;
    // SAFETY: the attributes are as long as they say.
    unsafe {
        done(libc::syscall(libc::SYS_perf_event_open, attributes.as_ptr(), 0, -1, -1, 0)).map(drop)
    }
}

fn seccomp(_: &Targets, _: &Prepared) -> io::Result<()> {
    let allow = libc::sock_filter { code: 6, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW };
    let program = libc::sock_fprog { len: 1, filter: (&raw const allow).cast_mut() };
    // SAFETY: the program has as many instructions as it says.
    unsafe {
        done(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        done(libc::syscall(libc::SYS_seccomp, mode, listener, &raw const program)).map(drop)
    }
}

fn landlock_ruleset(_: &Targets, _: &Prepared) -> io::Result<()> {
    let reading = 1_u64 << 2;
    // SAFETY: the attributes are as long as is said.
    unsafe {
        done(libc::syscall(libc::SYS_landlock_create_ruleset, &raw const reading, 8, 0)).map(drop)
    }
}

fn become_dumpable(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: numbers only.
    unsafe { done(libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0)) }.map(drop)
}

fn capabilities(_: &Targets, _: &Prepared) -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    // Effective, permitted, inheritable, twice. The control must be one for whoever runs it.
    let none = [0_u32; 6];
    // SAFETY: header and sets are as the third version has them.
    unsafe { done(libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr())) }.map(drop)
}

fn personality(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: numbers only.
    unsafe { done(libc::personality(libc::READ_IMPLIES_EXEC as libc::c_ulong)) }.map(drop)
}

fn watch_files(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: numbers only.
    unsafe { done(libc::inotify_init1(0)) }.map(drop)
}

fn handle_a_signal(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: the handler is none.
    let before = unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}
