//! From an error code to what a person can do about it.

use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode as Code},
};

use super::events::is_authentication;
use crate::{ffi::Refusal, log::ConsumerError};

/// Who asks for what: names for the message of a denial.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) principal: String,
    /// Empty for a client without a group.
    pub(super) group: String,
    /// Topics that are read, or written.
    pub(super) topics: Vec<String>,
    /// What is done with them, as ACLs name it: `Read` or `Write`.
    pub(super) operation: &'static str,
}

impl Asking {
    /// What the slot should hear.
    pub(super) fn explain(&self, refusal: Refusal) -> ConsumerError {
        if is_denial(refusal.code) {
            return ConsumerError::Denied(self.remedy(&refusal));
        }
        ConsumerError::Unavailable(refusal.words)
    }

    /// The same for an error of rust-rdkafka.
    pub(super) fn explain_error(&self, error: &KafkaError) -> ConsumerError {
        match error.rdkafka_error_code() {
            Some(code) => self.explain(Refusal { code, words: error.to_string() }),
            None => ConsumerError::Fatal(error.to_string()),
        }
    }

    fn remedy(&self, refusal: &Refusal) -> String {
        let Self { principal, group, topics, operation } = self;
        match refusal.code {
            Code::TopicAuthorizationFailed => {
                missing(principal, operation, "topic", &topics.join(" or "))
            }
            Code::GroupAuthorizationFailed => missing(principal, "Read", "group", group),
            _ => refused(principal, &refusal.words),
        }
    }
}

/// The ACL that is missing, as an administrator grants it.
pub(super) fn missing(principal: &str, operation: &str, kind: &str, name: &str) -> String {
    format!("{principal} lacks the ACL {operation} on {kind} {name}")
}

/// Nobody was let in, or nobody wanted to go in: librdkafka has one code for all that fails in
/// TLS, so that OpenSSL's words tell which.
pub(super) fn refused(principal: &str, words: &str) -> String {
    if words.contains("certificate verify failed") {
        return format!(
            "{principal} does not trust the broker: {words}; \
             ca_file must name the authority that signed its certificate"
        );
    }
    format!("{principal} cannot authenticate: {words}; look at its name and its password file")
}

/// Why no client could be made: OpenSSL does not name the file that it could not read.
pub(super) fn unmade(config: &ClientConfig, error: &KafkaError) -> ConsumerError {
    let file = config.get("ssl.ca.location").map(|file| format!(" (ca_file is {file})"));
    ConsumerError::Fatal(format!("{error}{}", file.unwrap_or_default()))
}

/// Whether waiting would not help.
pub(super) fn is_denial(code: Code) -> bool {
    is_authentication(code)
        || matches!(
            code,
            Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::TransactionalIdAuthorizationFailed
        )
}
