//! What there is to know of a stage's progress, read from the cluster.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use cordon_courier::{InputKind, StageSettings};
use cordon_kafka::{
    admin::{Admin, End},
    log::{Committed, Log as _, TopicPartition},
    real::RealLog,
    topology::Topology,
};
use cordon_records::{Pointer, single_object};

use super::{
    between::Count, consumed::Coverage, judge::Found, judge::Input, place::Place, repair::Repair,
};
use crate::{config::Config, courier::limits, wiring};

/// A stage as the configured principal sees it.
pub(crate) struct Survey {
    pub(crate) settings: StageSettings,
    pub(crate) admin: Admin,
    log: RealLog,
}

/// A point in time in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) offset: i64,
    /// The first offset, and one past the last.
    pub(crate) bounds: (i64, i64),
}

impl Survey {
    pub(crate) fn open(stage: &str, topology: &Topology, config: &Config) -> Result<Self> {
        let log = wiring::log(config)?;
        let settings = wiring::stage_settings(topology, stage, &log, limits(stage, config))?;
        Ok(Self { settings, admin: Admin::new(&wiring::connection(config)?)?, log })
    }

    /// What the stage reads.
    pub(crate) fn input(&self) -> Input<'_> {
        match self.settings.input {
            InputKind::Raw => Input::Raw,
            InputKind::Pointers => Input::Pointers(self.settings.pointer_limits()),
        }
    }

    /// What is committed for the group. Without the ACL a broker's words say too little.
    pub(crate) fn committed(&self) -> Result<BTreeMap<TopicPartition, Committed>> {
        let group = &self.settings.group;
        self.admin
            .group_offsets(group)
            .with_context(|| format!("the principals operator and admin may look at group {group}"))
    }

    /// Every input partition as it is.
    pub(crate) fn partitions(&self) -> Result<Vec<Found>> {
        let committed = self.committed()?;
        let mut found = Vec::new();
        let topics = self.settings.topics();
        for (topic, count) in topics.iter().zip(self.log.partitions(&topics)?) {
            let partitions: Vec<TopicPartition> =
                (0..count).map(|partition| TopicPartition::new(*topic, partition)).collect();
            found.extend(self.find(topic, &partitions, &committed)?);
        }
        Ok(found)
    }

    /// These partitions of a topic, with what is committed for them.
    fn find(
        &self,
        topic: &str,
        partitions: &[TopicPartition],
        committed: &BTreeMap<TopicPartition, Committed>,
    ) -> Result<Vec<Found>> {
        let (starts, ends) = self.ends(partitions)?;
        let offsets =
            partitions.iter().filter_map(|at| Some((at.clone(), committed.get(at)?.offset)));
        let mut next = self.log.next_records(topic, offsets)?;
        let found = |at: &TopicPartition| Found {
            at: at.clone(),
            committed: committed.get(at).cloned(),
            start: starts[at],
            end: ends[at],
            next: next.remove(at),
        };
        Ok(partitions.iter().map(found).collect())
    }

    fn ends(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<(BTreeMap<TopicPartition, i64>, BTreeMap<TopicPartition, i64>)> {
        let starts = self.admin.ends(partitions, End::Start)?;
        let ends = self.admin.ends(partitions, End::End)?;
        let is_whole = |ends: &BTreeMap<_, _>| partitions.iter().all(|at| ends.contains_key(at));
        ensure!(
            is_whole(&starts) && is_whole(&ends),
            "the brokers do not tell where partitions end"
        );
        Ok((starts, ends))
    }

    /// The first offset of a partition, and one past the last.
    pub(crate) fn bounds(&self, at: &TopicPartition) -> Result<(i64, i64)> {
        let (starts, ends) = self.ends(std::slice::from_ref(at))?;
        Ok((starts[at], ends[at]))
    }

    /// How far the stage's receipts go.
    pub(crate) fn coverage(&self) -> Result<Coverage> {
        let mut coverage = Coverage::default();
        for record in self.log.reader(&self.settings.receipts_topic)? {
            // Receipts that cannot be read are the audit's business.
            if let Ok(receipt) = single_object::decode(&record?.value) {
                coverage.add(&receipt);
            }
        }
        Ok(coverage)
    }

    /// Where the stage must go on in a partition.
    pub(crate) fn repair(
        &self,
        coverage: &Coverage,
        at: &TopicPartition,
        bounds: (i64, i64),
    ) -> Result<Repair> {
        let consumed = coverage.of(at);
        let last = match consumed.and_then(|consumed| consumed.last.as_ref()) {
            Some(last) => self.pointer_at(at, last.offset)?,
            None => None,
        };
        Ok(Repair::of(consumed, bounds, last.as_ref()))
    }

    /// Where each partition of a topic begins that was written since a point in time: its end, where
    /// nothing is so young.
    pub(crate) fn since(
        &self,
        topic: &str,
        time_ms: i64,
    ) -> Result<BTreeMap<TopicPartition, Since>> {
        let found = self.log.offsets_at(topic, time_ms)?;
        let bounds = self.log.bounds(topic)?.into_iter();
        let since = |(at, (start, end)): (TopicPartition, (i64, i64))| {
            let offset = found.get(&at).copied().flatten().unwrap_or(end).clamp(start, end);
            (at, Since { offset, bounds: (start, end) })
        };
        Ok(bounds.map(since).collect())
    }

    fn pointer_at(&self, at: &TopicPartition, offset: i64) -> Result<Option<Pointer>> {
        let record = self.record_at(at, offset)?;
        Ok(record.and_then(|value| single_object::decode(&value).ok()))
    }

    /// The value of the record at exactly this offset.
    pub(crate) fn record_at(
        &self,
        at: &TopicPartition,
        offset: i64,
    ) -> Result<Option<bytes::Bytes>> {
        let record = self.log.range_reader(at, offset..offset.saturating_add(1))?.next();
        Ok(record.transpose()?.map(|record| record.value))
    }

    /// How many datapoints lie between two places of a partition.
    pub(crate) fn count(&self, at: &TopicPartition, from: Place, to: Place) -> Result<Count> {
        let mut count = Count::default();
        let behind = to.offset.saturating_add(i64::from(to.position > 0));
        let input = self.input();
        for record in self.log.range_reader(at, from.offset..behind)? {
            let record = record?;
            count.add(record.offset, &record.value, from, to, &input);
        }
        Ok(count)
    }
}
