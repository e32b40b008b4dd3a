//! Where a replay is: what its group has committed.
//!
//! The offset is the next record to look at; the metadata, `r1;<from>;<to>;<destination>`, is what
//! the replay was asked for, so that whoever resumes it needs nothing but its name. Offsets and
//! metadata of all partitions are committed together with what was emitted, or not at all.

use std::{collections::BTreeMap, ops::Range};

use cordon_kafka::log::{Committed, NewOffset, TopicPartition};

use super::plan::Plan;

/// A replay under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// What was asked for.
    pub(crate) plan: Plan,
    /// The next offset of each partition.
    pub(crate) next: BTreeMap<i32, i64>,
}

/// Committed offsets that no replay of this version made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is committed for {at} was not written by a replay of this version: {metadata:?}")]
pub(crate) struct NoPosition {
    at: TopicPartition,
    metadata: String,
}

const VERSION: &str = "r1";

impl Position {
    /// Where a replay begins.
    pub(crate) fn start(plan: Plan) -> Self {
        let next = plan.ranges.iter().map(|(partition, range)| (*partition, range.start)).collect();
        Self { plan, next }
    }

    /// Where a group is; `None` for one that has committed nothing.
    pub(crate) fn read(
        committed: &BTreeMap<TopicPartition, Committed>,
    ) -> Result<Option<Self>, NoPosition> {
        let mut position: Option<Self> = None;
        for (at, committed) in committed {
            let no_position = || NoPosition {
                at: at.clone(),
                metadata: String::from_utf8_lossy(&committed.metadata).into_owned(),
            };
            let (range, destination) = parse(&committed.metadata).ok_or_else(no_position)?;
            let known = position.get_or_insert_with(|| {
                let (topic, destination) = (at.topic.to_string(), destination.to_owned());
                Self::start(Plan { topic, destination, ranges: BTreeMap::new() })
            });
            let is_its_own = *known.plan.topic == *at.topic
                && known.plan.destination == destination
                && (range.start..=range.end).contains(&committed.offset);
            if !is_its_own {
                return Err(no_position());
            }
            known.plan.ranges.insert(at.partition, range);
            known.next.insert(at.partition, committed.offset);
        }
        Ok(position)
    }

    /// What is to be committed for a partition when everything before `offset` is emitted.
    pub(crate) fn offset(&self, partition: i32, offset: i64) -> NewOffset {
        let Range { start, end } = self.plan.ranges[&partition];
        let metadata = format!("{VERSION};{start};{end};{}", self.plan.destination);
        NewOffset { at: TopicPartition::new(self.plan.topic.as_str(), partition), offset, metadata }
    }

    /// Everything as it stands, to be committed.
    pub(crate) fn offsets(&self) -> Vec<NewOffset> {
        self.next.iter().map(|(partition, next)| self.offset(*partition, *next)).collect()
    }

    /// What is left of each partition.
    pub(crate) fn left(&self) -> Vec<(TopicPartition, Range<i64>)> {
        let topic = self.plan.topic.as_str();
        let left = self.plan.ranges.iter().map(|(partition, range)| {
            (TopicPartition::new(topic, *partition), self.next[partition]..range.end)
        });
        left.filter(|(_, range)| !range.is_empty()).collect()
    }

    /// Whether nothing is left.
    pub(crate) fn is_done(&self) -> bool {
        self.left().is_empty()
    }

    /// How many offsets are done, and how many there are in all.
    pub(crate) fn progress(&self) -> (u64, u64) {
        let count = |range: Range<i64>| (range.end - range.start).max(0).unsigned_abs();
        let all = self.plan.ranges.values().cloned().map(count).sum();
        let left: u64 = self.left().into_iter().map(|(_, range)| count(range)).sum();
        (all - left, all)
    }

    /// Everything is emitted, what lies behind the last pointer included.
    pub(crate) fn finish(&mut self) {
        for (partition, next) in &mut self.next {
            *next = self.plan.ranges[partition].end;
        }
    }
}

fn parse(metadata: &[u8]) -> Option<(Range<i64>, &str)> {
    let mut fields = std::str::from_utf8(metadata).ok()?.splitn(4, ';');
    if fields.next()? != VERSION {
        return None;
    }
    let (from, to) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let destination = fields.next().filter(|destination| !destination.is_empty())?;
    (0 <= from && from <= to).then_some((from..to, destination))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position() -> Position {
        Position::start(Plan {
            topic: "logs".to_owned(),
            destination: "logs.replay".to_owned(),
            ranges: BTreeMap::from([(0, 5..9), (2, 7..7), (3, 1..2)]),
        })
    }

    fn committed(position: &Position) -> BTreeMap<TopicPartition, Committed> {
        let offsets = position.offsets().into_iter().map(|new| {
            let metadata = new.metadata.into_bytes();
            (new.at, Committed { offset: new.offset, metadata })
        });
        offsets.collect()
    }

    #[test]
    fn what_is_committed_is_all_that_a_resumed_replay_needs() {
        let mut under_way = position();
        under_way.next.insert(0, 8);
        assert_eq!(Position::read(&committed(&under_way)), Ok(Some(under_way.clone())));
        assert_eq!(under_way.progress(), (3, 5));
        assert_eq!(
            under_way.left(),
            [(TopicPartition::new("logs", 0), 8..9), (TopicPartition::new("logs", 3), 1..2)]
        );
        under_way.finish();
        assert!(under_way.is_done());
        assert_eq!(Position::read(&committed(&under_way)), Ok(Some(under_way)));
        assert_eq!(Position::read(&BTreeMap::new()), Ok(None));
    }

    #[test]
    fn what_another_program_committed_is_no_position() {
        let spoilt = |change: fn(&mut Committed)| {
            let mut committed = committed(&position());
            change(committed.values_mut().next().unwrap());
            Position::read(&committed)
        };
        let metadata = |text: &str| text.as_bytes().to_vec();
        for text in ["", "r2;5;9;logs.replay", "r1;5;9;", "r1;9;5;logs.replay", "r1;-1;9;x", "r1;5"]
        {
            let mut committed = committed(&position());
            committed.values_mut().next().unwrap().metadata = metadata(text);
            assert!(Position::read(&committed).is_err(), "{text}");
        }
        assert!(spoilt(|c| c.metadata = b"r1;5;9;replay.match".to_vec()).is_err());
        assert!(spoilt(|c| c.offset = 10).is_err());
        assert!(spoilt(|c| c.metadata = vec![0xff]).is_err());
    }
}
