//! What a replay is asked for: which records, and where they go.

use std::{collections::BTreeMap, ops::Range};

use anyhow::{Result, ensure};
use cordon_kafka::{log::TopicPartition, real::RealLog, topology::Topology};

use super::args::{RangeArgs, RunArgs};
use crate::{config::ConfigFaults, terminal::escape, wiring};

/// A replay, fixed before its first pointer is emitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Whose pointers are emitted again.
    pub(crate) topic: String,
    /// The topic of a replay lane.
    pub(crate) destination: String,
    /// Offsets by partition.
    pub(crate) ranges: BTreeMap<i32, Range<i64>>,
}

impl Plan {
    /// Finds the records that are asked for. What is written later is not among them.
    pub(crate) fn make(
        args: &RunArgs,
        topology: &Topology,
        log: &RealLog,
        now_ms: i64,
    ) -> Result<Self> {
        let destination = destination(topology, &args.topic, args.into.as_deref())?;
        let ranges = find_ranges(&args.topic, &args.range, log, now_ms)?;
        Ok(Self { topic: args.topic.clone(), destination, ranges })
    }
}

/// The offsets of a topic's partitions that are asked for, as far as there are records now.
pub(crate) fn find_ranges(
    topic: &str,
    range: &RangeArgs,
    log: &RealLog,
    now_ms: i64,
) -> Result<BTreeMap<i32, Range<i64>>> {
    let bounds = log.bounds(topic)?;
    let at = |time_ms: i64| log.offsets_at(topic, time_ms);
    let since = range.since.as_ref().map(|m| at(m.at_ms(now_ms))).transpose()?;
    let until = range.until.as_ref().map(|m| at(m.at_ms(now_ms))).transpose()?;
    ranges(topic, &bounds, since.as_ref(), until.as_ref(), range)
}

/// The topic of a replay lane that a topic's pointers go to.
fn destination(
    topology: &Topology,
    topic: &str,
    into: Option<&str>,
) -> Result<String, ConfigFaults> {
    let replayable = topology.replayable();
    if !replayable.contains(topic) {
        let known = replayable.into_iter().collect::<Vec<_>>().join(", ");
        let topic = escape(topic);
        return Err(ConfigFaults::one(format!(
            "no stage reads {topic} and can replay it; those read by stages are {known}"
        )));
    }
    let Some(stage) = into else { return Ok(Topology::twin(topic)) };
    wiring::known_stage(topology, stage)?;
    let spec = &topology.stages[stage];
    if !spec.live.iter().any(|live| live == topic) {
        let live = spec.live.join(", ");
        return Err(ConfigFaults::one(format!("{stage} reads {live}, not {topic}")));
    }
    Ok(Topology::replay_of(stage))
}

/// The first offset at a time or later, where there is one.
type Found = BTreeMap<TopicPartition, Option<i64>>;

fn ranges(
    topic: &str,
    bounds: &BTreeMap<TopicPartition, (i64, i64)>,
    since: Option<&Found>,
    until: Option<&Found>,
    args: &RangeArgs,
) -> Result<BTreeMap<i32, Range<i64>>> {
    if !args.offsets.is_empty() {
        return given(topic, bounds, args);
    }
    let range = |(at, (start, end)): (&TopicPartition, &(i64, i64))| {
        // Where no record is so young, its place is the end.
        let place = |found: &Found| found.get(at).copied().flatten().unwrap_or(*end);
        let from = since.map_or(*start, place).clamp(*start, *end);
        let to = until.map_or(*end, place).clamp(from, *end);
        (at.partition, from..to)
    };
    Ok(bounds.iter().map(range).collect())
}

fn given(
    topic: &str,
    bounds: &BTreeMap<TopicPartition, (i64, i64)>,
    args: &RangeArgs,
) -> Result<BTreeMap<i32, Range<i64>>> {
    let mut ranges = BTreeMap::new();
    for asked in &args.offsets {
        let (partition, offsets) = (asked.partition, asked.offsets.clone());
        let Some((start, end)) = bounds.get(&TopicPartition::new(topic, partition)) else {
            return Err(ConfigFaults::one(format!("{topic} has no partition {partition}")).into());
        };
        ensure!(
            *start <= offsets.start && offsets.end <= *end,
            "{topic}/{partition} has the offsets {start} to {end}, not {} to {}",
            offsets.start,
            offsets.end
        );
        if ranges.insert(partition, offsets).is_some() {
            let fault = format!("--offsets names partition {partition} twice");
            return Err(ConfigFaults::one(fault).into());
        }
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(partition: i32) -> TopicPartition {
        TopicPartition::new("logs", partition)
    }

    fn bounds() -> BTreeMap<TopicPartition, (i64, i64)> {
        [(at(0), (10, 20)), (at(1), (0, 0)), (at(2), (5, 9))].into()
    }

    #[test]
    fn without_a_range_it_is_all_there_is_now() {
        let all = ranges("logs", &bounds(), None, None, &RangeArgs::default()).unwrap();
        assert_eq!(all, BTreeMap::from([(0, 10..20), (1, 0..0), (2, 5..9)]));
    }

    #[test]
    fn times_are_offsets_and_nothing_young_enough_is_nothing() {
        let since = Found::from([(at(0), Some(12)), (at(1), None), (at(2), None)]);
        let until = Found::from([(at(0), Some(15)), (at(1), None), (at(2), Some(6))]);
        let given =
            ranges("logs", &bounds(), Some(&since), Some(&until), &RangeArgs::default()).unwrap();
        assert_eq!(given, BTreeMap::from([(0, 12..15), (1, 0..0), (2, 9..9)]));
    }

    #[test]
    fn offsets_that_are_not_there_are_told() {
        let given = |texts: &[&str]| {
            let offsets = texts.iter().map(|text| text.parse().unwrap()).collect();
            let args = RangeArgs { offsets, ..RangeArgs::default() };
            ranges("logs", &bounds(), None, None, &args).map_err(|error| error.to_string())
        };
        assert_eq!(given(&["0:11..13"]), Ok(BTreeMap::from([(0, 11..13)])));
        assert_eq!(
            given(&["0:9..13"]),
            Err("logs/0 has the offsets 10 to 20, not 9 to 13".to_owned())
        );
        assert_eq!(given(&["7:0..1"]), Err("logs has no partition 7".to_owned()));
        assert_eq!(
            given(&["0:11..13", "0:14..15"]),
            Err("--offsets names partition 0 twice".to_owned())
        );
    }

    #[test]
    fn a_replay_goes_into_a_lane_that_reads_it() {
        let topology = Topology::embedded();
        let to = |topic: &str, into: Option<&str>| {
            destination(&topology, topic, into).map_err(|faults| faults.to_string())
        };
        assert_eq!(to("logs", None), Ok("logs.replay".to_owned()));
        assert_eq!(to("logs", Some("match")), Ok("replay.match".to_owned()));
        assert_eq!(to("logs", Some("merge")), Err("merge reads subgraphs, not logs".to_owned()));
        assert_eq!(
            to("merged", None),
            Err("no stage reads merged and can replay it; those read by stages are logs, \
                 subgraphs"
                .to_owned())
        );
        assert!(to("logs", Some("nobody")).unwrap_err().contains("no stage nobody"));
    }
}
