//! One error per operation; a kind for each thing a courier does about it.

use cordon_records::Digest;

/// Why an object was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The key is taken, and what lies there is not known to be ours. Draw another key and put
    /// again; whatever lies under the old one is an orphan at worst.
    #[error("the key is taken")]
    Conflict,
    /// The bytes do not have the digest they were given with: a bug of the caller, or bad memory.
    /// Nothing was sent.
    #[error("the bytes to store do not have the digest they came with")]
    Digest,
    /// It may pass by itself: throttling, a 5xx, a timeout, the network. Back off and put again,
    /// under the same key.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It will not pass by itself: denied, no such bucket, wrong credentials or region. Stop and
    /// tell a person.
    #[error("the store refuses: {0}")]
    Refused(String),
}

/// Why no bytes were returned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GetError {
    /// The object is not there, or this principal may not read it: S3 answers 403 for both unless
    /// one may list. The prefix's canary tells them apart.
    #[error("the object is missing, or may not be read")]
    MissingOrDenied,
    /// All bytes came, and they are not those that were named.
    #[error("the bytes have SHA-256 {found}, not {expected}")]
    Digest {
        /// The digest that was asked for, or that is stored with the object.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// The object ends before the range does.
    #[error("the object holds {found_bytes} of the range's {range_bytes} bytes")]
    Truncated {
        /// Length of the range.
        range_bytes: u64,
        /// How many of them the object has.
        found_bytes: u64,
    },
    /// The whole object is larger than the caller accepts. Nothing was read.
    #[error("the object has {size_bytes} bytes, more than the limit of {size_bytes_max}")]
    TooLarge {
        /// Its size.
        size_bytes: u64,
        /// The caller's limit.
        size_bytes_max: u64,
    },
    /// No SHA-256 of the whole object is stored with it, so that it cannot be verified: cordon
    /// did not write it.
    #[error("the object has no stored SHA-256 to verify it against")]
    Unverifiable,
    /// It may pass by itself: throttling, a 5xx, a timeout, the network, a body that broke off.
    /// Back off and get again.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It will not pass by itself: no such bucket, wrong credentials or region. Stop and tell a
    /// person.
    #[error("the store refuses: {0}")]
    Refused(String),
}

impl PutError {
    /// Says where the store is, if that matters.
    pub(crate) fn at(self, place: &str) -> Self {
        match self {
            Self::Unavailable(words) => Self::Unavailable(format!("{place}: {words}")),
            Self::Refused(words) => Self::Refused(format!("{place}: {words}")),
            error => error,
        }
    }
}

impl GetError {
    /// Says where the store is, if that matters.
    pub(crate) fn at(self, place: &str) -> Self {
        match self {
            Self::Unavailable(words) => Self::Unavailable(format!("{place}: {words}")),
            Self::Refused(words) => Self::Refused(format!("{place}: {words}")),
            error => error,
        }
    }
}
