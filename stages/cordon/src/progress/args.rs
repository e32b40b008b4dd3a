//! The words of `cordon progress` on the command line.

use clap::{Args, Subcommand};

use super::place::{Partition, Place};

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
