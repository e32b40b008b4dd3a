//! How many requests a store made: what S3 is paid for.

use std::sync::atomic::{AtomicU64, Ordering};

/// Requests that were sent to S3, each attempt of a call on its own, as they are billed. A directory
/// makes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// GET and HEAD.
    pub gets: u64,
    /// PUT.
    pub puts: u64,
    /// Bytes of objects that came.
    pub get_bytes: u64,
    /// Bytes of objects that were sent.
    pub put_bytes: u64,
}

/// Counts them.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    gets: AtomicU64,
    puts: AtomicU64,
    get_bytes: AtomicU64,
    put_bytes: AtomicU64,
}

impl Meter {
    pub(crate) fn get(&self) {
        self.gets.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn got(&self, bytes: usize) {
        self.get_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn put(&self, bytes: usize) {
        self.puts.fetch_add(1, Ordering::Relaxed);
        self.put_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Requests {
        Requests {
            gets: self.gets.load(Ordering::Relaxed),
            puts: self.puts.load(Ordering::Relaxed),
            get_bytes: self.get_bytes.load(Ordering::Relaxed),
            put_bytes: self.put_bytes.load(Ordering::Relaxed),
        }
    }
}
