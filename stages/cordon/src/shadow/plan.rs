//! What a shadow is for: one record in a topic of its own, which everybody reads who has to do with
//! the shadow. It is written when all else is made.

use std::{collections::BTreeMap, ops::Range};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use cordon_courier::{
    event::{Transaction, TransactionOutcome},
    transaction,
};
use cordon_kafka::{
    log::{NewRecord, TopicPartition},
    real::RealLog,
    topology::Shadow,
};
use serde::{Deserialize, Serialize};

use crate::{patience::Patience, producer};

/// The version of the format.
const VERSION: u32 = 1;

/// A range of history for a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    version: u32,
    pub(crate) stage: String,
    /// The topic whose pointers are processed.
    pub(crate) topic: String,
    /// Offsets by partition; every partition that there was is named.
    pub(crate) ranges: BTreeMap<i32, Range<i64>>,
    /// When it was made, milliseconds since the epoch.
    pub(crate) created_ms: i64,
}

impl Plan {
    pub(crate) fn new(
        shadow: &Shadow,
        topic: &str,
        ranges: BTreeMap<i32, Range<i64>>,
        created_ms: i64,
    ) -> Self {
        let (stage, topic) = (shadow.stage().to_owned(), topic.to_owned());
        Self { version: VERSION, stage, topic, ranges, created_ms }
    }

    /// Where a shadow begins in each partition.
    pub(crate) fn starts(&self) -> BTreeMap<TopicPartition, i64> {
        let start = |(partition, range): (&i32, &Range<i64>)| (self.at(*partition), range.start);
        self.ranges.iter().map(start).collect()
    }

    /// Where it ends in each partition: one past the last offset.
    pub(crate) fn ends(&self) -> BTreeMap<TopicPartition, i64> {
        let end = |(partition, range): (&i32, &Range<i64>)| (self.at(*partition), range.end);
        self.ranges.iter().map(end).collect()
    }

    /// The partitions in which there is something to do, with their offsets.
    pub(crate) fn wanted(&self) -> Vec<(TopicPartition, Range<i64>)> {
        let some = self.ranges.iter().filter(|(_, range)| !range.is_empty());
        some.map(|(partition, range)| (self.at(*partition), range.clone())).collect()
    }

    fn at(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(self.topic.as_str(), partition)
    }

    /// Writes it down.
    pub(crate) fn write(&self, shadow: &Shadow, log: &RealLog) -> Result<()> {
        let id = format!("{}plan", shadow.transactional_prefix());
        let record = NewRecord {
            topic: shadow.plan().into(),
            partition: Some(0),
            key: None,
            value: Bytes::from(serde_json::to_vec(self)?),
            headers: Vec::new(),
        };
        let mut patience = Patience::new();
        loop {
            let mut producer = producer::open(log, &id).map_err(anyhow::Error::msg)?;
            let transaction = Transaction { records: vec![record.clone()], offsets: Vec::new() };
            match transaction::run(&mut producer, None, transaction) {
                TransactionOutcome::Committed => return Ok(()),
                // It may stand there twice: the same.
                TransactionOutcome::Unknown(why) | TransactionOutcome::Aborted(why)
                    if patience.wait() =>
                {
                    tracing::warn!(why, "the shadow's plan is written again");
                }
                outcome => bail!("the shadow's plan cannot be written: {outcome:?}"),
            }
        }
    }

    /// Reads it, as whoever may.
    pub(crate) fn read(shadow: &Shadow, log: &RealLog) -> Result<Self> {
        let name = shadow.name();
        let last = log.reader(&shadow.plan())?.last().transpose()?;
        let record = last.with_context(|| {
            let stage = shadow.stage();
            format!(
                "the shadow {name} is not finished: `cordon shadow create {name} --stage {stage}`"
            )
        })?;
        let plan: Self = serde_json::from_slice(&record.value)
            .with_context(|| format!("the plan of the shadow {name} cannot be read"))?;
        ensure!(
            plan.version == VERSION,
            "the plan of the shadow {name} has version {}, and this cordon reads {VERSION}",
            plan.version
        );
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use cordon_kafka::topology::Topology;

    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let topology = Topology::embedded();
        let shadow = Shadow::of(&topology, &"new".parse().unwrap(), "match").unwrap();
        let plan = Plan::new(&shadow, "logs", BTreeMap::from([(0, 5..9), (1, 7..7)]), 3);
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(
            text,
            r#"{"version":1,"stage":"match","topic":"logs","ranges":{"0":{"start":5,"end":9},"1":{"start":7,"end":7}},"created_ms":3}"#
        );
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        assert_eq!(plan.wanted(), [(TopicPartition::new("logs", 0), 5..9)]);
        assert_eq!(plan.starts()[&TopicPartition::new("logs", 1)], 7);
        assert_eq!(plan.ends()[&TopicPartition::new("logs", 0)], 9);
    }
}
