//! What the zygote knows of its own memory, from `/proc/self`, before the jail closes it.

use std::{fs, io, os::fd::AsFd};

use crate::{memfd, sys};

/// A machine short of memory should lose a cell, which costs one batch's work, and not the courier
/// or the broker beside it.
pub(super) fn die_first_when_memory_is_short() {
    if let Err(error) = fs::write("/proc/self/oom_score_adj", "800") {
        tracing::warn!(%error, "cells are as likely as others to be killed when memory is short");
    }
}

/// What a cell has before it allocates anything: its limits count from here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Baseline {
    /// Private writable memory, as RLIMIT_DATA counts it, and the stack.
    pub(super) data_bytes: u64,
    /// Address space, as RLIMIT_AS counts it.
    pub(super) space_bytes: u64,
    /// How far its priority is below normal.
    pub(super) niceness: i32,
}

impl Baseline {
    pub(super) fn of_this_process() -> io::Result<Self> {
        let statm = fs::read_to_string("/proc/self/statm")?;
        let baseline = Self::parse(&statm, sys::page_bytes())
            .ok_or_else(|| io::Error::other("/proc/self/statm is not as proc(5) says"))?;
        Ok(Self { niceness: rustix::process::getpriority_process(None)?, ..baseline })
    }

    /// `statm` holds, in pages: size, resident, shared, text, lib, data, dirty.
    fn parse(statm: &str, page_bytes: u64) -> Option<Self> {
        let mut pages = statm.split_ascii_whitespace().map(str::parse::<u64>);
        Some(Self {
            space_bytes: pages.next()?.ok()? * page_bytes,
            data_bytes: pages.nth(4)?.ok()? * page_bytes,
            niceness: 0,
        })
    }
}

/// A huge page, on the architectures this runs on. Smaller mappings cost a fork next to nothing.
const HUGE_BYTES: usize = 2 << 20;

/// Moves the rules into memory files, which this process and its cells see copy-on-write.
///
/// A fork copies the page tables of anonymous memory, 4 KiB for 4 KiB, and its exit takes them
/// apart again: some 3 ms for 128 MB of rules, still 0.3 ms when huge pages back them. Of a file's
/// view it copies nothing: what a cell needs it finds by faults, and of what it does not need
/// there is no cost. Done once, in the time of a copy.
///
/// Returns how many bytes were moved. What cannot be moved makes cells slower to fork, no more.
pub(super) fn move_into_files() -> io::Result<usize> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let ranges: Vec<_> = maps.lines().filter_map(movable).collect();
    let moved = ranges.into_iter().filter_map(|(start, end)| {
        let file = memfd::empty_memfd("rules").ok()?;
        sys::move_into_file(file.as_fd(), start, end - start).ok()?;
        Some(end - start)
    });
    Ok(moved.sum())
}

/// The part of a mapping that is worth moving, if the mapping is private, writable and of no file.
fn movable(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (range, permissions) = (fields.next()?, fields.next()?);
    let (inode, name) = (fields.nth(2)?, fields.next());
    if permissions != "rw-p" || inode != "0" || !matches!(name, None | Some("[heap]")) {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?.next_multiple_of(HUGE_BYTES);
    let end = usize::from_str_radix(end, 16).ok()? / HUGE_BYTES * HUGE_BYTES;
    (start < end).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statm_is_read_as_proc_documents_it() {
        let baseline = Baseline::parse("1000 200 150 10 0 300 0\n", 4096).unwrap();
        assert_eq!(baseline.space_bytes, 1000 * 4096);
        assert_eq!(baseline.data_bytes, 300 * 4096);
        assert!(Baseline::parse("1000 200", 4096).is_none());
    }

    #[test]
    fn only_private_writable_memory_of_no_file_is_moved() {
        let heap = "555500100000-555501000000 rw-p 00000000 00:00 0          [heap]";
        assert_eq!(movable(heap), Some((0x5555_0020_0000, 0x5555_0100_0000)));
        let anonymous = "7f0000000000-7f0000400000 rw-p 00000000 00:00 0 ";
        assert_eq!(movable(anonymous), Some((0x7f00_0000_0000, 0x7f00_0040_0000)));
        for other in [
            "7f0000000000-7f0000100000 rw-p 00000000 00:00 0 ",
            "7f0000000000-7f0000400000 r--p 00000000 00:00 0 ",
            "7f0000000000-7f0000400000 rw-s 00000000 00:01 12 /dev/zero (deleted)",
            "7f0000000000-7f0000400000 rw-p 00000000 08:01 99 /usr/lib/libc.so.6",
            "7ffd00000000-7ffd00800000 rw-p 00000000 00:00 0          [stack]",
            "",
        ] {
            assert_eq!(movable(other), None, "{other}");
        }
    }
}
