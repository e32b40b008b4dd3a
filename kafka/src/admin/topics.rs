//! Topics.

#![expect(unsafe_code, reason = "librdkafka's admin interface is not wrapped")]

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    bindings as rd,
    client::{Client, NativeClient},
    error::RDKafkaErrorCode as Code,
    metadata::{Metadata, MetadataTopic},
};

use super::request::{Op, items, make, request};
use crate::{
    ffi::{Refusal, c_string, text},
    real::Signals,
};

/// A topic to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// How many replicas of each.
    pub replication: i32,
    /// Settings that differ from the broker's.
    pub settings: BTreeMap<String, String>,
}

/// Makes one topic; `false` when it exists already.
pub(super) fn create(
    client: &NativeClient,
    topic: &NewTopic,
    timeout: Duration,
) -> Result<bool, Refusal> {
    let name = c_string(&topic.name);
    // SAFETY: the name lives for the call, which copies it.
    let native = unsafe {
        make(
            |words, size| {
                rd::rd_kafka_NewTopic_new(
                    name.as_ptr(),
                    topic.partitions,
                    topic.replication,
                    words,
                    size,
                )
            },
            rd::rd_kafka_NewTopic_destroy,
        )
    }?;
    for (key, value) in &topic.settings {
        let (key, value) = (c_string(key), c_string(value));
        // SAFETY: topic, key and value live for the call, which copies the strings.
        let set =
            unsafe { rd::rd_kafka_NewTopic_set_config(native.ptr(), key.as_ptr(), value.as_ptr()) };
        Refusal::of_code(set).map_or(Ok(()), Err)?;
    }
    let mut topics = [native.ptr()];
    let made = request(
        client,
        Op::RD_KAFKA_ADMIN_OP_CREATETOPICS,
        timeout,
        // SAFETY: the array and the topic live for the call, which copies them.
        |r| unsafe {
            rd::rd_kafka_CreateTopics(r.client, topics.as_mut_ptr(), 1, r.options, r.queue);
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_CreateTopics_result(event);
            let mut count = 0;
            let topics = rd::rd_kafka_CreateTopics_result_topics(result, &raw mut count);
            topic_errors(&items(topics, count))
        },
    );
    match made {
        Ok(()) => Ok(true),
        Err(refusal) if refusal.code == Code::TopicAlreadyExists => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// Raises a topic's number of partitions to `total`.
pub(super) fn grow(
    client: &NativeClient,
    topic: &str,
    total: i32,
    timeout: Duration,
) -> Result<(), Refusal> {
    let name = c_string(topic);
    let total = usize::try_from(total).unwrap_or(0);
    // SAFETY: the name lives for the call, which copies it.
    let native = unsafe {
        make(
            |words, size| rd::rd_kafka_NewPartitions_new(name.as_ptr(), total, words, size),
            rd::rd_kafka_NewPartitions_destroy,
        )
    }?;
    let mut topics = [native.ptr()];
    request(
        client,
        Op::RD_KAFKA_ADMIN_OP_CREATEPARTITIONS,
        timeout,
        // SAFETY: the array and what it points to live for the call, which copies them.
        |r| unsafe {
            rd::rd_kafka_CreatePartitions(r.client, topics.as_mut_ptr(), 1, r.options, r.queue);
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_CreatePartitions_result(event);
            let mut count = 0;
            let topics = rd::rd_kafka_CreatePartitions_result_topics(result, &raw mut count);
            topic_errors(&items(topics, count))
        },
    )
}

/// Deletes one topic with all that is in it; `false` when there is none.
pub(super) fn delete(
    client: &NativeClient,
    topic: &str,
    timeout: Duration,
) -> Result<bool, Refusal> {
    let name = c_string(topic);
    // SAFETY: the name lives for the call, which copies it.
    let native = unsafe {
        make(|_, _| rd::rd_kafka_DeleteTopic_new(name.as_ptr()), rd::rd_kafka_DeleteTopic_destroy)
    }?;
    let mut topics = [native.ptr()];
    let deleted = request(
        client,
        Op::RD_KAFKA_ADMIN_OP_DELETETOPICS,
        timeout,
        // SAFETY: the array and the topic live for the call, which copies them.
        |r| unsafe {
            rd::rd_kafka_DeleteTopics(r.client, topics.as_mut_ptr(), 1, r.options, r.queue);
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_DeleteTopics_result(event);
            let mut count = 0;
            let topics = rd::rd_kafka_DeleteTopics_result_topics(result, &raw mut count);
            topic_errors(&items(topics, count))
        },
    );
    match deleted {
        Ok(()) => Ok(true),
        Err(refusal) if refusal.code == Code::UnknownTopicOrPartition => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// # Safety
/// The results belong to a living event.
unsafe fn topic_errors(topics: &[*const rd::rd_kafka_topic_result_t]) -> Result<(), Refusal> {
    for &topic in topics {
        // SAFETY: the caller's event is alive, and with it the topic and its strings.
        let refusal = unsafe {
            let words = text(rd::rd_kafka_topic_result_error_string(topic));
            Refusal::of_code(rd::rd_kafka_topic_result_error(topic)).map(|r| Refusal { words, ..r })
        };
        refusal.map_or(Ok(()), Err)?;
    }
    Ok(())
}

/// A topic's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicShape {
    /// How many partitions it has.
    pub partitions: i32,
    /// How many replicas the partition with the fewest has.
    pub replicas: i32,
}

/// All topics the principal may see.
pub(super) fn list(
    client: &Client<Signals>,
    timeout: Duration,
) -> Result<BTreeMap<String, TopicShape>, Refusal> {
    let shape = |topic: &MetadataTopic| {
        let replicas = topic.partitions().iter().map(|partition| partition.replicas().len()).min();
        TopicShape {
            partitions: count(topic.partitions().len()),
            replicas: count(replicas.unwrap_or(0)),
        }
    };
    let metadata = metadata(client, timeout)?;
    Ok(metadata.topics().iter().map(|topic| (topic.name().to_owned(), shape(topic))).collect())
}

/// Ids of all brokers.
pub(super) fn brokers(client: &Client<Signals>, timeout: Duration) -> Result<Vec<i32>, Refusal> {
    let metadata = metadata(client, timeout)?;
    Ok(metadata.brokers().iter().map(|broker| broker.id()).collect())
}

fn metadata(client: &Client<Signals>, timeout: Duration) -> Result<Metadata, Refusal> {
    client.fetch_metadata(None, timeout).map_err(|error| Refusal {
        code: error.rdkafka_error_code().unwrap_or(Code::Unknown),
        words: error.to_string(),
    })
}

fn count(items: usize) -> i32 {
    i32::try_from(items).unwrap_or(i32::MAX)
}
