//! Why a record was not delivered.
//!
//! Without delivery reports a commit only says that some were not. The first reason is kept.

use std::sync::Mutex;

use rdkafka::error::RDKafkaErrorCode as Code;

use super::{events::lock, native::Fault};

/// The first failed delivery of the open transaction. librdkafka's threads write.
#[derive(Debug, Default)]
pub(super) struct Deliveries(Mutex<Option<Failure>>);

#[derive(Clone, Debug)]
struct Failure {
    code: Code,
    topic: String,
}

impl Deliveries {
    /// A transaction begins.
    pub(super) fn clear(&self) {
        *lock(&self.0) = None;
    }

    /// A record was given up. Purged ones are only the consequence of what came before.
    pub(super) fn failed(&self, code: Code, topic: String) {
        if !matches!(code, Code::NoError | Code::PurgeQueue | Code::PurgeInflight) {
            lock(&self.0).get_or_insert(Failure { code, topic });
        }
    }

    /// Says what librdkafka means by "failed delivery, see individual delivery reports".
    pub(super) fn explain(&self, fault: Fault) -> Fault {
        if fault.code != Code::Inconsistent {
            return fault;
        }
        match lock(&self.0).clone() {
            None => fault,
            Some(Failure { code, topic }) => {
                Fault { code, words: format!("a record for topic {topic}: {code}"), ..fault }
            }
        }
    }
}
