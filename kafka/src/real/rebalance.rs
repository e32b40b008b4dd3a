//! The consumer's callbacks: they only signal.
//!
//! librdkafka would start an assignment at committed offsets by itself, and give up partitions
//! while their batches are in flight. Instead:
//!
//! - An assignment is acknowledged at once with nothing, so that the group goes on while the slot
//!   reads committed offsets, and the slot adds its partitions with offsets when it has them.
//! - A revocation is acknowledged only when the slot released the partitions: the group waits.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::KafkaError,
    types::RDKafkaRespErr,
};

use super::events::{Events, lock, log_line};
use crate::{ffi::entries, log::TopicPartition};

/// A rebalance that the slot has not seen yet.
#[derive(Debug)]
pub(super) enum Change {
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
}

/// The context of a consumer.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    pub(super) events: Events,
    /// Polls and callbacks run on one thread; the lock is for librdkafka's type system.
    changes: Mutex<VecDeque<Change>>,
    /// Set when nobody will answer any more: revocations are acknowledged here.
    closing: AtomicBool,
}

impl Signals {
    pub(super) fn next_change(&self) -> Option<Change> {
        lock(&self.changes).pop_front()
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        lock(&self.changes).clear();
    }

    fn assigned(&self, consumer: &BaseConsumer<Self>, partitions: Vec<TopicPartition>) {
        if let Err(error) = consumer.incremental_assign(&TopicPartitionList::new()) {
            tracing::warn!(%error, "cannot acknowledge an assignment");
        }
        lock(&self.changes).push_back(Change::Assigned(partitions));
    }

    fn revoked(&self, consumer: &BaseConsumer<Self>, partitions: Vec<TopicPartition>) {
        if self.closing.load(Ordering::Relaxed) {
            // All that was started is given up already, so that nothing is left to name.
            if let Err(error) = consumer.incremental_unassign(&TopicPartitionList::new()) {
                tracing::warn!(%error, "cannot acknowledge the last revocation");
            }
            return;
        }
        let change = if consumer.assignment_lost() {
            Change::Lost(partitions)
        } else {
            Change::Revoked(partitions)
        };
        lock(&self.changes).push_back(change);
    }
}

impl ClientContext for Signals {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, words: &str) {
        log_line(level, facility, words);
    }

    fn error(&self, error: KafkaError, words: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            self.events.note(code, words);
        }
    }
}

impl ConsumerContext for Signals {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let partitions = entries(list).into_iter().map(|entry| entry.at).collect();
        match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                self.assigned(consumer, partitions);
            }
            _ => self.revoked(consumer, partitions),
        }
    }
}
