//! Files and directories, and what of processes looks like files.

use std::io;

use super::{Attempt, Prepared, Targets, both, c_string, canary, cell, done, landlock, wanted};

pub(super) const ALL: &[Attempt] = &[
    landlock("read-a-file", "a secret that lies in a file", "landlock-files", read_a_file),
    landlock("list-processes", "the names in /proc", "landlock-files", list_processes),
    landlock("read-an-environment", "the victim's environment", "landlock-files", read_environment),
    landlock("read-a-memory-file", "the victim's memory by /proc", "landlock-files", read_memory),
    both("write-a-memory-file", "to change the victim's memory by /proc", write_memory),
    both("make-a-file", "a file of its own", make_a_file),
    both("truncate-a-file", "to empty a file by its name", truncate_a_file),
    both("remove-a-file", "to remove a file", remove_a_file),
    both("link-a-file", "a second name for a file", link_a_file),
    both("open-by-handle", "a file without its path", open_by_handle),
    both("mount", "a file system of its own", mount),
    both("change-root", "another root directory", change_root),
    cell("memory-file", "memory outside its limits", memory_file),
    cell("read-standard-input", "whatever the zygote was given", read_standard_input),
    cell("write-standard-output", "to speak to whoever listens", write_standard_output),
    cell("duplicate-a-descriptor", "more descriptors", duplicate),
];

/// Reads up to 64 KiB and looks for the canary.
fn holds_canary(path: &str, offset: i64) -> io::Result<()> {
    let path = c_string(path)?;
    let mut bytes = vec![0_u8; 1 << 16];
    // SAFETY: the path is a C string, and the buffer as long as it is said to be.
    let read = unsafe {
        let fd = done(libc::open(path.as_ptr(), libc::O_RDONLY))? as i32;
        done(libc::pread(fd, bytes.as_mut_ptr().cast(), bytes.len(), offset) as i64)? as usize
    };
    wanted(bytes[..read].windows(canary().len()).any(|window| window == canary()))
}

fn read_a_file(targets: &Targets, _: &Prepared) -> io::Result<()> {
    holds_canary(&targets.secret_file, 0)
}

fn list_processes(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: the path is a C string; the buffer is as long as it is said to be.
    unsafe {
        let flags = libc::O_RDONLY | libc::O_DIRECTORY;
        let fd = done(libc::open(c"/proc".as_ptr(), flags))?;
        let mut entries = [0_u8; 4096];
        done(libc::syscall(libc::SYS_getdents64, fd, entries.as_mut_ptr(), entries.len())).map(drop)
    }
}

fn read_environment(targets: &Targets, _: &Prepared) -> io::Result<()> {
    holds_canary(&format!("/proc/{}/environ", targets.victim), 0)
}

fn read_memory(targets: &Targets, _: &Prepared) -> io::Result<()> {
    holds_canary(&format!("/proc/{}/mem", targets.victim), targets.victim_address as i64)
}

fn write_memory(targets: &Targets, _: &Prepared) -> io::Result<()> {
    let path = c_string(&format!("/proc/{}/mem", targets.victim))?;
    // The canary's first byte, as it is there already: the victim serves other attempts too.
    let byte = canary();
    // SAFETY: the path is a C string, and one byte of the buffer is read.
    unsafe {
        let fd = done(libc::open(path.as_ptr(), libc::O_RDWR))? as i32;
        done(libc::pwrite(fd, byte.as_ptr().cast(), 1, targets.victim_address as i64) as i64)
            .map(drop)
    }
}

fn make_a_file(targets: &Targets, _: &Prepared) -> io::Result<()> {
    let path = c_string(&format!("{}/made", targets.directory))?;
    let flags = libc::O_WRONLY | libc::O_CREAT;
    // SAFETY: the path is a C string.
    unsafe { done(libc::open(path.as_ptr(), flags, 0o600)) }.map(drop)
}

fn truncate_a_file(targets: &Targets, _: &Prepared) -> io::Result<()> {
    let path = c_string(&format!("{}/truncate", targets.directory))?;
    // SAFETY: the path is a C string.
    unsafe { done(libc::truncate(path.as_ptr(), 0)) }.map(drop)
}

fn remove_a_file(targets: &Targets, _: &Prepared) -> io::Result<()> {
    let path = c_string(&format!("{}/remove", targets.directory))?;
    // SAFETY: the path is a C string.
    unsafe { done(libc::unlink(path.as_ptr())) }.map(drop)
}

fn link_a_file(targets: &Targets, _: &Prepared) -> io::Result<()> {
    let old = c_string(&format!("{}/link", targets.directory))?;
    // SAFETY: the process id cannot fail; both paths are C strings.
    unsafe {
        let new = c_string(&format!("{}/link-{}", targets.directory, libc::getpid()))?;
        done(libc::link(old.as_ptr(), new.as_ptr())).map(drop)
    }
}

fn open_by_handle(targets: &Targets, _: &Prepared) -> io::Result<()> {
    #[repr(C)]
    struct Handle {
        bytes: u32,
        kind: i32,
        handle: [u8; 128],
    }
    let path = c_string(&targets.secret_file)?;
    let mut handle = Handle { bytes: 128, kind: 0, handle: [0; 128] };
    let mut mount = 0_i32;
    let here = libc::AT_FDCWD;
    // SAFETY: the path is a C string; the handle has room for as many bytes as it says.
    unsafe {
        done(libc::syscall(
            libc::SYS_name_to_handle_at,
            here,
            path.as_ptr(),
            &raw mut handle,
            &raw mut mount,
            0,
        ))?;
        done(libc::syscall(libc::SYS_open_by_handle_at, here, &raw mut handle, libc::O_RDONLY))
            .map(drop)
    }
}

fn mount(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: the name is a C string. What is made is mounted nowhere, and goes with the process.
    unsafe { done(libc::syscall(libc::SYS_fsopen, c"tmpfs".as_ptr(), 0)) }.map(drop)
}

fn change_root(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: the path is a C string.
    unsafe { done(libc::chroot(c"/".as_ptr())) }.map(drop)
}

fn memory_file(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: the name is a C string.
    unsafe { done(libc::memfd_create(c"mine".as_ptr(), 0)) }.map(drop)
}

fn read_standard_input(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: nothing is read into no buffer.
    unsafe { done(libc::read(0, std::ptr::null_mut(), 0) as i64) }.map(drop)
}

fn write_standard_output(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: nothing is written from no buffer.
    unsafe { done(libc::write(1, std::ptr::null(), 0) as i64) }.map(drop)
}

fn duplicate(_: &Targets, _: &Prepared) -> io::Result<()> {
    // SAFETY: a number goes in, and one comes out.
    unsafe { done(libc::dup(0)) }.map(drop)
}
