//! A model of Apache Kafka in memory: the simulator's broker, and what `cordon demo` runs on.
//!
//! [`Broker`] is the core: a plain struct without threads, clock or randomness, so that the same
//! calls always give the same answers. [`ModelLog`] shares it between consumers and producers of
//! the [log seam](crate::log). Two ways of use:
//!
//! - **Simulated.** One thread drives everything with timeouts of zero, moves time by
//!   [`Broker::advance`] and injects trouble by [`Faults`].
//! - **Embedded.** Each slot has its thread, and `poll` sleeps until there is news or its timeout
//!   is over.
//!
//! What is modelled is what the conformance suite can see through the seam: control records that
//! take offsets, the last stable offset, producer epochs, transactions that linger or time out,
//! group generations, cooperative hand-over, pending offsets. What is absent: disks, replicas,
//! compaction, quotas, ACLs. Where the model and Apache Kafka differ, Apache Kafka is right.
//!
//! ```
//! use std::time::Duration;
//! use cordon_kafka::{log::{Consumer, Log, Polled}, model::ModelLog};
//!
//! let log = ModelLog::default();
//! log.drive(|broker| broker.create_topic("logs", 2));
//! let mut consumer = log.consumer("generate", &["logs"])?;
//! assert!(matches!(consumer.poll(Duration::ZERO)?, Polled::Assigned(both) if both.len() == 2));
//! # Ok::<(), cordon_kafka::log::ConsumerError>(())
//! ```

mod assign;
mod broker;
mod consumer;
mod faults;
mod group;
mod mutation;
mod partition;
mod producer;
mod requests;
mod transaction;

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

pub use broker::{Broker, ImportError, Limits};
pub use consumer::ModelConsumer;
pub use faults::{Call, Faults, Step, Verdict};
pub use group::MemberId;
pub use mutation::Mutation;
pub use producer::ModelProducer;

use crate::log::{ConsumerError, Log};

/// The model log. Clones share one [`Broker`].
#[derive(Clone, Default)]
pub struct ModelLog {
    shared: Arc<Shared>,
}

/// What all clients of one model log share.
#[derive(Default)]
struct Shared {
    /// The whole state. Every call holds it from its beginning to its end, so calls are atomic.
    broker: Mutex<Broker>,
    /// Rung after each call that may have made news, for those who sleep in `poll`.
    news: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Broker> {
        self.broker.lock().expect("no client panics inside the broker")
    }

    /// Runs one call on the broker and wakes who waits for its effects.
    fn call<R>(&self, act: impl FnOnce(&mut Broker) -> R) -> R {
        let answer = act(&mut self.lock());
        self.news.notify_all();
        answer
    }
}

impl ModelLog {
    /// An empty broker with these limits.
    pub fn new(limits: Limits) -> Self {
        Self::of(Broker::new(limits))
    }

    /// A broker that is wrong in one way, to prove that the conformance suite notices.
    #[doc(hidden)]
    pub fn mutant(limits: Limits, mutation: Mutation) -> Self {
        Self::of(Broker::mutant(limits, mutation))
    }

    fn of(broker: Broker) -> Self {
        let shared = Shared { broker: Mutex::new(broker), news: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Does what is not a client's to do: create topics, move time, expire members, read results.
    pub fn drive<R>(&self, act: impl FnOnce(&mut Broker) -> R) -> R {
        self.shared.call(act)
    }
}

impl Log for ModelLog {
    type Consumer = ModelConsumer;
    type Producer = ModelProducer;

    fn consumer(&self, group: &str, topics: &[&str]) -> Result<ModelConsumer, ConsumerError> {
        self.partitions(topics)?;
        Ok(ModelConsumer::new(self.shared.clone(), group, topics))
    }

    fn producer(&self, transactional_id: &str) -> Result<ModelProducer, ConsumerError> {
        Ok(ModelProducer::new(self.shared.clone(), transactional_id))
    }

    fn partitions(&self, topics: &[&str]) -> Result<Vec<i32>, ConsumerError> {
        let shared = self.shared.lock();
        let count = |topic: &&str| {
            let unknown = || ConsumerError::Denied(format!("there is no topic {topic}"));
            shared.partitions(topic).ok_or_else(unknown)
        };
        topics.iter().map(count).collect()
    }
}
