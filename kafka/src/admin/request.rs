//! One admin request: sent, waited for, read.

#![expect(unsafe_code, reason = "librdkafka's admin interface is not wrapped")]

use std::{ptr, time::Duration};

use rdkafka::{bindings as rd, client::NativeClient, error::RDKafkaErrorCode as Code};

use crate::ffi::{Owned, Refusal, millis, text};

pub(super) use rd::rd_kafka_admin_op_t as Op;

/// Above the request's own timeout, so that librdkafka's answer comes first.
const GRACE: Duration = Duration::from_secs(5);

/// librdkafka writes at most so much of an error.
const WORDS_BYTES_MAX: usize = 256;

/// What a request is made with.
pub(super) struct Request {
    pub(super) client: *mut rd::rd_kafka_t,
    pub(super) options: *mut rd::rd_kafka_AdminOptions_t,
    pub(super) queue: *mut rd::rd_kafka_queue_t,
}

/// Makes one admin request and waits for its answer.
///
/// `submit` must enqueue exactly one request on the queue it is given, and nothing that it passes
/// needs to outlive its call: librdkafka copies. `read` gets the answer, which lives for its
/// call, and is not called when the whole request failed.
pub(super) fn request<T>(
    client: &NativeClient,
    op: Op,
    timeout: Duration,
    submit: impl FnOnce(&Request),
    read: impl FnOnce(*mut rd::rd_kafka_event_t) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let client = client.ptr();
    // SAFETY: the client lives for this function; both objects are ours, and destroyed at its end.
    let (queue, options) = unsafe {
        (
            Owned::new(rd::rd_kafka_queue_new(client), rd::rd_kafka_queue_destroy),
            Owned::new(
                rd::rd_kafka_AdminOptions_new(client, op),
                rd::rd_kafka_AdminOptions_destroy,
            ),
        )
    };
    let (Some(queue), Some(options)) = (queue, options) else {
        return Err(refusal(Code::InvalidArgument, "librdkafka does not know this request"));
    };
    // SAFETY: options are alive; without a buffer no words are written. Only a negative timeout
    // can be refused.
    unsafe {
        rd::rd_kafka_AdminOptions_set_request_timeout(
            options.ptr(),
            millis(timeout),
            ptr::null_mut(),
            0,
        );
    }
    submit(&Request { client, options: options.ptr(), queue: queue.ptr() });
    // SAFETY: the queue is alive, and the event is ours.
    let event = unsafe {
        Owned::new(
            rd::rd_kafka_queue_poll(queue.ptr(), millis(timeout + GRACE)),
            rd::rd_kafka_event_destroy,
        )
    };
    let Some(event) = event else {
        return Err(refusal(Code::OperationTimedOut, "no answer in time"));
    };
    // SAFETY: the event is alive, and its words are copied.
    let (code, words) = unsafe {
        (rd::rd_kafka_event_error(event.ptr()), text(rd::rd_kafka_event_error_string(event.ptr())))
    };
    match Refusal::of_code(code) {
        Some(refusal) => Err(Refusal { words, ..refusal }),
        None => read(event.ptr()),
    }
}

pub(super) fn refusal(code: Code, words: &str) -> Refusal {
    Refusal { code, words: words.to_owned() }
}

/// Takes over an object of librdkafka, or the reason that it could not be made.
///
/// # Safety
/// `make` returns null after writing a C string, or an object for `destroy` that is ours.
pub(super) unsafe fn make<T>(
    make: impl FnOnce(*mut std::ffi::c_char, usize) -> *mut T,
    destroy: unsafe extern "C" fn(*mut T),
) -> Result<Owned<T>, Refusal> {
    let mut words = [0; WORDS_BYTES_MAX];
    let made = make(words.as_mut_ptr(), words.len());
    // SAFETY: the caller vouches for `made`; the buffer was zeroed, so that it ends in any case.
    unsafe {
        Owned::new(made, destroy)
            .ok_or_else(|| refusal(Code::InvalidArgument, &text(words.as_ptr())))
    }
}

/// The pointers of objects, as C takes arrays of them.
pub(super) fn pointers<T>(objects: &[Owned<T>]) -> Vec<*mut T> {
    objects.iter().map(Owned::ptr).collect()
}

/// Visits an array that librdkafka returned with its length.
///
/// # Safety
/// `array` holds `count` elements and lives for the call.
pub(super) unsafe fn items<T: Copy>(array: *mut T, count: usize) -> Vec<T> {
    if array.is_null() || count == 0 {
        return Vec::new();
    }
    // SAFETY: the caller vouches for it.
    unsafe { std::slice::from_raw_parts(array, count) }.to_vec()
}
