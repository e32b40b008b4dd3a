//! What librdkafka's callbacks tell, kept until somebody asks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::{config::RDKafkaLogLevel, error::RDKafkaErrorCode};

/// Errors that librdkafka reports beside the calls that fail of them.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The last error's words: a poll's error code comes without any.
    last: Mutex<String>,
    /// Why a broker let nobody in, since the last look. Calls only time out of it.
    refused: Mutex<Option<String>>,
}

impl Events {
    /// Notes an error of the client as a whole.
    pub(super) fn note(&self, code: RDKafkaErrorCode, words: &str) {
        tracing::debug!(code = ?code, words, "kafka client reports an error");
        let mut last = lock(&self.last);
        // "All brokers are down" follows the reason for it, and says less.
        if code != RDKafkaErrorCode::AllBrokersDown || last.is_empty() {
            words.clone_into(&mut last);
        }
        drop(last);
        if is_authentication(code) {
            *lock(&self.refused) = Some(words.to_owned());
        }
    }

    /// The last error's words.
    pub(super) fn last_words(&self) -> String {
        lock(&self.last).clone()
    }

    /// Whether a broker refused the principal since the last call.
    pub(super) fn take_refused(&self) -> Option<String> {
        lock(&self.refused).take()
    }
}

/// A wrong password, an unknown user, a certificate that is not trusted: nothing that waiting
/// would mend.
pub(super) fn is_authentication(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL)
}

/// librdkafka's own log. Brokers come and go, so that its errors are warnings here.
pub(super) fn log_line(level: RDKafkaLogLevel, facility: &str, words: &str) {
    use RDKafkaLogLevel as Level;
    match level {
        Level::Emerg | Level::Alert | Level::Critical | Level::Error | Level::Warning => {
            tracing::warn!(facility, words, "librdkafka");
        }
        Level::Notice | Level::Info => tracing::info!(facility, words, "librdkafka"),
        Level::Debug => tracing::debug!(facility, words, "librdkafka"),
    }
}

/// None of these locks is held over code that can panic, and the data is whole at any time.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
