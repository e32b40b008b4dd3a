//! The words of `cordon dead` on the command line.

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use cordon_records::Reason;

use super::{fate::Fate, time::Moment};
use crate::cli::FromArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// List the letters, oldest first.
    List(ListArgs),
    /// Show one letter whole, with the bytes of its datapoint.
    Show(ShowArgs),
    /// Let stages process the datapoints of letters again: of all that are open, or those that are
    /// chosen. Takes the principal replayer.
    Redrive(RedriveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) from: FromArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Count them by reason, and say what each reason means and what to do.
    #[arg(long)]
    pub(crate) summary: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The letter, as `dead list` names it: STAGE/TOPIC/PARTITION/OFFSET/INDEX.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) from: FromArgs,
    /// Write the datapoint's bytes as they are, to a file or pipe: they may command a terminal.
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct RedriveArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Emit nothing; say what would be.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Which letters; all conditions hold together.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct FilterArgs {
    /// Only of this stage; repeat for more.
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Vec<String>,
    /// Only for this reason; repeat for more.
    #[arg(long, value_parser = PossibleValuesParser::new(Reason::ALL.iter().map(|r| r.word())))]
    pub(crate) reason: Vec<String>,
    /// Only written at this time or later: 2026-11-24, 2026-11-24T08:00:00Z, or 2h for two hours
    /// ago.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Moment>,
    /// Only written before this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Moment>,
    /// Only from this input topic.
    #[arg(long)]
    pub(crate) topic: Option<String>,
    /// Only from this partition.
    #[arg(long)]
    pub(crate) partition: Option<i32>,
    /// Only from the record at this offset.
    #[arg(long)]
    pub(crate) offset: Option<i64>,
    /// Only from this file, where it is known: its name, or the beginning of its SHA-256.
    #[arg(long, value_name = "NAME|SHA256")]
    pub(crate) file: Option<String>,
    /// Only written by this version of the stage; repeat for more.
    #[arg(long, value_name = "VERSION")]
    pub(crate) stage_version: Vec<String>,
    /// Only those of which this became: still dead, driven again and on their way, no longer dead,
    /// or dead again as other letters; repeat for more.
    #[arg(long)]
    pub(crate) fate: Vec<Fate>,
}
