//! What an error of a transactional call means for the slot.

use std::{collections::BTreeSet, sync::Arc};

use rdkafka::error::RDKafkaErrorCode as Code;

use super::{
    denial::{is_denial, missing, refused},
    native::Fault,
};
use crate::log::Outcome;

/// Either the call is made again, or it has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Again(String),
    End(Outcome),
}

/// What denials name.
pub(super) struct Names<'a> {
    pub(super) principal: String,
    pub(super) transactional_id: &'a str,
    pub(super) topics: &'a BTreeSet<Arc<str>>,
    pub(super) group: &'a str,
}

impl Verdict {
    /// Judges by what is certain. An error that librdkafka does not vouch for leaves the outcome
    /// unknown: reading the committed offsets back is always right, and guessing never is.
    pub(super) fn of(fault: Fault, names: &Names<'_>) -> Self {
        let Fault { code, words, fatal, retriable, requires_abort } = fault;
        if is_denial(code) {
            return Self::End(Outcome::Denied(remedy(code, &words, names)));
        }
        if is_fenced(code) {
            return Self::End(Outcome::Fenced(words));
        }
        match (fatal, requires_abort, retriable) {
            (true, ..) => Self::End(Outcome::Unknown(words)),
            (false, true, _) => Self::End(Outcome::Aborted(words)),
            (false, false, true) => Self::Again(words),
            (false, false, false) => Self::End(Outcome::Unknown(words)),
        }
    }
}

/// Another producer with the same `transactional.id`, or the coordinator that aborted a
/// transaction for its age: both raise the epoch, and this producer cannot tell them apart.
fn is_fenced(code: Code) -> bool {
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

fn remedy(code: Code, words: &str, names: &Names<'_>) -> String {
    let Names { principal, transactional_id, topics, group } = names;
    match code {
        Code::TopicAuthorizationFailed => {
            let topics: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
            // Offsets need Read on the topic they are of; the slot's consumer checked that.
            missing(principal, "Write", "topic", &topics.join(" or "))
        }
        Code::GroupAuthorizationFailed => missing(principal, "Read", "group", group),
        Code::TransactionalIdAuthorizationFailed => {
            missing(principal, "Write", "transactional id", transactional_id)
        }
        _ => refused(principal, words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: Code) -> Fault {
        let words = "words".to_owned();
        Fault { code, words, fatal: false, retriable: false, requires_abort: false }
    }

    fn verdict(fault: Fault) -> Verdict {
        let topics = BTreeSet::from([Arc::from("logs"), Arc::from("receipts.pack")]);
        let principal = "User:pack".to_owned();
        let names = Names { principal, transactional_id: "pack-0", topics: &topics, group: "pack" };
        Verdict::of(fault, &names)
    }

    #[test]
    fn what_is_not_certain_is_unknown() {
        let timed_out = fault(Code::OperationTimedOut);
        let words = || "words".to_owned();
        assert_eq!(verdict(timed_out.clone()), Verdict::End(Outcome::Unknown(words())));
        let again = Fault { retriable: true, ..timed_out };
        assert_eq!(verdict(again), Verdict::Again(words()));
        let broken = Fault { fatal: true, requires_abort: true, ..fault(Code::Inconsistent) };
        assert_eq!(verdict(broken), Verdict::End(Outcome::Unknown(words())));
        let stale = Fault { requires_abort: true, ..fault(Code::IllegalGeneration) };
        assert_eq!(verdict(stale), Verdict::End(Outcome::Aborted(words())));
        let fenced = Fault { fatal: true, ..fault(Code::Fenced) };
        assert_eq!(verdict(fenced), Verdict::End(Outcome::Fenced(words())));
    }

    #[test]
    fn denials_name_the_acl() {
        let denied = |code| match verdict(Fault { requires_abort: true, ..fault(code) }) {
            Verdict::End(Outcome::Denied(words)) => words,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            denied(Code::TopicAuthorizationFailed),
            "User:pack lacks the ACL Write on topic logs or receipts.pack"
        );
        assert_eq!(
            denied(Code::TransactionalIdAuthorizationFailed),
            "User:pack lacks the ACL Write on transactional id pack-0"
        );
    }
}
