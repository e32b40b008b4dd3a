//! The words of `cordon shadow` on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cordon_kafka::topology::ShadowName;

use crate::{replay::RangeArgs, topology::ClusterArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum ShadowCommand {
    /// Make a shadow of a stage: topics, a user and ACLs of its own, and the range of history that
    /// it reads. Takes the principal admin. Then `cordon run STAGE --shadow NAME` runs it.
    Create(CreateArgs),
    /// List the shadows that there are, and how far each is.
    List,
    /// Show how far one is.
    Status {
        /// Its name.
        name: ShadowName,
    },
    /// Print the policy document that S3 must hold for a shadow's principal.
    Policy {
        /// Its name.
        name: ShadowName,
        /// The stage.
        #[arg(long)]
        stage: String,
    },
    /// Remove a shadow: its topics, group, ACLs and user. What it put into the bucket expires by the
    /// bucket's lifecycle. Takes the principal admin.
    Remove {
        /// Its name.
        name: ShadowName,
        #[command(flatten)]
        users: UsersArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its name: small letters, digits and hyphens. All that belongs to it is called
    /// `shadow-NAME`.
    pub(crate) name: ShadowName,
    /// The stage: generate, match or merge.
    #[arg(long)]
    pub(crate) stage: String,
    #[command(flatten)]
    pub(crate) range: RangeArgs,
    #[command(flatten)]
    pub(crate) users: UsersArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// Where a shadow's user comes from.
#[derive(Debug, Args)]
pub(crate) struct UsersArgs {
    /// Where password files are, or are made.
    #[arg(long, value_name = "DIR", default_value = "secrets")]
    pub(crate) secrets: PathBuf,
    /// Make and remove no user, because others do, as on MSK.
    #[arg(long)]
    pub(crate) users_elsewhere: bool,
}

/// Two versions of results, for `cordon replay diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The shadow with the new version's results.
    pub(crate) name: ShadowName,
    /// Compare with those of another shadow over the same range, instead of the live stage's.
    #[arg(long, value_name = "SHADOW")]
    pub(crate) against: Option<ShadowName>,
    /// Compare although the shadow, or the stage, has not processed all of the range yet.
    #[arg(long)]
    pub(crate) unfinished: bool,
}
