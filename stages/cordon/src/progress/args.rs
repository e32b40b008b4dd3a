//! The words of `cordon progress` on the command line.

use clap::{Args, Subcommand};

use super::place::{Partition, Place};
use crate::dead::time::Moment;

#[derive(Debug, Subcommand)]
pub(crate) enum ProgressCommand {
    /// Show what stages have committed for each partition, whether it fits the log, and how to
    /// repair what does not. Takes the principal operator.
    Show {
        /// Only this stage.
        stage: Option<String>,
    },
    /// Commit where a stage goes on in a partition. Takes the principal admin, and a stage that is
    /// stopped.
    Set(SetArgs),
    /// Let a stage go on from a point in time, in all partitions of its live input at once: what was
    /// written since is processed again, or for the first time. Takes the principal admin, and a
    /// stage that is stopped. Beside live traffic `cordon replay` does the same.
    Reset(ResetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The stage.
    pub(crate) stage: String,
    /// The partition of an input topic: TOPIC/PARTITION.
    #[arg(value_name = "TOPIC/PARTITION")]
    pub(crate) partition: Partition,
    /// The record to go on with and, in its payload, the index of the datapoint: OFFSET[:POSITION].
    #[arg(value_name = "OFFSET[:POSITION]")]
    pub(crate) place: Place,
    /// Do it although datapoints are skipped or repeated.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// The stage.
    pub(crate) stage: String,
    /// Go on with the first record that was written at this time or later: 2026-11-24,
    /// 2026-11-24T08:00:00Z, or 2h for two hours ago.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Moment,
    /// Do it although datapoints are skipped or repeated. Without it, it is only said what would be.
    #[arg(long)]
    pub(crate) yes: bool,
}
