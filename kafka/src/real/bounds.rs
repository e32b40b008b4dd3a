//! Where a partition's committed records begin and end.

use std::time::Duration;

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};

use super::rebalance::Signals;
use crate::{
    deadline::Deadline,
    ffi::{SETTLE_EVERY, is_settling},
    log::TopicPartition,
};

/// The first offset, and one past the last that is decided: the client reads committed only, so
/// that an open transaction hides itself and all that follows.
pub(super) fn bounds(
    client: &BaseConsumer<Signals>,
    at: &TopicPartition,
    timeout: Duration,
) -> Result<(i64, i64), KafkaError> {
    let deadline = Deadline::after(timeout);
    loop {
        let error = match client.fetch_watermarks(&at.topic, at.partition, deadline.remaining()) {
            Ok(bounds) => return Ok(bounds),
            Err(error) => error,
        };
        if !error.rdkafka_error_code().is_some_and(is_settling) || deadline.passed() {
            return Err(error);
        }
        std::thread::sleep(deadline.slice(SETTLE_EVERY));
    }
}
