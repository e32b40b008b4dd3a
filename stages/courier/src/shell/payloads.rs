//! Fetched payloads: held while a batch needs them, cached a while longer.

use std::{collections::BTreeMap, sync::mpsc, time::Duration};

use bytes::Bytes;
use cordon_kafka::log::Log;
use cordon_records::BatchId;
use cordon_store::{CanaryKey, GetError, Store};

use super::{Courier, Message};
use crate::event::{Event, FetchFailure, PayloadRef};

/// A payload cut over several batches is fetched once: it stays here between them. Packed bytes,
/// so this is small against what a cell decodes.
const CACHE_BYTES_MAX: u64 = 32 << 20;
/// Bytes that do not have their digest are fetched again so often: the network may be to blame.
const DIGEST_RETRIES: usize = 2;
/// An object that is not there, or may not be read, is asked for again so often before anybody calls
/// it missing: a grant takes moments to reach every server of S3.
const MISSING_RETRIES: usize = 3;
/// Before the first of them; doubled each time.
const MISSING_PAUSE: Duration = Duration::from_millis(200);

pub(super) struct Payloads {
    store: Store,
    bucket: String,
    whole_bytes_max: u64,
    runtime: tokio::runtime::Handle,
    sender: mpsc::Sender<Message>,
    cache: moka::sync::Cache<PayloadRef, Bytes>,
    /// What the batches in hand use; the cache alone might drop it.
    held: BTreeMap<BatchId, BTreeMap<PayloadRef, Bytes>>,
}

impl Payloads {
    pub(super) fn new<L: Log>(
        courier: &Courier<L>,
        store: Store,
        sender: mpsc::Sender<Message>,
    ) -> Self {
        let cache = moka::sync::Cache::builder()
            .max_capacity(CACHE_BYTES_MAX)
            .weigher(|_, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX))
            .build();
        Self {
            store,
            bucket: courier.settings.bucket.clone(),
            whole_bytes_max: courier.settings.limits.payload_bytes_max.unsigned_abs(),
            runtime: courier.runtime.clone(),
            sender,
            cache,
            held: BTreeMap::new(),
        }
    }

    /// Fetches a payload for a batch, unless it is here already.
    pub(super) fn fetch(&mut self, batch: BatchId, payload: PayloadRef) {
        let here = self.held.values().find_map(|held| held.get(&payload)).cloned();
        self.held.entry(batch).or_default();
        let sender = self.sender.clone();
        if let Some(bytes) = here.or_else(|| self.cache.get(&payload)) {
            // The receiver lives as long as this.
            let _ = sender.send(Message::Arrived { batch, payload, bytes });
            return;
        }
        let (store, bucket) = (self.store.clone(), self.bucket.clone());
        let whole_bytes_max = self.whole_bytes_max;
        self.runtime.spawn(async move {
            let message = match fetch(&store, &bucket, &payload, whole_bytes_max).await {
                Ok(bytes) => Message::Arrived { batch, payload, bytes },
                Err(why) => Message::Happened(Event::Fetched { batch, payload, result: Err(why) }),
            };
            // The slot may have ended meanwhile.
            let _ = sender.send(message);
        });
    }

    /// A payload came. Its batch may have been dropped meanwhile.
    pub(super) fn arrived(&mut self, batch: BatchId, payload: PayloadRef, bytes: Bytes) {
        self.cache.insert(payload.clone(), bytes.clone());
        if let Some(held) = self.held.get_mut(&batch) {
            held.insert(payload, bytes);
        }
    }

    /// A fetched payload of a batch in hand.
    pub(super) fn get(&self, batch: BatchId, payload: &PayloadRef) -> Option<Bytes> {
        self.held.get(&batch)?.get(payload).cloned()
    }

    /// The batch is done with.
    pub(super) fn forget(&mut self, batch: BatchId) {
        self.held.remove(&batch);
    }
}

async fn fetch(
    store: &Store,
    bucket: &str,
    payload: &PayloadRef,
    whole_bytes_max: u64,
) -> Result<Bytes, FetchFailure> {
    for attempt in 0.. {
        let got = match payload.digest {
            Some(digest) => {
                let start = payload.range_start_bytes.unsigned_abs();
                let len = payload.range_bytes.unsigned_abs();
                store.get(bucket, &payload.key, start, len, digest).await
            }
            None => store.get_whole(bucket, &payload.key, whole_bytes_max).await,
        };
        let error = match got {
            Ok(bytes) => return Ok(bytes),
            Err(error) => error,
        };
        tracing::warn!(key = %payload.key, %error, attempt, "fetch failed");
        match error {
            GetError::Digest { .. } | GetError::Truncated { .. } if attempt < DIGEST_RETRIES => {}
            GetError::Digest { .. }
            | GetError::Truncated { .. }
            | GetError::TooLarge { .. }
            | GetError::Unverifiable => return Err(FetchFailure::Digest(error.to_string())),
            GetError::MissingOrDenied if attempt < MISSING_RETRIES => {
                tokio::time::sleep(MISSING_PAUSE * (1 << attempt)).await;
            }
            GetError::MissingOrDenied => {
                return Err(missing_or_denied(store, bucket, payload).await);
            }
            GetError::Unavailable(why) => return Err(FetchFailure::Unavailable(why)),
            GetError::Refused(why) => {
                return Err(FetchFailure::Denied(format!(
                    "get of {bucket}/{}: {why}",
                    payload.key
                )));
            }
        }
    }
    unreachable!("the loop ends by returning")
}

/// S3 gives the same answer for an object that is gone and for one that may not be read. The
/// canary of the same prefix is always there: if it can be read, permission is not the trouble.
async fn missing_or_denied(store: &Store, bucket: &str, payload: &PayloadRef) -> FetchFailure {
    let topic = payload.key.topic();
    let Ok(canary) = CanaryKey::of(topic) else { return FetchFailure::Missing };
    match store.get_canary(bucket, &canary).await {
        Ok(()) => FetchFailure::Missing,
        Err(GetError::Unavailable(why)) => FetchFailure::Unavailable(why),
        Err(error) => FetchFailure::Denied(format!(
            "neither the object nor the canary of {bucket}/{topic} can be read ({error}); \
             grant s3:GetObject on {bucket}/{topic}/*, or put the canary by `cordon topology apply`"
        )),
    }
}
