//! Memory files: how bytes go into a cell and come out of it.
//!
//! Inputs are sealed against every change. Results are sized before the cell sees them and sealed
//! against growing and shrinking: a write past the end is then EPERM, an error its writer can
//! report, where RLIMIT_FSIZE would be a signal and would limit all of them by one number. Sizing
//! costs nothing: pages come into being when they are written.

use std::{
    fs::File,
    io::{self, Write},
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::fs::FileExt,
    },
};

use rustix::fs::{MemfdFlags, SealFlags};

/// Nothing about an input may change.
const INPUT_SEALS: SealFlags =
    SealFlags::WRITE.union(SealFlags::GROW).union(SealFlags::SHRINK).union(SealFlags::SEAL);

/// A result may be written, within its size.
const RESULT_SEALS: SealFlags = SealFlags::GROW.union(SealFlags::SHRINK).union(SealFlags::SEAL);

/// A memfd without size or seals.
pub(crate) fn empty_memfd(name: &str) -> io::Result<OwnedFd> {
    create(name).map(OwnedFd::from)
}

fn create(name: &str) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    Ok(File::from(rustix::fs::memfd_create(name, flags)?))
}

/// A memfd that holds `parts` one after another and can never change again.
///
/// The name is for `/proc` only.
///
/// # Errors
///
/// Whatever the kernel says: out of memory or of descriptors.
pub fn sealed_memfd(name: &str, parts: &[&[u8]]) -> io::Result<OwnedFd> {
    sealed_memfd_from(name, |memory| parts.iter().try_for_each(|part| memory.write_all(part)))
}

/// A memfd that holds what `fill` writes and can never change again: for inputs that nobody wants
/// to hold twice.
///
/// # Errors
///
/// Those of `fill`, and whatever the kernel says: out of memory or of descriptors.
pub fn sealed_memfd_from(
    name: &str,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<OwnedFd> {
    let mut file = create(name)?;
    fill(&mut file)?;
    rustix::fs::fcntl_add_seals(&file, INPUT_SEALS)?;
    Ok(file.into())
}

/// An empty memfd of exactly `bytes_max` zero bytes, none of which takes memory yet.
pub(crate) fn result_memfd(name: &str, bytes_max: u64) -> io::Result<OwnedFd> {
    let file = create(name)?;
    rustix::fs::ftruncate(&file, bytes_max)?;
    rustix::fs::fcntl_add_seals(&file, RESULT_SEALS)?;
    Ok(file.into())
}

/// How many bytes a memfd holds.
pub(crate) fn len(fd: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(u64::try_from(rustix::fs::fstat(fd)?.st_size).unwrap_or(0))
}

/// Whether `fd` holds at least `bytes` that can neither change nor go away.
pub(crate) fn is_sealed_input(fd: BorrowedFd<'_>, bytes: u64) -> bool {
    has_seals(fd, INPUT_SEALS) && len(fd).is_ok_and(|len| len >= bytes)
}

/// Whether `fd` has a size that its writer cannot change.
pub(crate) fn is_sealed_result(fd: BorrowedFd<'_>) -> bool {
    has_seals(fd, RESULT_SEALS)
}

fn has_seals(fd: BorrowedFd<'_>, wanted: SealFlags) -> bool {
    rustix::fs::fcntl_get_seals(fd).is_ok_and(|seals| seals.contains(wanted))
}

/// The first `bytes` of a memfd whose writer is dead.
pub(crate) fn read_published(fd: OwnedFd, bytes: u64) -> io::Result<Vec<u8>> {
    let mut published = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
    File::from(fd).read_exact_at(&mut published, 0)?;
    Ok(published)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_sealed_memfd_holds_its_parts_and_never_changes() {
        let fd = sealed_memfd("test", &[b"one ", b"", b"two"]).unwrap();
        assert!(is_sealed_input(fd.as_fd(), 7));
        assert!(!is_sealed_input(fd.as_fd(), 8), "it holds seven bytes");
        let file = File::from(fd);
        let write = file.write_at(b"x", 0).unwrap_err();
        assert_eq!(write.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(read_published(file.into(), 7).unwrap(), b"one two");
    }

    #[test]
    fn a_result_takes_its_size_and_not_a_byte_more() {
        let fd = result_memfd("test", 10).unwrap();
        assert!(is_sealed_result(fd.as_fd()));
        assert!(!is_sealed_input(fd.as_fd(), 10), "it can be written");
        let file = File::from(fd);
        file.write_all_at(b"0123456789", 0).unwrap();
        let overrun = file.write_all_at(b"x", 10).unwrap_err();
        assert_eq!(overrun.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(read_published(file.into(), 10).unwrap(), b"0123456789");
    }

    #[test]
    fn an_ordinary_file_is_no_input() {
        let file = tempfile::tempfile().unwrap();
        assert!(!is_sealed_input(file.as_fd(), 0));
        assert!(!is_sealed_result(file.as_fd()));
    }
}
