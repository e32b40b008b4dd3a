//! What a replay would do: counted over its range, without emitting anything.

use anyhow::Result;
use cordon_courier::Limits;
use cordon_kafka::{
    log::{ConsumerError, Record},
    topology::{InputSpec, Topology},
};
use serde::Serialize;

use super::emit::pointer_in;
use crate::prices::S3_LIST;

/// What a range holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Pointers to be emitted.
    pub(crate) pointers: u64,
    pub(crate) datapoints: u64,
    /// As they are stored.
    pub(crate) packed_bytes: u64,
    /// As cells see them.
    pub(crate) decoded_bytes: u64,
    /// Records that are no pointers.
    pub(crate) skipped: u64,
}

impl Counts {
    /// Counts what records hold.
    pub(crate) fn of(
        records: impl Iterator<Item = Result<Record, ConsumerError>>,
    ) -> Result<Self, ConsumerError> {
        let mut counts = Self::default();
        for record in records {
            counts.add(&record?.value);
        }
        Ok(counts)
    }

    fn add(&mut self, value: &[u8]) {
        let Some(pointer) = pointer_in(value) else {
            self.skipped += 1;
            return;
        };
        let count = |number: i64| number.max(0).unsigned_abs();
        self.pointers += 1;
        self.datapoints += count(pointer.datapoints.unwrap_or(0));
        self.packed_bytes += count(pointer.range_bytes);
        self.decoded_bytes += count(pointer.decoded_bytes);
    }
}

/// Requests that stages make of S3 for a replay, and their price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Requests {
    pub(crate) gets: u64,
    pub(crate) puts: u64,
    pub(crate) usd: f64,
}

/// From work that fills every batch to one batch for each payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Estimate {
    pub(crate) least: Requests,
    pub(crate) most: Requests,
}

/// What goes into a stage.
#[derive(Clone, Copy)]
struct Flow {
    pointers: u64,
    datapoints: u64,
    decoded_bytes: u64,
}

impl Estimate {
    /// Follows a range through all stages behind a topic of a replay lane.
    ///
    /// How much a stage makes of its input is not known here: as much as comes in, which no stage
    /// of cordon's surpasses for long, since equal elements coalesce.
    pub(crate) fn of(counts: &Counts, topology: &Topology, destination: &str) -> Self {
        let flow = Flow {
            pointers: counts.pointers,
            datapoints: counts.datapoints,
            decoded_bytes: counts.decoded_bytes,
        };
        let mut estimate = Self::default();
        for (bound, is_least) in [(&mut estimate.least, true), (&mut estimate.most, false)] {
            follow(flow, topology, destination, is_least, bound);
            // What is stored again is small against what is stored.
            bound.usd = S3_LIST.usd(bound.gets, bound.puts);
        }
        estimate
    }
}

fn follow(flow: Flow, topology: &Topology, topic: &str, is_least: bool, requests: &mut Requests) {
    let readers = topology.stages.values().filter(|stage| stage.input == InputSpec::Pointers);
    for stage in readers.filter(|stage| stage.replay.iter().any(|replay| replay == topic)) {
        let batches = if is_least { full_batches(flow) } else { flow.pointers };
        requests.gets += flow.pointers;
        requests.puts += batches;
        // One object, and a pointer for each partition that it has a section for.
        let partitions = topology.topics.get(&stage.output).map_or(1, |spec| spec.partitions);
        let sections = if is_least { 1 } else { u64::from(partitions.unsigned_abs()) };
        let output = Flow { pointers: batches * sections, ..flow };
        follow(output, topology, &Topology::twin(&stage.output), is_least, requests);
    }
}

/// Batches that are as large as they may be.
fn full_batches(flow: Flow) -> u64 {
    let limits = Limits::default();
    let batches = |count: u64, max: i64| count.div_ceil(max.max(1).unsigned_abs());
    batches(flow.datapoints, limits.batch_datapoints_max)
        .max(batches(flow.decoded_bytes, limits.batch_decoded_bytes_max))
        .max(flow.pointers.div_ceil(limits.batch_parts_max.max(1) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_every_stage_behind() {
        let counts = Counts { pointers: 256, datapoints: 32_768, ..Counts::default() };
        let estimate = Estimate::of(&counts, &Topology::embedded(), "replay.merge");
        // Merge alone: each payload is fetched once; two batches of 128 payloads at best.
        assert_eq!((estimate.least.gets, estimate.least.puts), (256, 2));
        assert_eq!((estimate.most.gets, estimate.most.puts), (256, 256));
        let usd = 256.0 * 0.0004 / 1000.0 + 256.0 * 0.005 / 1000.0;
        assert!((estimate.most.usd - usd).abs() < 1e-12);

        let all = Estimate::of(&counts, &Topology::embedded(), "logs.replay");
        // Generate and match fetch each, and merge what generate wrote, at most in four sections.
        assert_eq!((all.least.gets, all.least.puts), (256 + 256 + 2, 2 + 2 + 1));
        assert_eq!((all.most.gets, all.most.puts), (256 + 256 + 1024, 256 + 256 + 1024));
    }

    #[test]
    fn nothing_costs_nothing() {
        let nothing = Estimate::of(&Counts::default(), &Topology::embedded(), "logs.replay");
        assert_eq!(nothing, Estimate::default());
    }
}
