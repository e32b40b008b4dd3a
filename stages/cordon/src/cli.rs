//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use cordon_cell::JailMode;
use cordon_kafka::topology::ShadowName;

use crate::{
    bench::BenchCommand, dead::DeadCommand, lister::ListerArgs, progress::ProgressCommand,
    replay::ReplayCommand, rules::RulesChoice, shadow::ShadowCommand, topology::TopologyCommand,
};

/// Streaming security telemetry: logs in, one merged graph and findings out, every step isolated.
#[derive(Debug, Parser)]
#[command(name = "cordon", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// The configuration; `cordon.toml` in the working directory unless given. `CORDON_*` goes
    /// first.
    #[arg(long, global = true, value_name = "FILE", env = "CORDON_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole pipeline here, with nothing installed: embedded log, directory store, real
    /// cells.
    Demo(DemoArgs),
    /// Run one stage against the configured Kafka and S3.
    Run {
        /// The stage: pack, generate, match or merge.
        stage: String,
        #[command(flatten)]
        rules: RulesChoice,
        /// As a shadow of the stage, over the history that it was made for; ends when that is done.
        /// Takes the principal shadow-NAME.
        #[arg(long, value_name = "NAME")]
        shadow: Option<ShadowName>,
    },
    /// Bring files in: JSON lines and EVTX; plain, gz, zst, zip, tar, and directories of them.
    Ingest {
        /// Files and directories.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Distinguishes ingests that run at the same time: the last part of `transactional.id`.
        #[arg(long, default_value = "0")]
        id: String,
    },
    /// Topics, users, ACLs and policies, from one file.
    #[command(subcommand)]
    Topology(TopologyCommand),
    /// Print the findings, one a line.
    Findings(ResultsArgs),
    /// Print the merged graph, one node or edge a line.
    Graph(ResultsArgs),
    /// Measure a deployment.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Check that every datapoint has exactly one fate.
    Audit(AuditArgs),
    /// Look at the dead letters: the datapoints that have no output, and why.
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Look at how far stages have come, and repair it.
    #[command(subcommand)]
    Progress(ProgressCommand),
    /// Let history be processed again, beside live traffic.
    #[command(subcommand)]
    Replay(ReplayCommand),
    /// Run another version of a stage, or other rules, over history, beside the live pipeline and
    /// without touching it; `cordon replay diff` compares.
    #[command(subcommand)]
    Shadow(ShadowCommand),
    /// Walk the keys of the bucket by time, and emit pointers to what lies there into a replay
    /// lane. Takes the principal lister.
    Lister(ListerArgs),
    #[command(hide = true)]
    Zygote {
        kind: String,
        #[command(flatten)]
        rules: RulesChoice,
        #[arg(long, default_value = "best")]
        jail: JailMode,
    },
    #[command(hide = true)]
    Courier {
        stage: String,
        #[arg(long)]
        shadow: Option<ShadowName>,
        /// The process that forks its cells: what it uses is told in metrics.
        #[arg(long)]
        zygote: Option<u32>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Files and directories; without any, generated telemetry in which attacks are planted.
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) rules: RulesChoice,
    /// Where results go; must not exist or be empty.
    #[arg(long, value_name = "DIR", default_value = "cordon-demo")]
    pub(crate) out: PathBuf,
    /// Slots of each stage.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) slots: u32,
}

#[derive(Debug, Args)]
pub(crate) struct FromArgs {
    /// Read the results of a demo instead of the configured cluster.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
}

/// Whose results.
#[derive(Debug, Args)]
pub(crate) struct ResultsArgs {
    #[command(flatten)]
    pub(crate) from: FromArgs,
    /// Those of a shadow, instead of the live stages'.
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    pub(crate) shadow: Option<ShadowName>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
    /// Do not fetch the objects that pointers name.
    #[arg(long)]
    pub(crate) no_objects: bool,
    /// Datapoints whose turn has not come are a fault too.
    #[arg(long)]
    pub(crate) complete: bool,
}
