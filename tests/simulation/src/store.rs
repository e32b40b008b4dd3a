//! The store of the simulation: objects in memory, put once.

use std::collections::BTreeMap;

use bytes::Bytes;
use cordon_courier::event::{FetchFailure, NewObject, PayloadRef, PutFailure};
use cordon_records::{Digest, ObjectKey};

/// What was stored.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    by_key: BTreeMap<ObjectKey, Bytes>,
    /// Stored, but with bytes that do not have the digest of their pointers.
    damaged: BTreeMap<ObjectKey, Bytes>,
}

impl Objects {
    /// Puts an object of the input.
    pub(crate) fn put_input(&mut self, key: ObjectKey, body: Bytes, is_damaged: bool) {
        if is_damaged {
            self.damaged.insert(key, body);
        } else {
            self.by_key.insert(key, body);
        }
    }

    /// The conditional put: an object that is there already is fine only if it is the same.
    pub(crate) fn put(&mut self, object: &NewObject) -> Result<(), PutFailure> {
        match self.by_key.get(&object.key) {
            Some(there) if *there != object.body => Err(PutFailure::Conflict),
            Some(_) => Ok(()),
            None => {
                self.by_key.insert(object.key.clone(), object.body.clone());
                Ok(())
            }
        }
    }

    /// Reads a range, its digest checked.
    pub(crate) fn get(&self, payload: &PayloadRef) -> Result<Bytes, FetchFailure> {
        if self.damaged.contains_key(&payload.key) {
            return Err(FetchFailure::Digest("another digest".to_owned()));
        }
        let Some(object) = self.by_key.get(&payload.key) else { return Err(FetchFailure::Missing) };
        let Some(digest) = payload.digest else { return Ok(object.clone()) };
        let start = usize::try_from(payload.range_start_bytes).unwrap_or(usize::MAX);
        let len = usize::try_from(payload.range_bytes).unwrap_or(usize::MAX);
        match start.checked_add(len).filter(|end| *end <= object.len()) {
            Some(end) if Digest::of(&object[start..end]) == digest => Ok(object.slice(start..end)),
            _ => Err(FetchFailure::Digest("another digest".to_owned())),
        }
    }
}
