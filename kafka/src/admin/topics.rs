//! Topics and their settings.

#![expect(unsafe_code, reason = "librdkafka's admin interface is not wrapped")]

use std::{collections::BTreeMap, ffi::c_int, time::Duration};

use rdkafka::{
    bindings as rd,
    client::{Client, NativeClient},
    error::RDKafkaErrorCode as Code,
};

use super::request::{Op, items, make, pointers, request};
use crate::{
    ffi::{Owned, Refusal, c_string, text},
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

/// The settings of a topic that are set on it, rather than taken from the broker.
pub(super) fn settings(
    client: &NativeClient,
    topic: &str,
    timeout: Duration,
) -> Result<BTreeMap<String, String>, Refusal> {
    let resource = resource(topic)?;
    let mut resources = pointers(std::slice::from_ref(&resource));
    request(
        client,
        Op::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
        timeout,
        // SAFETY: the array and what it points to live for the call, which copies them.
        |r| unsafe {
            rd::rd_kafka_DescribeConfigs(r.client, resources.as_mut_ptr(), 1, r.options, r.queue);
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_DescribeConfigs_result(event);
            let mut count = 0;
            let resources = rd::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
            let resources = items(resources, count);
            resource_errors(&resources)?;
            Ok(resources.into_iter().flat_map(|resource| own_settings(resource)).collect())
        },
    )
}

/// # Safety
/// `resource` belongs to a living event.
unsafe fn own_settings(resource: *const rd::rd_kafka_ConfigResource_t) -> BTreeMap<String, String> {
    // SAFETY: the caller's event is alive, and with it the entries and their strings.
    unsafe {
        let mut count = 0;
        let entries = rd::rd_kafka_ConfigResource_configs(resource, &raw mut count);
        items(entries, count)
            .into_iter()
            .filter(|&entry| {
                rd::rd_kafka_ConfigEntry_source(entry)
                    == rd::rd_kafka_ConfigSource_t::RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG
            })
            .map(|entry| {
                let name = text(rd::rd_kafka_ConfigEntry_name(entry));
                (name, text(rd::rd_kafka_ConfigEntry_value(entry)))
            })
            .collect()
    }
}

/// Sets some settings of a topic and leaves the others.
pub(super) fn set_settings(
    client: &NativeClient,
    topic: &str,
    settings: &BTreeMap<String, String>,
    timeout: Duration,
) -> Result<(), Refusal> {
    let resource = resource(topic)?;
    for (key, value) in settings {
        let (key, value) = (c_string(key), c_string(value));
        // SAFETY: all live for the call, which copies the strings; the error is ours.
        let refused = unsafe {
            let error = rd::rd_kafka_ConfigResource_add_incremental_config(
                resource.ptr(),
                key.as_ptr(),
                rd::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET,
                value.as_ptr(),
            );
            let error = Owned::new(error, rd::rd_kafka_error_destroy);
            error.and_then(|error| Refusal::of_error(error.ptr()))
        };
        refused.map_or(Ok(()), Err)?;
    }
    let mut resources = pointers(std::slice::from_ref(&resource));
    request(
        client,
        Op::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS,
        timeout,
        // SAFETY: the array and what it points to live for the call, which copies them.
        |r| unsafe {
            let resources = resources.as_mut_ptr();
            rd::rd_kafka_IncrementalAlterConfigs(r.client, resources, 1, r.options, r.queue);
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_IncrementalAlterConfigs_result(event);
            let mut count = 0;
            let resources =
                rd::rd_kafka_IncrementalAlterConfigs_result_resources(result, &raw mut count);
            resource_errors(&items(resources, count))
        },
    )
}

fn resource(topic: &str) -> Result<Owned<rd::rd_kafka_ConfigResource_t>, Refusal> {
    let name = c_string(topic);
    // SAFETY: the name lives for the call, which copies it, and no words are written.
    unsafe {
        make(
            |_, _| {
                rd::rd_kafka_ConfigResource_new(
                    rd::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC,
                    name.as_ptr(),
                )
            },
            rd::rd_kafka_ConfigResource_destroy,
        )
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

/// # Safety
/// The resources belong to a living event.
unsafe fn resource_errors(
    resources: &[*const rd::rd_kafka_ConfigResource_t],
) -> Result<(), Refusal> {
    for &resource in resources {
        // SAFETY: the caller's event is alive, and with it the resource and its strings.
        let refusal = unsafe {
            let words = text(rd::rd_kafka_ConfigResource_error_string(resource));
            Refusal::of_code(rd::rd_kafka_ConfigResource_error(resource))
                .map(|r| Refusal { words, ..r })
        };
        refusal.map_or(Ok(()), Err)?;
    }
    Ok(())
}

/// Names of all topics the principal may see, with their numbers of partitions.
pub(super) fn list(
    client: &Client<Signals>,
    timeout: Duration,
) -> Result<BTreeMap<String, c_int>, Refusal> {
    let metadata = client.fetch_metadata(None, timeout).map_err(|error| Refusal {
        code: error.rdkafka_error_code().unwrap_or(Code::Unknown),
        words: error.to_string(),
    })?;
    let count = |topic: &rdkafka::metadata::MetadataTopic| {
        c_int::try_from(topic.partitions().len()).unwrap_or(c_int::MAX)
    };
    Ok(metadata.topics().iter().map(|topic| (topic.name().to_owned(), count(topic))).collect())
}
