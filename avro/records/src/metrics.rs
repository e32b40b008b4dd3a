//! What a courier says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One report, every few seconds. Not transactional: a gap means nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The stage.
    pub stage: String,
    /// Its version.
    pub stage_version: String,
    /// The slot's `transactional.id`.
    pub slot: String,
    /// When, milliseconds since the epoch.
    pub time_ms: i64,
    /// Counts since the courier started.
    pub counters: BTreeMap<String, i64>,
    /// Values now.
    pub gauges: BTreeMap<String, f64>,
    /// Conditions that hold now, such as a missing jail layer.
    pub notes: Vec<String>,
}
