//! The few words shared by everything that speaks to librdkafka's C interface.

#![expect(unsafe_code, reason = "librdkafka is a C library; rust-rdkafka does not wrap all of it")]

use std::{
    ffi::{CStr, CString, c_char, c_int},
    ptr::NonNull,
    time::Duration,
};

use rdkafka::{TopicPartitionList, bindings as rd, error::RDKafkaErrorCode};

use crate::log::TopicPartition;

/// An object of librdkafka that is ours to destroy.
pub(crate) struct Owned<T> {
    ptr: NonNull<T>,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// Takes over `ptr`; `None` when it is null.
    ///
    /// # Safety
    /// `ptr` is null, or an object that nobody else destroys and that `destroy` is made for.
    pub(crate) unsafe fn new(ptr: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        NonNull::new(ptr).map(|ptr| Self { ptr, destroy })
    }

    pub(crate) fn ptr(&self) -> *mut T {
        self.ptr.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: `new` was promised that this is the object's own, and only, destruction.
        unsafe { (self.destroy)(self.ptr.as_ptr()) }
    }
}

/// A C string as librdkafka hands it out; empty for null.
///
/// # Safety
/// `ptr` is null or a string that lives for the call.
pub(crate) unsafe fn text(ptr: *const c_char) -> String {
    if ptr.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller promises a living C string.
    unsafe { CStr::from_ptr(ptr) }.to_string_lossy().into_owned()
}

/// A name for C. Names with NUL exist nowhere in Kafka; they become empty, which brokers refuse.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_default()
}

/// librdkafka counts milliseconds in an int, and takes negative for "forever".
pub(crate) fn millis(duration: Duration) -> c_int {
    c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX)
}

/// What a broker or librdkafka answered instead of success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: RDKafkaErrorCode,
    pub(crate) words: String,
}

impl Refusal {
    /// `None` for "no error".
    pub(crate) fn of_code(code: rd::rd_kafka_resp_err_t) -> Option<Self> {
        let code = RDKafkaErrorCode::from(code);
        let words = code.to_string();
        (code != RDKafkaErrorCode::NoError).then_some(Self { code, words })
    }

    /// Reads an error that belongs to something else; `None` for null and for "no error".
    ///
    /// # Safety
    /// `error` is null or lives for the call.
    pub(crate) unsafe fn of_error(error: *const rd::rd_kafka_error_t) -> Option<Self> {
        if error.is_null() {
            return None;
        }
        // SAFETY: not null, and the caller promises that it lives.
        let (code, words) =
            unsafe { (rd::rd_kafka_error_code(error), text(rd::rd_kafka_error_string(error))) };
        Self::of_code(code).map(|refusal| Self { words, ..refusal })
    }
}

/// Whether a partition is only just made, or its leader or coordinator only just changed: ask
/// again.
pub(crate) fn is_settling(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::KafkaStorageError
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
    )
}

/// Between questions to a broker that is settling.
pub(crate) const SETTLE_EVERY: Duration = Duration::from_millis(50);

/// One entry of a list of partitions. Metadata is bytes: the broker does not promise UTF-8, and
/// rust-rdkafka panics where there is none.
pub(crate) struct Entry {
    pub(crate) at: TopicPartition,
    pub(crate) offset: i64,
    pub(crate) metadata: Vec<u8>,
    pub(crate) refusal: Option<Refusal>,
}

/// Copies out a list of partitions.
pub(crate) fn entries(list: &TopicPartitionList) -> Vec<Entry> {
    // SAFETY: `list` owns the native list for as long as it is borrowed.
    unsafe { raw_entries(list.ptr()) }
}

/// Copies out a list of partitions that belongs to something else.
///
/// # Safety
/// `list` is null or a list that lives for the call.
pub(crate) unsafe fn raw_entries(list: *const rd::rd_kafka_topic_partition_list_t) -> Vec<Entry> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: not null and alive; `elems` holds `cnt` initialised elements, whose topic is a C
    // string and whose metadata is null or `metadata_size` bytes.
    unsafe {
        let count = usize::try_from((*list).cnt).unwrap_or(0);
        (0..count)
            .map(|index| {
                let element = &*(*list).elems.add(index);
                let metadata = match NonNull::new(element.metadata.cast::<u8>()) {
                    Some(bytes) => {
                        std::slice::from_raw_parts(bytes.as_ptr(), element.metadata_size).to_vec()
                    }
                    None => Vec::new(),
                };
                Entry {
                    at: TopicPartition::new(text(element.topic), element.partition),
                    offset: element.offset,
                    metadata,
                    refusal: Refusal::of_code(element.err),
                }
            })
            .collect()
    }
}
