//! Questions asked before a client is used, so that a wrong password, a missing topic or a
//! missing ACL has its own message instead of a wait for nothing.

use std::time::Duration;

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    error::RDKafkaErrorCode as Code,
};

use super::{
    denial::{Asking, refused},
    rebalance::Signals,
    settings::Settings,
};
use crate::{admin::offsets, deadline::Deadline, ffi::Refusal, log::ConsumerError};

/// A metadata request waits without looking at what the client reports meanwhile.
const LOOK_UP_EVERY: Duration = Duration::from_millis(500);

pub(super) struct Preflight<'a> {
    pub(super) client: &'a BaseConsumer<Signals>,
    pub(super) asking: &'a Asking,
    pub(super) settings: &'a Settings,
}

impl Preflight<'_> {
    /// How many partitions the topic has. The first question, so that it waits for a broker.
    pub(super) fn partitions(&self, topic: &str) -> Result<i32, ConsumerError> {
        let deadline = Deadline::after(self.settings.connect_timeout);
        loop {
            let answer = self.client.fetch_metadata(Some(topic), deadline.slice(LOOK_UP_EVERY));
            let error = match answer {
                Ok(metadata) => return self.count(topic, &metadata),
                Err(error) => error,
            };
            self.look_up()?;
            if deadline.passed() {
                return Err(match self.trouble() {
                    trouble if trouble.is_empty() => self.asking.explain_error(&error),
                    trouble => ConsumerError::Unavailable(trouble),
                });
            }
        }
    }

    fn count(
        &self,
        topic: &str,
        metadata: &rdkafka::metadata::Metadata,
    ) -> Result<i32, ConsumerError> {
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let absent = || ConsumerError::Unavailable(format!("topic {topic} does not exist"));
        let found = found.ok_or_else(absent)?;
        match found.error().and_then(Refusal::of_code) {
            Some(refusal) if refusal.code == Code::UnknownTopicOrPartition => Err(absent()),
            Some(refusal) => {
                let asking = Asking { topics: vec![topic.to_owned()], ..self.asking.clone() };
                Err(asking.explain(refusal))
            }
            None => Ok(i32::try_from(found.partitions().len()).unwrap_or(i32::MAX)),
        }
    }

    /// Whether the principal may use its group.
    pub(super) fn group(&self) -> Result<(), ConsumerError> {
        let client = self.client.client().native_client();
        match offsets::of_group(client, &self.asking.group, self.settings.connect_timeout) {
            Ok(_) => Ok(()),
            Err(refusal) => Err(self.asking.explain(refusal)),
        }
    }

    /// Serves callbacks. Nothing is assigned yet, so that no record can get lost here.
    fn look_up(&self) -> Result<(), ConsumerError> {
        let polled = self.client.poll(Duration::ZERO);
        drop(polled);
        match self.client.context().events.take_refused() {
            Some(words) => Err(ConsumerError::Denied(refused(&self.asking.principal, &words))),
            None => Ok(()),
        }
    }

    fn trouble(&self) -> String {
        self.client.context().events.last_words()
    }
}
