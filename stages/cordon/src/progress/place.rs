//! Places in a partition, as people write and read them.

use std::{fmt, str::FromStr};

use cordon_kafka::log::TopicPartition;

/// The next datapoint of a partition: an index in the payload of the record at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) offset: i64,
    pub(crate) position: i64,
}

impl Place {
    /// The beginning of a record.
    pub(crate) fn start_of(offset: i64) -> Self {
        Self { offset, position: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            0 => write!(f, "{}", self.offset),
            position => write!(f, "{}:{position}", self.offset),
        }
    }
}

/// Something that is no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write OFFSET or OFFSET:POSITION, two whole numbers from 0")]
pub(crate) struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let number = |text: &str| text.parse().ok().filter(|n: &i64| *n >= 0).ok_or(NoPlace);
        let (offset, position) = text.split_once(':').unwrap_or((text, "0"));
        Ok(Self { offset: number(offset)?, position: number(position)? })
    }
}

/// A partition on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition(pub(crate) TopicPartition);

/// Something that is no partition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write TOPIC/PARTITION, as in logs/0")]
pub(crate) struct NoPartition;

impl FromStr for Partition {
    type Err = NoPartition;

    fn from_str(text: &str) -> Result<Self, NoPartition> {
        let (topic, partition) = text.rsplit_once('/').ok_or(NoPartition)?;
        let partition = partition.parse().ok().filter(|n: &i32| *n >= 0).ok_or(NoPartition)?;
        Ok(Self(TopicPartition::new(topic, partition)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_they_are_read() {
        for text in ["0", "7", "7:512"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        assert_eq!("7:0".parse(), Ok(Place::start_of(7)));
        for text in ["", ":", "7:", ":1", "-1", "7:-1", "7:1:2", "x", "9223372036854775808"] {
            assert_eq!(text.parse::<Place>(), Err(NoPlace), "{text}");
        }
    }

    #[test]
    fn partitions_are_written_as_errors_name_them() {
        let partition = TopicPartition::new("logs.replay", 3);
        assert_eq!(partition.to_string().parse(), Ok(Partition(partition)));
        for text in ["", "logs", "logs/", "logs/x", "logs/-1"] {
            assert_eq!(text.parse::<Partition>(), Err(NoPartition), "{text}");
        }
    }
}
