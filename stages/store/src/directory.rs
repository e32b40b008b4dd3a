//! A directory that behaves like S3: the store of the embedded default.

use std::{
    fs, io,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use cordon_records::Digest;

use crate::{GetError, PutError, range::ByteRange};

/// Objects as files: `<root>/<bucket>/<key>`. A bucket appears with its first object.
///
/// An object is written beside its place and linked into it, so that it appears whole, and the
/// link fails when the name is taken: that is S3's `If-None-Match: *`. The SHA-256 that S3 keeps
/// with an object lies in `<root>/.sha256/<bucket>/<key>`, written after the link by the put that
/// won; an object without one is an orphan of a put that was killed.
///
/// Nothing is synced to disk. This store serves the embedded default, whose log lives in memory:
/// after a power failure no pointer is left that could name an object. A killed process loses
/// nothing, because the kernel holds the pages.
#[derive(Clone, Debug)]
pub struct DirectoryStore {
    root: Arc<Path>,
}

/// Objects that are being written. Not a bucket: a bucket's name cannot begin with a dot.
const INCOMING: &str = ".incoming";
/// Stored checksums.
const CHECKSUMS: &str = ".sha256";

impl DirectoryStore {
    /// Opens a store, creating its directory if need be.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        fs::create_dir_all(root.join(INCOMING))?;
        Ok(Self { root: root.into() })
    }

    pub(crate) async fn put(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        digest: Digest,
    ) -> Result<(), PutError> {
        let place = Place::new(&self.root, bucket, key).map_err(PutError::Refused)?;
        blocking(move || place.put(&body, digest)).await.unwrap_or_else(|e| Err(put_error(&e)))
    }

    pub(crate) async fn get(
        &self,
        bucket: &str,
        key: &str,
        range: ByteRange,
    ) -> Result<Bytes, GetError> {
        let place = Place::new(&self.root, bucket, key).map_err(GetError::Refused)?;
        blocking(move || place.get(range)).await.unwrap_or_else(|e| Err(get_error(&e)))
    }

    /// The object and its stored checksum, not yet compared.
    pub(crate) async fn get_whole(
        &self,
        bucket: &str,
        key: &str,
        size_bytes_max: u64,
    ) -> Result<(Bytes, Digest), GetError> {
        let place = Place::new(&self.root, bucket, key).map_err(GetError::Refused)?;
        blocking(move || place.get_whole(size_bytes_max))
            .await
            .unwrap_or_else(|e| Err(get_error(&e)))
    }
}

/// Runs file I/O where it may block. The outer error is that of the file system.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}

/// The files of one object.
struct Place {
    incoming: PathBuf,
    object: PathBuf,
    checksum: PathBuf,
}

impl Place {
    /// `key` is an `ObjectKey` or a `CanaryKey`, neither of which can escape; a bucket is checked
    /// here.
    fn new(root: &Path, bucket: &str, key: &str) -> Result<Self, String> {
        if !is_bucket(bucket) {
            return Err(format!("{bucket:?} is not a bucket's name"));
        }
        Ok(Self {
            incoming: root.join(INCOMING),
            object: root.join(bucket).join(key),
            checksum: root.join(CHECKSUMS).join(bucket).join(key),
        })
    }

    fn put(&self, body: &[u8], digest: Digest) -> io::Result<Result<(), PutError>> {
        if Digest::of(body) != digest {
            return Ok(Err(PutError::Digest));
        }
        create_parent(&self.object)?;
        create_parent(&self.checksum)?;
        match self.file(body)?.persist_noclobber(&self.object) {
            Ok(_) => {
                self.file(digest.to_string().as_bytes())?.persist(&self.checksum)?;
                Ok(Ok(()))
            }
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                // As in S3: the same object again is no conflict.
                let is_ours = self.stored_checksum()? == Some(digest);
                Ok(if is_ours { Ok(()) } else { Err(PutError::Conflict) })
            }
            Err(error) => Err(error.error),
        }
    }

    /// A complete file without a place yet; it goes away if it never gets one.
    fn file(&self, content: &[u8]) -> io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new_in(&self.incoming)?;
        file.write_all(content)?;
        Ok(file)
    }

    fn get(&self, range: ByteRange) -> io::Result<Result<Bytes, GetError>> {
        let mut file = fs::File::open(&self.object)?;
        let after_start_bytes = file.metadata()?.len().saturating_sub(range.start_bytes);
        if let Err(truncated) = range.check_length(after_start_bytes) {
            return Ok(Err(truncated));
        }
        file.seek(SeekFrom::Start(range.start_bytes))?;
        read(&file, range.bytes).map(Ok)
    }

    fn get_whole(&self, size_bytes_max: u64) -> io::Result<Result<(Bytes, Digest), GetError>> {
        let file = fs::File::open(&self.object)?;
        let size_bytes = file.metadata()?.len();
        if size_bytes > size_bytes_max {
            return Ok(Err(GetError::TooLarge { size_bytes, size_bytes_max }));
        }
        let Some(stored) = self.stored_checksum()? else {
            return Ok(Err(GetError::Unverifiable));
        };
        read(&file, size_bytes).map(|bytes| Ok((bytes, stored)))
    }

    fn stored_checksum(&self) -> io::Result<Option<Digest>> {
        match fs::read_to_string(&self.checksum) {
            Ok(text) => Ok(Digest::from_hex(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn create_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Exactly `bytes` bytes, whose presence was checked.
fn read(file: &fs::File, bytes: u64) -> io::Result<Bytes> {
    let capacity = usize::try_from(bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut content = Vec::with_capacity(capacity);
    file.take(bytes).read_to_end(&mut content)?;
    if content.len() == capacity {
        Ok(content.into())
    } else {
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file shrank while it was read"))
    }
}

/// S3's rules for a bucket's name, as far as they keep it one plain directory: 3 to 63 lower-case
/// letters, digits, dots and hyphens, beginning with a letter or digit.
fn is_bucket(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn put_error(error: &io::Error) -> PutError {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            PutError::Refused(error.to_string())
        }
        _ => PutError::Unavailable(error.to_string()),
    }
}

fn get_error(error: &io::Error) -> GetError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => GetError::MissingOrDenied,
        _ => GetError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_one_plain_directory() {
        assert!(is_bucket("payloads") && is_bucket("cordon.payloads-1"));
        for name in ["", "..", "ab", ".incoming", ".sha256", "a/b", "../up", "Payloads", "-ab"] {
            assert!(!is_bucket(name), "{name:?}");
        }
    }
}
