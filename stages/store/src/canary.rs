//! The canary object of a topic's prefix.

use std::fmt;

use cordon_records::KeyFault;

/// Key of the object that every reader of a topic's prefix can read: `<topic>/canary`.
///
/// Deliberately not an [`ObjectKey`](cordon_records::ObjectKey): no pointer can name it, and no
/// payload can take its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanaryKey(String);

impl CanaryKey {
    /// What the object holds. Fixed, so that a reader can tell it from anything else.
    pub const CONTENT: &'static [u8] = b"cordon canary v1\n";

    /// Longest name of a topic in Kafka.
    const TOPIC_BYTES_MAX: usize = 249;

    /// The canary of a topic's prefix.
    pub fn of(topic: &str) -> Result<Self, KeyFault> {
        if topic.len() > Self::TOPIC_BYTES_MAX {
            return Err(KeyFault::TooLong);
        }
        let is_segment = !matches!(topic, "" | "." | "..")
            && topic.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if is_segment { Ok(Self(format!("{topic}/canary"))) } else { Err(KeyFault::Segment) }
    }

    /// The whole key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CanaryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use cordon_records::ObjectKey;

    use super::*;

    #[test]
    fn a_canary_is_no_payload() {
        let canary = CanaryKey::of("logs.replay").unwrap();
        assert_eq!(canary.as_str(), "logs.replay/canary");
        assert!(ObjectKey::parse(canary.as_str()).is_err());
    }

    #[test]
    fn a_topic_cannot_leave_its_prefix() {
        let long = "t".repeat(250);
        for topic in ["", ".", "..", "../logs", "logs/../dead", "logs\0", "lögs", &long] {
            assert!(CanaryKey::of(topic).is_err(), "{topic:?}");
        }
    }
}
