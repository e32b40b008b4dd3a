//! Which keys are walked. Pure.

use std::{fmt, ops::Range, str::FromStr};

use cordon_records::ObjectKey;

/// What keys begin with: a topic, or one of its shards.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix(String);

/// Something that no payload's key begins with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a topic, as in logs, or one of its shards, as in logs/shard-1")]
pub struct PrefixFault;

impl FromStr for Prefix {
    type Err = PrefixFault;

    fn from_str(text: &str) -> Result<Self, PrefixFault> {
        // A key is well-formed below exactly the prefixes that may have payloads.
        match ObjectKey::new(text, 0, sample()) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(PrefixFault),
        }
    }
}

/// Any version 4 UUID: only the shape of a key is asked for.
fn sample() -> uuid::Uuid {
    uuid::Builder::from_random_bytes([0; 16]).into_uuid()
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The payloads below a prefix whose keys were drawn within a range of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    prefix: Prefix,
    times_ms: Range<i64>,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is walked.
    Inside,
    /// It is a payload of another time.
    Outside,
    /// And so is every payload that is listed behind it.
    Behind,
    /// It is no payload.
    Stranger,
}

/// Digits of a time between September 2001 and November 2286: among such keys the order of names is
/// that of time.
const DIGITS: usize = 13;

impl Walk {
    /// Keys with a time in `times_ms`, in milliseconds since the epoch.
    pub fn new(prefix: Prefix, times_ms: Range<i64>) -> Self {
        Self { prefix, times_ms }
    }

    /// The prefix as S3 takes it.
    pub(crate) fn prefix(&self) -> String {
        format!("{}/", self.prefix)
    }

    /// The name to start listing behind; `None` to start with the first.
    pub(crate) fn start(&self) -> Option<String> {
        let digits = self.times_ms.start.to_string();
        // A hyphen follows a key's time, so that this comes before every key of that time.
        (digits.len() == DIGITS).then(|| format!("{}/{digits}", self.prefix))
    }

    pub(crate) fn standing(&self, key: &str) -> Standing {
        let Ok(key) = ObjectKey::parse(key) else { return Standing::Stranger };
        let Some(name) = key.as_str().strip_prefix(&self.prefix()) else {
            return Standing::Stranger;
        };
        let digits = name.split('-').next().unwrap_or_default();
        match digits.parse::<i64>() {
            // A segment follows: it is a key of a shard.
            Err(_) => Standing::Stranger,
            Ok(time_ms) if self.times_ms.contains(&time_ms) => Standing::Inside,
            Ok(time_ms) if time_ms >= self.times_ms.end && digits.len() == DIGITS => {
                Standing::Behind
            }
            Ok(_) => Standing::Outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6f1ddc2a-58a4-4f0c-8d5d-3c1e0b8a9f10";

    fn walk(prefix: &str, times_ms: Range<i64>) -> Walk {
        Walk::new(prefix.parse().unwrap(), times_ms)
    }

    #[test]
    fn a_prefix_is_a_topic_or_a_shard() {
        for text in ["logs", "logs.replay", "logs/a", "logs/00"] {
            assert_eq!(text.parse::<Prefix>().unwrap().to_string(), text);
        }
        for text in ["", "/", "logs/", "/logs", "logs/a/b", "../logs", "logs/..", "lögs"] {
            assert_eq!(text.parse::<Prefix>(), Err(PrefixFault), "{text:?}");
        }
    }

    #[test]
    fn a_key_stands_inside_outside_or_behind() {
        use Standing::{Behind, Inside, Outside, Stranger};
        let walk = walk("logs", 1_700_000_000_000..1_700_000_000_010);
        assert_eq!(walk.start().as_deref(), Some("logs/1700000000000"));
        for (key, standing) in [
            (format!("logs/1700000000000-{ID}"), Inside),
            (format!("logs/1700000000009-{ID}"), Inside),
            (format!("logs/1700000000010-{ID}"), Behind),
            (format!("logs/1699999999999-{ID}"), Outside),
            // By name it comes behind, by time before: nothing is concluded from it.
            (format!("logs/999-{ID}"), Outside),
            ("logs/canary".to_owned(), Stranger),
            (format!("logs/a/1700000000000-{ID}"), Stranger),
            (format!("logs.x/1700000000000-{ID}"), Stranger),
            (format!("logs/17000000000000-{ID}"), Outside),
        ] {
            assert_eq!(walk.standing(&key), standing, "{key}");
            if standing == Inside {
                assert!(*key > *walk.start().unwrap());
            }
        }
    }

    #[test]
    fn a_walk_from_before_names_were_in_order_starts_at_the_first() {
        assert_eq!(walk("logs", 0..i64::MAX).start(), None);
        let all = walk("logs/a", 0..i64::MAX);
        assert_eq!(all.standing(&format!("logs/a/5-{ID}")), Standing::Inside);
        assert_eq!(all.standing(&format!("logs/5-{ID}")), Standing::Stranger);
    }
}
