//! The one call that lists.

use std::{fmt, sync::Arc};

use aws_sdk_s3::{Client, operation::list_objects_v2::ListObjectsV2Output, types::Object};
use cordon_records::ObjectKey;
use cordon_store::{RetryPolicy, S3Settings, SettingsFault};

use crate::{
    ListError,
    walk::{Standing, Walk},
};

/// A client for the principal that may list. It has no other call.
#[derive(Clone)]
pub struct Lister {
    client: Client,
    retry: RetryPolicy,
    /// Where it looks, for messages.
    place: Arc<str>,
}

/// A payload, as far as a listing tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its key.
    pub key: ObjectKey,
    /// Its size.
    pub size_bytes: i64,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Payloads that are walked, by name.
    pub found: Vec<Found>,
    /// Objects that are no payloads, and are left alone: the canary.
    pub strangers: u64,
    /// Prefixes below, whose keys are not walked: shards.
    pub below: Vec<String>,
    /// The name behind which the next page begins; `None` when this is the last.
    pub next: Option<String>,
}

impl Lister {
    /// Makes a client. Nothing is sent before the first call.
    pub fn new(settings: &S3Settings) -> Result<Self, SettingsFault> {
        let config = settings.sdk_config()?.build();
        let place = settings.place().into();
        Ok(Self { client: Client::from_conf(config), retry: settings.retry, place })
    }

    /// The next page of a walk, from behind this name; from its beginning when there is none.
    /// A page that is asked for again is the same, but for objects that came or went.
    pub async fn page(
        &self,
        bucket: &str,
        walk: &Walk,
        behind: Option<&str>,
    ) -> Result<Page, ListError> {
        let behind = behind.map(str::to_owned).or_else(|| walk.start());
        let listed = self.retry.run(async || self.list(bucket, walk, behind.clone()).await).await;
        let listed = listed.map_err(|error| match error {
            ListError::Unavailable(words) => {
                ListError::Unavailable(format!("{}: {words}", self.place))
            }
            ListError::Refused(words) => ListError::Refused(format!("{}: {words}", self.place)),
        })?;
        Ok(page_of(walk, &listed))
    }

    async fn list(
        &self,
        bucket: &str,
        walk: &Walk,
        behind: Option<String>,
    ) -> Result<ListObjectsV2Output, ListError> {
        self.client
            .list_objects_v2()
            .bucket(bucket)
            .prefix(walk.prefix())
            // What lies below is told once, and not walked.
            .delimiter("/")
            .set_start_after(behind)
            .send()
            .await
            .map_err(|error| ListError::of(&error, bucket))
    }
}

fn page_of(walk: &Walk, listed: &ListObjectsV2Output) -> Page {
    let below = listed.common_prefixes().iter().filter_map(|common| common.prefix());
    let below: Vec<String> = below.map(str::to_owned).collect();
    // By name: S3 gives keys and prefixes in two lists.
    let last_key = listed.contents().iter().filter_map(Object::key).max();
    let last = last_key.max(below.iter().map(String::as_str).max()).map(str::to_owned);
    let mut page = Page { below, ..Page::default() };
    let mut is_over = false;
    for object in listed.contents() {
        let (Some(key), size_bytes) = (object.key(), object.size().unwrap_or(0)) else { continue };
        match walk.standing(key) {
            Standing::Inside => match ObjectKey::parse(key) {
                Ok(key) => page.found.push(Found { key, size_bytes }),
                Err(_) => page.strangers += 1,
            },
            Standing::Outside => {}
            Standing::Behind => is_over = true,
            Standing::Stranger => page.strangers += 1,
        }
    }
    if !is_over && listed.is_truncated() == Some(true) {
        page.next = last;
    }
    page
}

impl fmt::Debug for Lister {
    /// The client's own `Debug` is long, and one step away from credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lister").field("place", &self.place).finish_non_exhaustive()
    }
}
