//! The command line of `cordon topology`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum TopologyCommand {
    /// Print the diagram, topics, ACLs and IAM policies.
    Show(ShowArgs),
    /// Name every difference between the cluster and the topology, missing or extra, and what to
    /// do about it. Exits with 1 when there is one.
    Check {
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Make the cluster so: topics, users, ACLs, first offsets; and the bucket's canaries.
    Apply {
        /// Where password files are, or are made.
        #[arg(long, value_name = "DIR", default_value = "secrets")]
        secrets: PathBuf,
        /// Make no users, because others do: on MSK they are secrets of AWS, which Terraform makes.
        #[arg(long)]
        users_elsewhere: bool,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Print the diagram alone, as Mermaid.
    #[arg(long, conflicts_with = "iam")]
    pub(crate) mermaid: bool,
    /// Print the policy document of one principal, or all of them with the bucket's: the file that
    /// Terraform reads.
    #[arg(long, value_name = "PRINCIPAL")]
    pub(crate) iam: Option<Option<String>>,
}

/// What may differ from cluster to cluster.
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// Replicas of each topic, instead of the topology's number.
    #[arg(long)]
    pub(crate) replication: Option<i32>,
}
