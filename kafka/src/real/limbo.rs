//! Transactional requests that were sent and never answered.
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

/// Counts them. Written by librdkafka's threads before the call that waits for them returns.
#[derive(Debug, Default)]
pub(super) struct Limbo {
    sent: AtomicU64,
    answered: AtomicU64,
}

impl Limbo {
    /// A request of this kind left for a broker.
    pub(super) fn sent(&self, api_key: i16) {
        if is_transactional(api_key) {
            self.sent.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A broker answered one, whatever it said.
    pub(super) fn answered(&self, api_key: i16) {
        if is_transactional(api_key) {
            self.answered.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// How many were sent and not answered.
    pub(super) fn count(&self) -> u64 {
        // In this order: an answer that comes between the two reads is counted as one too few
        // in limbo never, and as one too many at worst.
        let answered = self.answered.load(Ordering::Acquire);
        self.sent.load(Ordering::Acquire).saturating_sub(answered)
    }
}

fn is_transactional(api_key: i16) -> bool {
    matches!(api_key, ADD_PARTITIONS_TO_TXN | ADD_OFFSETS_TO_TXN | END_TXN | TXN_OFFSET_COMMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unanswered_transactional_requests_count() {
        const PRODUCE: i16 = 0;
        let limbo = Limbo::default();
        limbo.sent(PRODUCE);
        limbo.sent(END_TXN);
        assert_eq!(limbo.count(), 1);
        limbo.answered(PRODUCE);
        assert_eq!(limbo.count(), 1);
        limbo.answered(END_TXN);
        assert_eq!(limbo.count(), 0);
    }
}
