//! Settings of topics and brokers.

#![expect(unsafe_code, reason = "librdkafka's admin interface is not wrapped")]

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{bindings as rd, client::NativeClient};

use super::request::{Op, items, make, pointers, request};
use crate::ffi::{Owned, Refusal, c_string, text};

/// What a setting is in force with, and where that comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its value.
    pub value: String,
    /// Whether it is set on the topic itself, rather than taken from the broker.
    pub is_own: bool,
}

/// Whose settings.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of<'a> {
    Topic(&'a str),
    Broker(i32),
}

/// All settings in force. Those that the broker keeps to itself (secrets, and whatever is not in
/// its own list, such as an authorizer's settings) are left out.
pub(super) fn read(
    client: &NativeClient,
    of: Of<'_>,
    timeout: Duration,
) -> Result<BTreeMap<String, Setting>, Refusal> {
    let resource = resource(of)?;
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
            Ok(resources.into_iter().flat_map(|resource| entries(resource)).collect())
        },
    )
}

/// # Safety
/// `resource` belongs to a living event.
unsafe fn entries(resource: *const rd::rd_kafka_ConfigResource_t) -> BTreeMap<String, Setting> {
    // SAFETY: the caller's event is alive, and with it the entries and their strings.
    unsafe {
        let mut count = 0;
        let entries = rd::rd_kafka_ConfigResource_configs(resource, &raw mut count);
        items(entries, count)
            .into_iter()
            .filter(|&entry| !rd::rd_kafka_ConfigEntry_value(entry).is_null())
            .map(|entry| {
                let is_own = rd::rd_kafka_ConfigEntry_source(entry)
                    == rd::rd_kafka_ConfigSource_t::RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG;
                let value = text(rd::rd_kafka_ConfigEntry_value(entry));
                (text(rd::rd_kafka_ConfigEntry_name(entry)), Setting { value, is_own })
            })
            .collect()
    }
}

/// Sets some settings and leaves the others.
pub(super) fn set(
    client: &NativeClient,
    of: Of<'_>,
    settings: &BTreeMap<String, String>,
    timeout: Duration,
) -> Result<(), Refusal> {
    let resource = resource(of)?;
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

fn resource(of: Of<'_>) -> Result<Owned<rd::rd_kafka_ConfigResource_t>, Refusal> {
    use rd::rd_kafka_ResourceType_t as Kind;
    let (kind, name) = match of {
        Of::Topic(topic) => (Kind::RD_KAFKA_RESOURCE_TOPIC, c_string(topic)),
        Of::Broker(id) => (Kind::RD_KAFKA_RESOURCE_BROKER, c_string(&id.to_string())),
    };
    // SAFETY: the name lives for the call, which copies it, and no words are written.
    unsafe {
        make(
            |_, _| rd::rd_kafka_ConfigResource_new(kind, name.as_ptr()),
            rd::rd_kafka_ConfigResource_destroy,
        )
    }
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
