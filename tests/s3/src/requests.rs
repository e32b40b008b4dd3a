//! What was asked of the server: figures for tests and benches.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

/// Counts since the start of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// Allowed requests by operation.
    pub allowed: BTreeMap<String, u64>,
    /// Refused requests by access key id and operation, as `generate PutObject`.
    pub denied: BTreeMap<String, u64>,
    /// Allowed requests by access key id, operation and object, as
    /// `generate GetObject payloads/logs/…`: how often did who fetch a payload?
    pub objects: BTreeMap<String, u64>,
}

/// The counts that the server's tasks share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<Mutex<Requests>>);

impl Counter {
    pub(crate) fn allowed(
        &self,
        access_key_id: &str,
        operation: &str,
        object: Option<(&str, &str)>,
    ) {
        let mut requests = self.lock();
        *requests.allowed.entry(operation.to_owned()).or_default() += 1;
        if let Some((bucket, key)) = object {
            let what = format!("{access_key_id} {operation} {bucket}/{key}");
            *requests.objects.entry(what).or_default() += 1;
        }
    }

    pub(crate) fn denied(&self, access_key_id: &str, operation: &str) {
        *self.lock().denied.entry(format!("{access_key_id} {operation}")).or_default() += 1;
    }

    pub(crate) fn now(&self) -> Requests {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        // Counts are whole between any two statements, so a panic elsewhere spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
