//! The words of `cordon lister` on the command line: what an operator asks of it.

use std::path::PathBuf;

use clap::Args;
use cordon_lister::Prefix;

use crate::dead::time::Moment;

#[derive(Debug, Args)]
pub(crate) struct ListerArgs {
    /// What to walk: a topic, whose payloads lie under its name, or a shard of one (logs/shard-1).
    #[arg(required = true, value_name = "PREFIX")]
    pub(crate) prefixes: Vec<Prefix>,
    /// Only payloads made at this time or later: 2026-11-24, 2026-11-24T08:00:00Z, or 2h for two
    /// hours ago.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Moment>,
    /// Only payloads made before this time; before the start of the walk unless given.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Moment>,
    /// Keep the place here after each page, and go on from it. Without it a walk that was killed
    /// begins anew.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Pointers a second at most.
    #[arg(long, value_name = "POINTERS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rate: Option<u64>,
    /// Distinguishes listers that run at the same time: the last part of `transactional.id`.
    #[arg(long, default_value = "0")]
    pub(crate) id: String,
}
