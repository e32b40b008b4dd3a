//! What every topic is set to, and why.

use std::collections::BTreeMap;

use super::TopicSpec;

const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

/// How long a topic keeps records.
pub(super) const RETENTION: &str = "retention.ms";

/// The same for every topic of data and every side topic.
const FIXED: [(&str, &str); 4] = [
    // The broker unpacks what clients packed, so that no courier ever decompresses a record.
    ("compression.type", "uncompressed"),
    // Compaction would drop pointers by key; a bound in bytes would drop them unread.
    ("cleanup.policy", "delete"),
    ("retention.bytes", "-1"),
    // A replica that lacks committed records must not lead: they would be lost, or happen twice.
    ("unclean.leader.election.enable", "false"),
];

/// The settings of a topic with this many replicas.
pub(super) fn declared(spec: &TopicSpec, replication: i32) -> BTreeMap<String, String> {
    let retention_ms = u64::from(spec.retention_days) * MS_PER_DAY;
    // One replica may be away; a record is on all but one before it counts as written.
    let min_in_sync = (replication - 1).max(1);
    let of_this_topic =
        [(RETENTION, retention_ms.to_string()), ("min.insync.replicas", min_in_sync.to_string())];
    let fixed = FIXED.map(|(name, value)| (name, value.to_owned()));
    fixed.into_iter().chain(of_this_topic).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Days as the broker's milliseconds; `None` for records that are kept for ever.
pub(super) fn retention_days(value: &str) -> Option<u64> {
    value.parse::<u64>().ok().map(|ms| ms.div_ceil(MS_PER_DAY))
}
