//! Questions asked before a client is used, so that a wrong password, a missing topic or a
//! missing ACL has its own message instead of a wait for nothing.

use std::time::Duration;

use rdkafka::{
    ClientConfig, ClientContext,
    client::Client,
    config::FromClientConfigAndContext as _,
    consumer::{BaseConsumer, Consumer as _},
    error::RDKafkaErrorCode as Code,
    metadata::Metadata,
};

use super::{
    denial::{Asking, refused, unmade},
    rebalance::Signals,
    settings::Settings,
};
use crate::{
    admin::offsets::{self, Held},
    deadline::Deadline,
    ffi::Refusal,
    log::ConsumerError,
};

/// A question to brokers waits without looking at what the client reports meanwhile.
const LOOK_UP_EVERY: Duration = Duration::from_millis(250);

/// Opens a client, and waits until a broker has let it in.
pub(super) fn connect(
    config: &ClientConfig,
    principal: &str,
    timeout: Duration,
) -> Result<BaseConsumer<Signals>, ConsumerError> {
    let client = BaseConsumer::from_config_and_context(config, Signals::default())
        .map_err(|error| unmade(config, &error))?;
    let deadline = Deadline::after(timeout);
    let events = &client.context().events;
    // Any request makes the client connect at once; by itself it begins a second later. What comes
    // of this one is looked for below, since a broker may be slower than one look.
    drop(client.fetch_metadata(None, LOOK_UP_EVERY));
    // The cluster's id is the smallest thing that only a broker knows.
    while client.client().fetch_cluster_id(deadline.slice(LOOK_UP_EVERY)).is_none() {
        // Serves callbacks. Nothing is assigned yet, so that no record can get lost here.
        drop(client.poll(Duration::ZERO));
        if let Some(words) = events.take_refused() {
            return Err(ConsumerError::Denied(refused(principal, &words)));
        }
        if deadline.passed() {
            return Err(ConsumerError::Unavailable(nobody_answers(config, &events.last_words())));
        }
    }
    Ok(client)
}

/// A wrong port or the wrong kind of TLS looks just like a broker that is down.
fn nobody_answers(config: &ClientConfig, why: &str) -> String {
    let address = config.get("bootstrap.servers").unwrap_or_default();
    let why = if why.is_empty() { "silence" } else { why };
    format!(
        "nobody answers at {address} ({why}); \
         is the address right, is TLS on or off as on the broker, and does it run?"
    )
}

/// How many partitions a topic has.
pub(super) fn partitions(
    client: &BaseConsumer<Signals>,
    asking: &Asking,
    topic: &str,
    settings: &Settings,
) -> Result<i32, ConsumerError> {
    let asking = Asking { topics: vec![topic.to_owned()], ..asking.clone() };
    let metadata = client
        .fetch_metadata(Some(topic), settings.connect_timeout)
        .map_err(|error| asking.explain_error(&error))?;
    match count(topic, &metadata) {
        Ok(count) => Ok(count),
        Err(refusal) if refusal.code == Code::UnknownTopicOrPartition => {
            let words = format!("topic {topic} does not exist; `cordon topology apply` makes it");
            Err(ConsumerError::Unavailable(words))
        }
        Err(refusal) => Err(asking.explain(refusal)),
    }
}

fn count(topic: &str, metadata: &Metadata) -> Result<i32, Refusal> {
    let absent =
        || Refusal { code: Code::UnknownTopicOrPartition, words: "not in the answer".to_owned() };
    let found = metadata.topics().iter().find(|found| found.name() == topic).ok_or_else(absent)?;
    match found.error().and_then(Refusal::of_code) {
        Some(refusal) => Err(refusal),
        None => Ok(i32::try_from(found.partitions().len()).unwrap_or(i32::MAX)),
    }
}

/// Those of the topics that the principal may not even see, since what librdkafka says of a denial
/// names none of several; all of them where it sees each, but may not do with it what it wanted.
pub(super) fn denied<C: ClientContext>(
    client: &Client<C>,
    topics: Vec<String>,
    timeout: Duration,
) -> Vec<String> {
    let is_denied = |topic: &&String| {
        let answer = client.fetch_metadata(Some(topic), timeout);
        let refusal = answer.ok().and_then(|metadata| count(topic, &metadata).err());
        refusal.is_some_and(|refusal| refusal.code == Code::TopicAuthorizationFailed)
    };
    let found: Vec<String> = match &topics[..] {
        [] | [_] => Vec::new(),
        several => several.iter().filter(is_denied).cloned().collect(),
    };
    if found.is_empty() { topics } else { found }
}

/// Whether the principal may use its group.
pub(super) fn group(
    client: &BaseConsumer<Signals>,
    asking: &Asking,
    settings: &Settings,
) -> Result<(), ConsumerError> {
    let native = client.client().native_client();
    match offsets::of_group(native, &asking.group, Held::Before, settings.connect_timeout) {
        Ok(_) => Ok(()),
        Err(refusal) => Err(asking.explain(refusal)),
    }
}
