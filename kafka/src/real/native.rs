//! A transactional producer over librdkafka's C interface.
//!
//! rust-rdkafka's producers ask for delivery reports, which costs 100 ms slices of polling or a
//! thread, and cannot have interceptors. A transaction needs no delivery reports: a record that
//! was not delivered fails the commit. So this one has neither, and interceptors instead.

#![expect(unsafe_code, reason = "librdkafka's transactional producer with an interceptor")]

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr,
    sync::Arc,
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext, bindings as rd,
    client::Client,
    config::{NativeClientConfig, RDKafkaLogLevel},
    error::{KafkaError, RDKafkaErrorCode},
    types::RDKafkaType,
};

use super::{
    deliveries::Deliveries,
    events::{Events, log_line},
    limbo::Limbo,
    membership::Member,
};
use crate::{
    ffi::{Owned, Refusal, c_string, millis, text},
    log::{NewOffset, NewRecord},
};

/// Lets the configured partitioner choose: `RD_KAFKA_PARTITION_UA`, a macro in C.
const PARTITION_ANY: i32 = -1;

/// An error of a transactional call, with librdkafka's advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: RDKafkaErrorCode,
    pub(super) words: String,
    /// The producer is beyond repair.
    pub(super) fatal: bool,
    /// The same call may be made again.
    pub(super) retriable: bool,
    /// The transaction must be aborted, and the producer is good afterwards.
    pub(super) requires_abort: bool,
}

/// A native producer.
pub(super) struct NativeProducer {
    /// Before `watched`: its threads use that until it is destroyed.
    client: Client<Callbacks>,
    watched: Arc<Watched>,
}

/// What callbacks and interceptors write to.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) events: Events,
    pub(super) limbo: Limbo,
    pub(super) deliveries: Deliveries,
}

/// The client's context: its address is the callbacks' opaque pointer.
pub(super) struct Callbacks(Arc<Watched>);

impl ClientContext for Callbacks {}

impl NativeProducer {
    pub(super) fn new(config: &ClientConfig) -> Result<Self, KafkaError> {
        let watched = Arc::new(Watched::default());
        let native = config.create_native_config()?;
        install(&native, &watched);
        let context = Callbacks(Arc::clone(&watched));
        let client = Client::new(config, native, RDKafkaType::RD_KAFKA_PRODUCER, context)?;
        Ok(Self { client, watched })
    }

    /// For questions that are no part of a transaction.
    pub(super) fn client(&self) -> &Client<Callbacks> {
        &self.client
    }

    pub(super) fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Serves callbacks, and waits at most `timeout` for one.
    pub(super) fn serve(&self, timeout: Duration) {
        // SAFETY: the client is alive. The number of events served is of no use.
        unsafe { rd::rd_kafka_poll(self.ptr(), millis(timeout)) };
    }

    /// How many records are not with the broker yet.
    pub(super) fn in_flight(&self) -> usize {
        // SAFETY: the client is alive.
        usize::try_from(unsafe { rd::rd_kafka_outq_len(self.ptr()) }).unwrap_or(0)
    }

    pub(super) fn init(&self, timeout: Duration) -> Result<(), Fault> {
        // SAFETY: the client is alive, and the error is ours.
        unsafe { done(rd::rd_kafka_init_transactions(self.ptr(), millis(timeout))) }
    }

    pub(super) fn begin(&self) -> Result<(), Fault> {
        // SAFETY: as above.
        unsafe { done(rd::rd_kafka_begin_transaction(self.ptr())) }
    }

    pub(super) fn commit(&self, timeout: Duration) -> Result<(), Fault> {
        // SAFETY: as above.
        unsafe { done(rd::rd_kafka_commit_transaction(self.ptr(), millis(timeout))) }
    }

    pub(super) fn abort(&self, timeout: Duration) -> Result<(), Fault> {
        // SAFETY: as above.
        unsafe { done(rd::rd_kafka_abort_transaction(self.ptr(), millis(timeout))) }
    }

    pub(super) fn send_offsets(
        &self,
        offsets: &[NewOffset],
        member: &Member,
        timeout: Duration,
    ) -> Result<(), Fault> {
        let list = offset_list(offsets);
        // SAFETY: client, list and member live for the call; the error is ours.
        unsafe {
            done(rd::rd_kafka_send_offsets_to_transaction(
                self.ptr(),
                list.ptr(),
                member.ptr(),
                millis(timeout),
            ))
        }
    }

    /// Puts a record into the client's queue, which copies it.
    pub(super) fn produce(&self, record: &NewRecord) -> Result<(), Fault> {
        let topic = c_string(&record.topic);
        let mut headers = native_headers(&record.headers);
        let key = record.key.as_deref();
        let mut parts = vec![
            part(rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC, |u| u.cstr = topic.as_ptr()),
            part(rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION, |u| {
                u.i32_ = record.partition.unwrap_or(PARTITION_ANY);
            }),
            part(rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS, |u| u.i = rd::RD_KAFKA_MSG_F_COPY),
            part(rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE, |u| u.mem = memory(&record.value)),
        ];
        if let Some(key) = key {
            parts.push(part(rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY, |u| u.mem = memory(key)));
        }
        if let Some(headers) = &headers {
            let ptr = headers.ptr();
            parts.push(part(rd::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS, |u| u.headers = ptr));
        }
        // SAFETY: every part points to something that lives for the call, and is of the kind that
        // its type says. The queue copies all but the headers.
        let sent = unsafe { done(rd::rd_kafka_produceva(self.ptr(), parts.as_ptr(), parts.len())) };
        if sent.is_ok() {
            // The queue took them over; otherwise they are still ours.
            std::mem::forget(headers.take());
        }
        sent
    }

    fn ptr(&self) -> *mut rd::rd_kafka_t {
        self.client.native_ptr()
    }
}

/// Takes an error over, copies it, and destroys it.
///
/// # Safety
/// `error` is null or ours.
unsafe fn done(error: *mut rd::rd_kafka_error_t) -> Result<(), Fault> {
    // SAFETY: the caller gives it away.
    let Some(error) = (unsafe { Owned::new(error, rd::rd_kafka_error_destroy) }) else {
        return Ok(());
    };
    // SAFETY: the error is alive until the end of this function.
    unsafe {
        match Refusal::of_error(error.ptr()) {
            None => Ok(()),
            Some(Refusal { code, words }) => Err(Fault {
                code,
                words,
                fatal: rd::rd_kafka_error_is_fatal(error.ptr()) != 0,
                retriable: rd::rd_kafka_error_is_retriable(error.ptr()) != 0,
                requires_abort: rd::rd_kafka_error_txn_requires_abort(error.ptr()) != 0,
            }),
        }
    }
}

fn part(
    kind: rd::rd_kafka_vtype_t,
    fill: impl FnOnce(&mut rd::rd_kafka_vu_s__bindgen_ty_1),
) -> rd::rd_kafka_vu_t {
    let mut value = rd::rd_kafka_vu_s__bindgen_ty_1 { _pad: [0; 64] };
    fill(&mut value);
    rd::rd_kafka_vu_t { vtype: kind, u: value }
}

fn memory(bytes: &[u8]) -> rd::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
    // A null value is another thing than an empty one: a slice's pointer is never null.
    let ptr = bytes.as_ptr().cast_mut().cast::<c_void>();
    rd::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr, size: bytes.len() }
}

fn native_headers(headers: &[(String, bytes::Bytes)]) -> Option<Owned<rd::rd_kafka_headers_t>> {
    if headers.is_empty() {
        return None;
    }
    // SAFETY: a new object, ours until a queue takes it over.
    let list = unsafe {
        Owned::new(rd::rd_kafka_headers_new(headers.len()), rd::rd_kafka_headers_destroy)
    }?;
    for (name, value) in headers {
        let (name_size, value_size) = (signed(name.len()), signed(value.len()));
        // SAFETY: name and value live for the call, which copies as many bytes as are named.
        unsafe {
            rd::rd_kafka_header_add(
                list.ptr(),
                name.as_ptr().cast::<c_char>(),
                name_size,
                value.as_ptr().cast::<c_void>(),
                value_size,
            )
        };
    }
    Some(list)
}

fn signed(size: usize) -> isize {
    isize::try_from(size).expect("no allocation is larger")
}

fn offset_list(offsets: &[NewOffset]) -> rdkafka::TopicPartitionList {
    let mut list = rdkafka::TopicPartitionList::with_capacity(offsets.len());
    for NewOffset { at, offset, metadata } in offsets {
        let mut entry = list.add_partition(&at.topic, at.partition);
        entry
            .set_offset(rdkafka::Offset::Offset(*offset))
            .expect("an offset of a record is not negative");
        // Once: setting it twice leaks the first.
        entry.set_metadata(metadata);
    }
    list
}

const INTERCEPTOR: &CStr = c"cordon";

/// Sets callbacks and interceptors. `watched` must outlive the client made from `config`.
fn install(config: &NativeClientConfig, watched: &Arc<Watched>) {
    let watched = Arc::as_ptr(watched).cast_mut().cast::<c_void>();
    // SAFETY: the configuration is alive. The functions have the signatures that librdkafka
    // calls, and their opaque pointers stay valid: NativeProducer drops its client first.
    unsafe {
        rd::rd_kafka_conf_set_error_cb(config.ptr(), Some(on_error));
        rd::rd_kafka_conf_set_log_cb(config.ptr(), Some(on_log));
        rd::rd_kafka_conf_interceptor_add_on_new(
            config.ptr(),
            INTERCEPTOR.as_ptr(),
            Some(on_new),
            watched,
        );
    }
}

/// Interceptors of requests can be added only here, before the client's threads start.
unsafe extern "C" fn on_new(
    client: *mut rd::rd_kafka_t,
    _config: *const rd::rd_kafka_conf_t,
    watched: *mut c_void,
    _words: *mut c_char,
    _words_size: usize,
) -> rd::rd_kafka_resp_err_t {
    // SAFETY: librdkafka passes the client it makes; `watched` is `install`'s.
    unsafe {
        rd::rd_kafka_interceptor_add_on_acknowledgement(
            client,
            INTERCEPTOR.as_ptr(),
            Some(on_acknowledgement),
            watched,
        );
        rd::rd_kafka_interceptor_add_on_response_received(
            client,
            INTERCEPTOR.as_ptr(),
            Some(on_response_received),
            watched,
        )
    }
}

unsafe extern "C" fn on_response_received(
    _client: *mut rd::rd_kafka_t,
    _socket: c_int,
    _broker: *const c_char,
    _broker_id: i32,
    api_key: i16,
    _api_version: i16,
    _correlation: i32,
    _size: usize,
    _rtt: i64,
    error: rd::rd_kafka_resp_err_t,
    watched: *mut c_void,
) -> rd::rd_kafka_resp_err_t {
    // A request that failed locally is "received" with its error: no broker answered it.
    if error != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        // SAFETY: `install`'s pointer, valid while the client lives, and shared: what is behind
        // it is made for several threads.
        unsafe { &*watched.cast::<Watched>() }.limbo.lost(api_key);
    }
    rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
}

unsafe extern "C" fn on_acknowledgement(
    _client: *mut rd::rd_kafka_t,
    message: *mut rd::rd_kafka_message_t,
    watched: *mut c_void,
) -> rd::rd_kafka_resp_err_t {
    // SAFETY: the message lives for the call, and with it its topic, which may be null. `watched`
    // is as in `on_response_received`.
    unsafe {
        let code = RDKafkaErrorCode::from((*message).err);
        if code != RDKafkaErrorCode::NoError {
            let topic = (*message).rkt;
            let name = if topic.is_null() { ptr::null() } else { rd::rd_kafka_topic_name(topic) };
            (*watched.cast::<Watched>()).deliveries.failed(code, text(name));
        }
    }
    rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
}

unsafe extern "C" fn on_error(
    _client: *mut rd::rd_kafka_t,
    code: c_int,
    words: *const c_char,
    context: *mut c_void,
) {
    let code = rd::rd_kafka_resp_err_t::try_from(code)
        .map_or(RDKafkaErrorCode::Unknown, RDKafkaErrorCode::from);
    // SAFETY: the opaque pointer is the client's context, which the client keeps alive; the
    // words live for the call.
    let (context, words) = unsafe { (&*context.cast::<Callbacks>(), text(words)) };
    context.0.events.note(code, &words);
}

unsafe extern "C" fn on_log(
    _client: *const rd::rd_kafka_t,
    level: c_int,
    facility: *const c_char,
    words: *const c_char,
) {
    // SAFETY: both strings live for the call.
    let (facility, words) = unsafe { (text(facility), text(words)) };
    log_line(syslog_level(level), &facility, &words);
}

/// librdkafka counts as syslog does. Null pointers aside, any other number is a debug line.
fn syslog_level(level: c_int) -> RDKafkaLogLevel {
    match level {
        ..=3 => RDKafkaLogLevel::Error,
        4 => RDKafkaLogLevel::Warning,
        5 => RDKafkaLogLevel::Notice,
        6 => RDKafkaLogLevel::Info,
        _ => RDKafkaLogLevel::Debug,
    }
}
