//! Transactional requests whose answer got lost.
//!
//! librdkafka sends EndTxn again when a connection drops, and reports success when the second
//! one succeeds. The first may still be on its way: Kafka up to 4 with a client without the
//! second half of KIP-890 (librdkafka#5423) cannot tell it from an EndTxn of the *next*
//! transaction, and would end that one early. TxnOffsetCommit, AddOffsetsToTxn and
//! AddPartitionsToTxn carry the same producer epoch, and the same danger: a late
//! TxnOffsetCommit moves the next transaction's offsets back.
//!
//! A new epoch fences them all. So: a producer with a request in limbo is not used again.

use std::sync::atomic::{AtomicU64, Ordering};

/// Kafka's protocol numbers of the requests that act on the open transaction.
const ADD_PARTITIONS_TO_TXN: i16 = 24;
const ADD_OFFSETS_TO_TXN: i16 = 25;
const END_TXN: i16 = 26;
const TXN_OFFSET_COMMIT: i16 = 28;

/// Notes them. librdkafka's threads write, always before the request is sent again, and so
/// before the call that waits for it returns.
#[derive(Debug, Default)]
pub(super) struct Limbo {
    /// Failures as librdkafka tells them, which may be twice for one request. Those that never
    /// left the client are among them: it does not say, and one new epoch more does no harm.
    failures: AtomicU64,
}

impl Limbo {
    /// A request of this kind failed without an answer.
    pub(super) fn lost(&self, api_key: i16) {
        if is_transactional(api_key) {
            self.failures.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Whether any request may still be on its way.
    pub(super) fn is_occupied(&self) -> bool {
        self.failures.load(Ordering::Acquire) > 0
    }
}

fn is_transactional(api_key: i16) -> bool {
    matches!(api_key, ADD_PARTITIONS_TO_TXN | ADD_OFFSETS_TO_TXN | END_TXN | TXN_OFFSET_COMMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_transactional_requests_matter() {
        const PRODUCE: i16 = 0;
        let limbo = Limbo::default();
        limbo.lost(PRODUCE);
        assert!(!limbo.is_occupied());
        limbo.lost(END_TXN);
        assert!(limbo.is_occupied());
    }
}
