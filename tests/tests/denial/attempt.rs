//! One request, what it needs, and what the broker's answer says of it.

use std::{fmt, thread, time::Duration};

use anyhow::{Error, Result};
use kafka_protocol::{
    error::ParseResponseErrorCode as _,
    messages::{GroupId, TopicName, TransactionalId},
};

use crate::{
    rights::{Need, On, Right},
    wire::{Client, text},
};

/// Answers that say that the authorizer refused, and nothing else counts as denied:
/// topic, group, cluster, transactional id.
const DENIED: [i16; 4] = [29, 30, 31, 53];
/// A coordinator that is loading, elsewhere or busy did not decide yet.
const ASK_AGAIN: [i16; 4] = [14, 15, 16, 51];
const AGAIN_EVERY: Duration = Duration::from_millis(20);
const AGAIN_MAX: usize = 500;

/// How a request is made. It returns every error code of the answer.
type Ask = Box<dyn Fn(&mut Client) -> Result<Vec<i16>>>;

/// An answer from which nobody can tell whether the authorizer refused.
#[derive(Debug)]
pub(crate) struct Undecided(String);

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Undecided {}

/// A request.
pub(crate) struct Attempt {
    /// Kafka's name for it.
    pub(crate) request: &'static str,
    /// What the principal must have for it, all of it.
    pub(crate) needs: Vec<Need>,
    /// Errors that only who passed the authorizer is told: the request is made so that it changes
    /// nothing, by naming a member, a producer or a setting that is not there.
    passes: &'static [i16],
    /// Whether it leaves the world as it was, when it is not denied.
    pub(crate) is_harmless: bool,
    ask: Ask,
}

impl Attempt {
    pub(crate) fn new(
        request: &'static str,
        needs: impl Into<Vec<Need>>,
        ask: impl Fn(&mut Client) -> Result<Vec<i16>> + 'static,
    ) -> Self {
        let needs = needs.into();
        Self { request, needs, passes: &[], is_harmless: true, ask: Box::new(ask) }
    }

    /// With errors that are an answer, too.
    pub(crate) fn passing(self, passes: &'static [i16]) -> Self {
        Self { passes, ..self }
    }

    /// It destroys something, when it is not denied.
    pub(crate) fn harmful(self) -> Self {
        Self { is_harmless: false, ..self }
    }

    fn undecided(&self, words: &str) -> Error {
        Undecided(format!("{self}: {words}")).into()
    }

    /// Makes it: whether the authorizer let it through.
    pub(crate) fn is_let_through(&self, client: &mut Client) -> Result<bool> {
        for _ in 0..AGAIN_MAX {
            let codes = (self.ask)(client)?;
            if codes.iter().any(|code| DENIED.contains(code)) {
                return Ok(false);
            }
            if codes.iter().any(|code| ASK_AGAIN.contains(code)) {
                thread::sleep(AGAIN_EVERY);
                continue;
            }
            let unknown = codes.iter().find(|code| **code != 0 && !self.passes.contains(code));
            return match unknown {
                _ if codes.is_empty() => Err(self.undecided("the answer says nothing")),
                None => Ok(true),
                Some(code) => {
                    let words = code.err().map(|error| error.to_string()).unwrap_or_default();
                    Err(self.undecided(&format!("neither done nor denied: {code}: {words}")))
                }
            };
        }
        Err(self.undecided("no coordinator"))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.request)?;
        let mut before = " (needs ";
        for Need { right, on } in &self.needs {
            let (_, name) = on.parts();
            let kind = on.kind();
            write!(f, "{before}{right:?} on {kind} {name}")?;
            before = ", ";
        }
        f.write_str(")")
    }
}

/// A need for a topic.
pub(crate) fn topic(right: Right, name: &str) -> Need {
    Need { right, on: On::Topic(name.to_owned()) }
}

/// A need for a group.
pub(crate) fn group(right: Right, name: &str) -> Need {
    Need { right, on: On::Group(name.to_owned()) }
}

/// A need for a transactional id.
pub(crate) fn transactional_id(right: Right, name: &str) -> Need {
    Need { right, on: On::TransactionalId(name.to_owned()) }
}

/// A need for the cluster.
pub(crate) fn cluster(right: Right) -> Need {
    Need { right, on: On::Cluster }
}

/// A topic's name as messages hold it.
pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// A group's.
pub(crate) fn group_id(name: &str) -> GroupId {
    GroupId(text(name))
}

/// A transactional id.
pub(crate) fn transactional(name: &str) -> TransactionalId {
    TransactionalId(text(name))
}
