//! What a body that was taken over would try. Raw calls, so that nothing but the jail is between
//! it and the kernel.
#![expect(unsafe_code, reason = "an attacker is not bound by Rust")]

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    os::unix::fs::FileExt,
    ptr,
};

/// Each attempt with its name.
pub(crate) const ATTEMPTS: &[&str] = &[
    "open",
    "exec",
    "fork",
    "vfork",
    "thread",
    "clone3",
    "socket-inet",
    "socket-unix",
    "socket-netlink",
    "socketpair",
    "kill-parent",
    "tgkill-parent",
    "tgkill-self-kill",
    "ptrace",
    "read-other-memory",
    "pidfd",
    "io-uring",
    "bpf",
    "userfaultfd",
    "memfd",
    "ftruncate",
    "map-executable",
    "make-executable",
    "map-shared",
    "sleep",
    "wait",
    "read-stdin",
    "write-stdout",
    "receive-elsewhere",
    "duplicate-descriptor",
    "raise-limit",
    "become-dumpable",
    "unshare",
    "chroot",
    "landlock",
    "handle-signal",
];

/// Makes one attempt. The number is what the kernel answered; in the jail there is no answer.
pub(crate) fn run(name: &str) -> i64 {
    let nothing = ptr::null::<u8>();
    let page = 4096usize;
    let parent = std::os::unix::process::parent_id().cast_signed();
    // SAFETY: whatever memory these calls are given is valid or deliberately null; the point is
    // whether they are made at all.
    unsafe {
        match name {
            "open" => libc::open(c"/etc/passwd".as_ptr(), libc::O_RDONLY).into(),
            "exec" => libc::execl(c"/nonexistent".as_ptr(), nothing.cast(), nothing).into(),
            "fork" => in_child(libc::fork()),
            "vfork" => in_child(libc::syscall(libc::SYS_vfork) as i32),
            "thread" => std::thread::spawn(|| {}).join().map_or(-1, |()| 0),
            "clone3" => libc::syscall(libc::SYS_clone3, nothing, 0),
            "socket-inet" => libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0).into(),
            "socket-unix" => libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0).into(),
            "socket-netlink" => libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, 0).into(),
            "socketpair" => {
                let mut pair = [0; 2];
                libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, pair.as_mut_ptr()).into()
            }
            "kill-parent" => libc::kill(parent, 0).into(),
            "tgkill-parent" => libc::syscall(libc::SYS_tgkill, parent, parent, libc::SIGABRT + 100),
            "tgkill-self-kill" => {
                let own = libc::getpid();
                libc::syscall(libc::SYS_tgkill, own, own, 0)
            }
            "ptrace" => libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0),
            "read-other-memory" => {
                libc::process_vm_readv(parent, ptr::null(), 0, ptr::null(), 0, 0) as i64
            }
            "pidfd" => libc::syscall(libc::SYS_pidfd_open, parent, 0),
            "io-uring" => libc::syscall(libc::SYS_io_uring_setup, 1, nothing),
            "bpf" => libc::syscall(libc::SYS_bpf, 0, nothing, 0),
            "userfaultfd" => libc::syscall(libc::SYS_userfaultfd, 0),
            "memfd" => libc::memfd_create(c"mine".as_ptr(), 0).into(),
            "ftruncate" => libc::ftruncate(6, 0).into(),
            "map-executable" => map(libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE),
            "make-executable" => {
                let start = map(libc::PROT_READ, libc::MAP_PRIVATE) as usize;
                let start = ptr::with_exposed_provenance_mut(start);
                libc::mprotect(start, page, libc::PROT_READ | libc::PROT_EXEC).into()
            }
            "map-shared" => map(libc::PROT_READ, libc::MAP_SHARED),
            "sleep" => libc::usleep(1).into(),
            "wait" => {
                let word = 0u32;
                let now = libc::timespec { tv_sec: 0, tv_nsec: 1 };
                let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
                libc::syscall(libc::SYS_futex, &raw const word, wait, 0, &raw const now)
            }
            "read-stdin" => libc::read(0, [0u8; 8].as_mut_ptr().cast(), 8) as i64,
            "write-stdout" => libc::write(1, nothing.cast(), 0) as i64,
            "receive-elsewhere" => libc::recvmsg(5, ptr::null_mut(), 0) as i64,
            "duplicate-descriptor" => libc::dup(6).into(),
            "raise-limit" => libc::setrlimit(libc::RLIMIT_NOFILE, ptr::null()).into(),
            "become-dumpable" => libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0).into(),
            "unshare" => libc::unshare(libc::CLONE_FS).into(),
            "chroot" => libc::chroot(c"/nonexistent".as_ptr()).into(),
            "landlock" => libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0, 1),
            "handle-signal" => {
                libc::signal(libc::SIGTERM, libc::SIG_DFL);
                0
            }
            other => panic!("unknown attempt {other}"),
        }
    }
}

fn in_child(pid: i32) -> i64 {
    if pid == 0 {
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(0) }
    }
    pid.into()
}

unsafe fn map(protection: i32, flags: i32) -> i64 {
    let flags = flags | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping overlaps nothing.
    let start = unsafe { libc::mmap(ptr::null_mut(), 4096, protection, flags, -1, 0) };
    start.expose_provenance() as i64
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

/// Counts in all readable memory of this process the bytes that are `flipped` with every bit
/// inverted. Returns also how many bytes were searched. Needs `/proc`, so: without the jail.
pub(crate) fn find_flipped(flipped: &[u8]) -> io::Result<(usize, usize)> {
    // What zygotes give up, even to themselves.
    // SAFETY: numbers only.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) };
    let memory = File::open("/proc/self/mem")?;
    let maps = BufReader::new(File::open("/proc/self/maps")?);
    let (mut found, mut searched) = (0, 0);
    for line in maps.lines() {
        let line = line?;
        let Some((start, end)) = readable_range(&line) else {
            continue;
        };
        let mut bytes = vec![0; end - start];
        if memory.read_exact_at(&mut bytes, start as u64).is_err() {
            continue; // [vvar] and the like
        }
        searched += bytes.len();
        // Flipped at once, so that this copy is not found when its own range comes.
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        found += bytes.windows(flipped.len()).filter(|window| *window == flipped).count();
    }
    Ok((found, searched))
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
