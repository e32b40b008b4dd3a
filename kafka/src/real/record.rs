//! Copies records out of librdkafka's buffers.

#![expect(unsafe_code, reason = "rust-rdkafka panics over a header name that is not UTF-8")]

use std::{ffi::c_void, ptr};

use bytes::Bytes;
use rdkafka::{
    bindings as rd,
    message::{BorrowedMessage, Message as _},
};

use crate::{
    ffi::text,
    log::{Record, TopicPartition},
};

/// A record of its own. Anyone who may write to a topic chooses these bytes.
pub(super) fn record(at: TopicPartition, message: &BorrowedMessage<'_>) -> Record {
    Record {
        at,
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice).unwrap_or_default(),
        headers: headers(message),
    }
}

/// Headers in order. A name that is not UTF-8 gets replacement characters.
fn headers(message: &BorrowedMessage<'_>) -> Vec<(String, Bytes)> {
    let mut native: *mut rd::rd_kafka_headers_t = ptr::null_mut();
    // SAFETY: the message lives for the call, and keeps the headers that it hands out.
    let found = unsafe { rd::rd_kafka_message_headers(message.ptr(), &raw mut native) };
    if found != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Vec::new();
    }
    (0..).map_while(|index| header(native, index)).collect()
}

/// One header; `None` past the last.
fn header(headers: *const rd::rd_kafka_headers_t, index: usize) -> Option<(String, Bytes)> {
    let (mut name, mut value, mut size) = (ptr::null(), ptr::null::<c_void>(), 0);
    // SAFETY: `headers` belongs to a living message, and the out-pointers are ours.
    let found = unsafe {
        rd::rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut size)
    };
    if found != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return None;
    }
    let bytes = if value.is_null() {
        Bytes::new()
    } else {
        // SAFETY: librdkafka says that `size` bytes are there; they are copied at once.
        Bytes::copy_from_slice(unsafe { std::slice::from_raw_parts(value.cast::<u8>(), size) })
    };
    // SAFETY: a header's name is a C string of the message.
    Some((unsafe { text(name) }, bytes))
}
