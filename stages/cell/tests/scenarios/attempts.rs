//! What a body that was taken over would try on the parts of its own cell. Raw calls, so that
//! nothing but the jail is between it and the kernel. Whatever a shell would try is in
//! `tests/attacker`, and succeeds there without the jail; of these, most are no use anyway.
#![expect(unsafe_code, reason = "an attacker is not bound by Rust")]

use std::ptr;

/// Each attempt with its name.
pub(crate) const ATTEMPTS: &[&str] =
    &["kill-zygote", "tgkill-zygote", "ftruncate", "wait", "receive-elsewhere"];

/// Makes one attempt. The number is what the kernel answered; in the jail there is no answer.
pub(crate) fn run(name: &str) -> i64 {
    let zygote = std::os::unix::process::parent_id().cast_signed();
    // SAFETY: whatever memory these calls are given is valid or deliberately null; the point is
    // whether they are made at all.
    unsafe {
        match name {
            "kill-zygote" => libc::kill(zygote, 0).into(),
            "tgkill-zygote" => libc::syscall(libc::SYS_tgkill, zygote, zygote, libc::SIGABRT + 100),
            "ftruncate" => libc::ftruncate(FRAMES, 0).into(),
            "wait" => {
                let word = 0u32;
                let now = libc::timespec { tv_sec: 0, tv_nsec: 1 };
                let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
                libc::syscall(libc::SYS_futex, &raw const word, wait, 0, &raw const now)
            }
            "receive-elsewhere" => libc::recvmsg(5, ptr::null_mut(), 0) as i64,
            other => panic!("unknown attempt {other}"),
        }
    }
}

/// Which descriptors are open.
pub(crate) fn open_descriptors() -> Vec<i32> {
    // SAFETY: F_GETFD only asks.
    let is_open = |fd: &i32| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0;
    (0..1024).filter(is_open).collect()
}

/// The frames descriptor of a cell: its job's third, after its socket.
const FRAMES: i32 = 6;

/// Writes to the frames without publishing: what a death in the middle of a write leaves.
pub(crate) fn write_behind_the_frames(offset: i64, bytes: &[u8]) {
    // SAFETY: the buffer is valid for its length.
    let written = unsafe { libc::pwrite(FRAMES, bytes.as_ptr().cast(), bytes.len(), offset) };
    assert_eq!(written, bytes.len() as isize);
}

pub(crate) fn segfault() {
    // SAFETY: none, on purpose.
    unsafe { ptr::without_provenance_mut::<u8>(8).write_volatile(1) }
}

pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: nothing runs after it.
    unsafe { libc::_exit(code) }
}

pub(crate) fn double_free() {
    // SAFETY: none, on purpose.
    unsafe {
        let block = std::hint::black_box(libc::malloc(24));
        libc::free(block);
        libc::free(std::hint::black_box(block));
    }
}

/// How much of this process's writable memory is a view of memory files. Needs `/proc`.
pub(crate) fn file_backed_bytes() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let views = maps.lines().filter(|l| l.contains(" rw-p ") && l.contains("memfd:rules"));
    views.filter_map(readable_range).map(|(start, end)| end - start).sum()
}

fn readable_range(line: &str) -> Option<(usize, usize)> {
    let (range, rest) = line.split_once(' ')?;
    if !rest.starts_with('r') {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let hex = |text| usize::from_str_radix(text, 16).ok();
    Some((hex(start)?, hex(end)?))
}
