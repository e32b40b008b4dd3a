//! Its own memory, made to be what it must not be.

use std::{io, ptr};

use super::{Attempt, Prepared, Targets, both, cell, done};

pub(super) const ALL: &[Attempt] = &[
    both("map-executable", "memory to run code from", map_executable),
    both("make-executable", "to run what it has written", make_executable),
    both("map-a-file-executable", "to run a memory file", map_a_file_executable),
    both("remap-executable", "the same by protection keys", protect_by_key),
    cell("map-shared", "memory that its limits do not count", map_shared),
    cell("raise-a-limit", "other limits", raise_a_limit),
];

const PAGE: usize = 4096;

fn map(protection: i32, flags: i32, fd: i32) -> io::Result<*mut libc::c_void> {
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
    let start = unsafe { libc::mmap(ptr::null_mut(), PAGE, protection, flags, fd, 0) };
    if start == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(start) }
}

const ANONYMOUS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

fn map_executable(_: &Targets, _: &Prepared) -> io::Result<()> {
    map(libc::PROT_READ | libc::PROT_EXEC, ANONYMOUS, -1).map(drop)
}

fn make_executable(_: &Targets, _: &Prepared) -> io::Result<()> {
    let page = map(libc::PROT_READ | libc::PROT_WRITE, ANONYMOUS, -1)?;
    // SAFETY: the page is this function's own.
    unsafe { done(libc::mprotect(page, PAGE, libc::PROT_READ | libc::PROT_EXEC)) }.map(drop)
}

fn map_a_file_executable(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: the name is a C string; the rest are numbers.
    let fd = unsafe {
        let fd = done(libc::memfd_create(c"code".as_ptr(), 0))? as i32;
        done(libc::ftruncate(fd, PAGE as i64))?;
        fd
    };
    map(libc::PROT_READ | libc::PROT_EXEC, libc::MAP_SHARED, fd).map(drop)
}

fn protect_by_key(_: &Targets, _: &Prepared) -> io::Result<()> {
    let page = map(libc::PROT_READ, ANONYMOUS, -1)?;
    let executable = libc::PROT_READ | libc::PROT_EXEC;
    // SAFETY: the page is this function's own; key -1 is none.
    unsafe { done(libc::syscall(libc::SYS_pkey_mprotect, page, PAGE, executable, -1)) }.map(drop)
}

fn map_shared(_: &Targets, _: &Prepared) -> io::Result<()> {
    map(libc::PROT_READ, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1).map(drop)
}

fn raise_a_limit(_: &Targets, _: &Prepared) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: 5, rlim_max: 5 };
    // SAFETY: the kernel reads the limit.
    unsafe { done(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit)) }.map(drop)
}
