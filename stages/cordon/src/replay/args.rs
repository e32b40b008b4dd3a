//! The words of `cordon replay` on the command line.

use std::{ops::Range, str::FromStr};

use clap::{Args, Subcommand};

use crate::{dead::time::Moment, shadow::DiffArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum ReplayCommand {
    /// Emit pointers of a topic again, into the replay lane of those who read it. Takes the
    /// principal replayer.
    Run(RunArgs),
    /// Go on with a replay that was stopped or killed, where it is.
    Resume(ResumeArgs),
    /// List replays, by what their receipts say.
    List,
    /// Show how far one is.
    Status {
        /// Its name.
        id: ReplayId,
    },
    /// Compare what a shadow made of history with what the live stage made of it: findings or
    /// elements of the graph that appear, vanish or change. Takes the principal reader.
    Diff(DiffArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The topic: logs lets everything happen again, subgraphs what comes behind it.
    pub(crate) topic: String,
    /// Into one stage alone, and what comes behind it.
    #[arg(long, value_name = "STAGE")]
    pub(crate) into: Option<String>,
    #[command(flatten)]
    pub(crate) range: RangeArgs,
    /// Its name, by which it is resumed: letters, digits, `.`, `_` and `-`. The time unless given.
    #[arg(long)]
    pub(crate) id: Option<ReplayId>,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
    /// Emit nothing; count pointers, datapoints and bytes, and estimate what S3 asks for them.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Which records; all that there are now unless given.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RangeArgs {
    /// Only pointers written at this time or later: 2026-11-24, 2026-11-24T08:00:00Z, or 2h for
    /// two hours ago.
    #[arg(long, value_name = "TIME", conflicts_with = "offsets")]
    pub(crate) since: Option<Moment>,
    /// Only pointers written before this time.
    #[arg(long, value_name = "TIME", conflicts_with = "offsets")]
    pub(crate) until: Option<Moment>,
    /// Only these offsets of a partition, the last one excluded: 0:100..250. Repeat for more
    /// partitions; others are left out.
    #[arg(long, value_name = "PARTITION:FROM..TO")]
    pub(crate) offsets: Vec<PartitionOffsets>,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PaceArgs {
    /// Datapoints a second at most.
    #[arg(long, value_name = "DATAPOINTS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rate: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// Its name.
    pub(crate) id: ReplayId,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
}

/// The name of a replay: the end of its group and of its `transactional.id`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReplayId(String);

impl ReplayId {
    /// Kafka's own limit for names is 249.
    const BYTES_MAX: usize = 64;

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Something that is no name of a replay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write 1 to {} letters, digits, dots, underscores and hyphens", ReplayId::BYTES_MAX)]
pub(crate) struct NoReplayId;

impl FromStr for ReplayId {
    type Err = NoReplayId;

    fn from_str(text: &str) -> Result<Self, NoReplayId> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let fits = (1..=Self::BYTES_MAX).contains(&text.len());
        if fits && text.bytes().all(is_plain) { Ok(Self(text.to_owned())) } else { Err(NoReplayId) }
    }
}

/// Offsets of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionOffsets {
    pub(crate) partition: i32,
    pub(crate) offsets: Range<i64>,
}

/// Something that names no offsets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write PARTITION:FROM..TO, whole numbers from 0, FROM below TO, as in 0:100..250")]
pub(crate) struct NoOffsets;

impl FromStr for PartitionOffsets {
    type Err = NoOffsets;

    fn from_str(text: &str) -> Result<Self, NoOffsets> {
        let number = |text: &str| text.parse().ok().filter(|n: &i64| *n >= 0).ok_or(NoOffsets);
        let (partition, offsets) = text.split_once(':').ok_or(NoOffsets)?;
        let (from, to) = offsets.split_once("..").ok_or(NoOffsets)?;
        let (from, to) = (number(from)?, number(to)?);
        let partition = i32::try_from(number(partition)?).map_err(|_| NoOffsets)?;
        if from < to { Ok(Self { partition, offsets: from..to }) } else { Err(NoOffsets) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_a_partition_and_a_range() {
        let parsed = "3:10..25".parse::<PartitionOffsets>().unwrap();
        assert_eq!(parsed, PartitionOffsets { partition: 3, offsets: 10..25 });
        for text in
            ["", "3", "3:10", "10..25", "3:25..10", "3:5..5", "-1:0..5", "3:-1..5", "x:0..1"]
        {
            assert_eq!(text.parse::<PartitionOffsets>(), Err(NoOffsets), "{text}");
        }
    }

    #[test]
    fn a_name_is_one_that_kafka_takes_too() {
        for text in ["a", "2026-11-24", "a.b_c-D9", &"x".repeat(64)] {
            assert_eq!(text.parse::<ReplayId>().unwrap().as_str(), text);
        }
        for text in ["", "a b", "a/b", "ä", "a\n", &"x".repeat(65)] {
            assert_eq!(text.parse::<ReplayId>(), Err(NoReplayId), "{text:?}");
        }
    }
}
