//! A file on its way into cells.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _, Write},
    ops::Range,
    os::{fd::OwnedFd, unix::fs::FileExt},
    path::Path,
};

use cordon_cell::sealed_memfd_from;
use cordon_courier::file::FileInput;
use cordon_records::Digest;
use sha2::{Digest as _, Sha256};

/// A file up to this size is given to its cells whole, in memory that all of them share.
const WHOLE_BYTES_MAX: u64 = 1 << 30;
/// Of a larger one, which must be plain JSON, a cell is given so much at a time: about what it
/// may do.
const WINDOW_BYTES: u64 = 256 << 20;
/// By its beginning a cell recognises the file that its window is of.
const HEAD_BYTES: u64 = 64 << 10;
/// What is read and hashed at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// A file that was hashed.
pub(super) struct InputFile {
    pub(super) file: FileInput,
    pub(super) bytes: u64,
    body: Body,
}

enum Body {
    /// As it was when it was hashed.
    Whole(OwnedFd),
    Large {
        file: File,
        metadata: Metadata,
    },
}

/// What one cell is given of a file.
#[derive(Debug)]
pub(super) struct CellInput {
    pub(super) memory: OwnedFd,
    /// Where in the memory the file's bytes are.
    pub(super) range: Range<i64>,
    /// Where in the file they begin.
    pub(super) at_bytes: i64,
}

impl InputFile {
    /// Reads a file once: into memory if it is small enough, and in any case for its SHA-256.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let bytes = metadata.len();
        let mut sha256 = Sha256::new();
        let body = if bytes <= WHOLE_BYTES_MAX {
            let fill = |memory: &mut dyn Write| hash(&mut file, bytes, &mut sha256, memory);
            Body::Whole(sealed_memfd_from("file", fill)?)
        } else {
            hash(&mut file, bytes, &mut sha256, &mut io::sink())?;
            Body::Large { file, metadata }
        };
        let sha256 = Digest(sha256.finalize().into());
        let file = FileInput { sha256, name: path.display().to_string() };
        Ok(Self { file, bytes, body })
    }

    /// What a cell needs that starts at `at_bytes` of the file.
    pub(super) fn from(&self, at_bytes: u64) -> io::Result<CellInput> {
        match &self.body {
            Body::Whole(memory) => Ok(CellInput {
                memory: memory.try_clone()?,
                range: signed(at_bytes)..signed(self.bytes),
                at_bytes: signed(at_bytes),
            }),
            Body::Large { file, metadata } => self.window(file, metadata, at_bytes),
        }
    }

    fn window(&self, file: &File, metadata: &Metadata, at_bytes: u64) -> io::Result<CellInput> {
        let now = file.metadata()?;
        if now.len() != metadata.len() || now.modified()? != metadata.modified()? {
            return Err(changed());
        }
        // The beginning, then the byte before the window: it tells whether a line begins there.
        let head = HEAD_BYTES.min(at_bytes.saturating_sub(1));
        let start = if at_bytes == 0 { 0 } else { head + 1 };
        let window = WINDOW_BYTES.min(self.bytes - at_bytes);
        let memory = sealed_memfd_from("window", |memory| {
            copy(file, 0..head, memory)?;
            copy(file, at_bytes.saturating_sub(1)..at_bytes + window, memory)
        })?;
        let range = signed(start)..signed(start + window);
        Ok(CellInput { memory, range, at_bytes: signed(at_bytes) })
    }
}

/// No file system holds larger files.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn changed() -> io::Error {
    io::Error::other("it changed while it was read")
}

fn hash(
    file: &mut File,
    bytes: u64,
    sha256: &mut Sha256,
    memory: &mut dyn Write,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut left = file.take(bytes);
    loop {
        let count = left.read(&mut buffer)?;
        if count == 0 {
            return if left.limit() == 0 { Ok(()) } else { Err(changed()) };
        }
        sha256.update(&buffer[..count]);
        memory.write_all(&buffer[..count])?;
    }
}

fn copy(file: &File, range: Range<u64>, memory: &mut dyn Write) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut at = range.start;
    while at < range.end {
        let count = usize::try_from(range.end - at).unwrap_or(BUFFER_BYTES).min(BUFFER_BYTES);
        file.read_exact_at(&mut buffer[..count], at)?;
        memory.write_all(&buffer[..count])?;
        at += count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(input: &CellInput) -> Vec<u8> {
        let file = File::from(input.memory.try_clone().unwrap());
        let mut bytes = vec![0; input.range.end as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn a_file_is_given_whole_from_any_byte_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::write(&path, b"one\ntwo\n").unwrap();
        let input = InputFile::open(&path).unwrap();
        assert_eq!(input.file.sha256, Digest::of(b"one\ntwo\n"));
        fs::write(&path, b"changed").unwrap();
        let second = input.from(4).unwrap();
        assert_eq!(read(&second), b"one\ntwo\n", "as it was when it was hashed");
        assert_eq!((second.range, second.at_bytes), (4..8, 4));
    }

    #[test]
    fn of_a_large_file_a_window_is_given_with_its_beginning_and_the_byte_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        fs::write(&path, &content).unwrap();
        let file = File::open(&path).unwrap();
        let metadata = file.metadata().unwrap();
        let whole = InputFile::open(&path).unwrap();
        let input = InputFile { body: Body::Large { file, metadata }, ..whole };
        for at in [0_u64, 1, 2, 70_000] {
            let window = input.from(at).unwrap();
            let bytes = read(&window);
            let start = window.range.start as usize;
            assert_eq!(bytes[start..], content[at as usize..], "at {at}");
            if at > 0 {
                assert_eq!(bytes[start - 1], content[at as usize - 1], "at {at}");
                assert_eq!(bytes[..start - 1], content[..start - 1], "at {at}");
                assert_eq!(start - 1, (at as usize - 1).min(64 << 10));
            }
        }
        fs::write(&path, b"changed").unwrap();
        assert_eq!(input.from(0).unwrap_err().to_string(), "it changed while it was read");
    }
}
