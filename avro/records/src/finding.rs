//! The finding.

use serde::{Deserialize, Serialize};

use crate::{FindingId, NodeKey, Origin};

/// A Sigma rule that matched one log datapoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// Hash of rule id and origin: a replay gives the same.
    pub id: FindingId,
    /// The rule's `id`, or its file name where it has none.
    pub rule_id: String,
    /// The rule's `title`.
    pub title: String,
    /// Sigma's level: informational, low, medium, high or critical.
    pub level: String,
    /// The rule's tags, such as `attack.t1003.001`.
    pub tags: Vec<String>,
    /// The log datapoint that matched.
    #[serde(deserialize_with = "crate::datapoint::owned_origin")]
    pub origin: Origin<'static>,
    /// Event time, milliseconds since the epoch.
    pub time_ms: Option<i64>,
    /// Host name as in the event; empty when absent.
    pub device: String,
    /// Keys of the graph nodes that the event maps to.
    pub nodes: Vec<NodeKey>,
    /// What the event says, one line, at most 512 bytes.
    pub summary: String,
}
