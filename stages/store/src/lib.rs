//! Objects: immutable payloads in S3, or in a directory that behaves like it.
//!
//! The key idea: an object is written once, under a key that nobody can list, and every byte that
//! is read back is checked against a SHA-256 that came by another way. So a courier can trust
//! what it fetched as far as it trusts the pointer that named it, and no further.
//!
//! What both stores promise:
//!
//! - **Written once.** A put never replaces an object ([`PutError::Conflict`]), and an object is
//!   either wholly there or not at all.
//! - **Checked on every get.** Bytes whose digest differs are never returned.
//! - **Bounded.** No call reads more than it was asked for, tries more often than
//!   [`RetryPolicy`] says, or waits longer than its timeouts.
//!
//! Architecture invariant: this crate is the only home of the S3 SDK, it decodes nothing it
//! fetches, and it has *no way to list*: a stage that could list could find what it was not
//! told of. It finds no credentials by itself either: no environment, no profile, no metadata
//! service.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use cordon_records::{Digest, ObjectKey};
//! use cordon_store::{DirectoryStore, Store};
//!
//! let store = Store::Directory(DirectoryStore::open("objects")?);
//! let key = ObjectKey::parse("logs/1700000000000-6f1ddc2a-58a4-4f0c-8d5d-3c1e0b8a9f10")?;
//! let body = bytes::Bytes::from_static(b"payload");
//! let digest = Digest::of(&body);
//! store.put("payloads", &key, body, digest).await?;
//! let range = store.get("payloads", &key, 3, 4, Digest::of(b"load")).await?;
//! assert_eq!(&range[..], b"load");
//! # Ok(())
//! # }
//! ```

mod canary;
mod directory;
mod error;
mod range;
mod requests;
mod retry;
mod s3;

use bytes::Bytes;
use cordon_records::{Digest, ObjectKey};

pub use canary::CanaryKey;
pub use directory::DirectoryStore;
pub use error::{GetError, PutError};
pub use requests::Requests;
pub use retry::{Passing, RetryPolicy};
pub use s3::{Credentials, CredentialsFault, S3Settings, S3Store, SettingsFault};

/// Where payloads lie. Cloning is cheap, and clones share connections.
///
/// An enum rather than a trait object: there are two stores, and async calls stay plain.
#[derive(Clone, Debug)]
pub enum Store {
    /// S3, or anything that speaks its API.
    S3(S3Store),
    /// A directory on this machine.
    Directory(DirectoryStore),
}

impl Store {
    /// The same store, counting its requests anew: connections are shared, counts are not.
    #[must_use]
    pub fn counted(&self) -> Self {
        match self {
            Self::S3(s3) => Self::S3(s3.counted()),
            Self::Directory(directory) => Self::Directory(directory.clone()),
        }
    }

    /// The requests that this store and its clones made.
    pub fn requests(&self) -> Requests {
        match self {
            Self::S3(s3) => s3.requests(),
            Self::Directory(_) => Requests::default(),
        }
    }

    /// Stores a new object whose SHA-256 is `digest`.
    ///
    /// When it returns `Ok` the whole object is there to be read. When it returns an error, or is
    /// dropped, the object may be there all the same: an orphan that nothing names.
    pub async fn put(
        &self,
        bucket: &str,
        key: &ObjectKey,
        body: Bytes,
        digest: Digest,
    ) -> Result<(), PutError> {
        match self {
            Self::S3(s3) => s3.put(bucket, key.as_str(), body, digest).await,
            Self::Directory(directory) => directory.put(bucket, key.as_str(), body, digest).await,
        }
    }

    /// Fetches `range_bytes` bytes from `range_start_bytes` on, whose SHA-256 is `digest`.
    pub async fn get(
        &self,
        bucket: &str,
        key: &ObjectKey,
        range_start_bytes: u64,
        range_bytes: u64,
        digest: Digest,
    ) -> Result<Bytes, GetError> {
        let range = range::ByteRange::new(range_start_bytes, range_bytes)?;
        let bytes = match self {
            Self::S3(s3) => s3.get(bucket, key.as_str(), range).await?,
            Self::Directory(directory) => directory.get(bucket, key.as_str(), range).await?,
        };
        verified(bytes, digest)
    }

    /// Fetches a whole object of at most `size_bytes_max`, for a pointer that names no digest.
    ///
    /// It is checked against the checksum stored with it, which proves that nothing was damaged,
    /// not that nothing was replaced.
    pub async fn get_whole(
        &self,
        bucket: &str,
        key: &ObjectKey,
        size_bytes_max: u64,
    ) -> Result<Bytes, GetError> {
        let (bytes, stored) = match self {
            Self::S3(s3) => s3.get_whole(bucket, key.as_str(), size_bytes_max).await?,
            Self::Directory(directory) => {
                directory.get_whole(bucket, key.as_str(), size_bytes_max).await?
            }
        };
        verified(bytes, stored)
    }

    /// Puts the canary object of a topic's prefix, if it is not there yet.
    pub async fn put_canary(&self, bucket: &str, topic: &CanaryKey) -> Result<(), PutError> {
        let body = Bytes::from_static(CanaryKey::CONTENT);
        let digest = Digest::of(&body);
        let put = match self {
            Self::S3(s3) => s3.put(bucket, topic.as_str(), body, digest).await,
            Self::Directory(directory) => directory.put(bucket, topic.as_str(), body, digest).await,
        };
        match put {
            Err(PutError::Conflict) => Ok(()),
            put => put,
        }
    }

    /// Reads the canary object of a topic's prefix. Where this succeeds, an object of the same
    /// prefix that is [`GetError::MissingOrDenied`] is missing; where it fails, permission is.
    pub async fn get_canary(&self, bucket: &str, topic: &CanaryKey) -> Result<(), GetError> {
        let range = range::ByteRange::new(0, CanaryKey::CONTENT.len() as u64)?;
        let bytes = match self {
            Self::S3(s3) => s3.get(bucket, topic.as_str(), range).await?,
            Self::Directory(directory) => directory.get(bucket, topic.as_str(), range).await?,
        };
        verified(bytes, Digest::of(CanaryKey::CONTENT)).map(|_| ())
    }
}

/// The bytes, if they are the ones that were named.
fn verified(bytes: Bytes, expected: Digest) -> Result<Bytes, GetError> {
    let found = Digest::of(&bytes);
    if found == expected { Ok(bytes) } else { Err(GetError::Digest { expected, found }) }
}
