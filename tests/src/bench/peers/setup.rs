//! What the peers need of the cluster: a principal of their own, with the rights of a stage.

use anyhow::Result;
use cordon_kafka::admin::{Acl, NewTopic, Operation, Resource};

use super::{super::cluster::Cluster, contender::Name};
use crate::s3::{Action, Policy};

/// The principal of all peers, and the beginning of every name of theirs.
pub(super) const PRINCIPAL: &str = "peers";
/// One record for each line, for the peer that wants that.
pub(super) const LINES: &str = "peers.lines";
/// As many as the stage's input and output have.
pub(super) const PARTITIONS: i32 = 4;

/// Rights to objects: the stage's own, under another prefix.
pub(super) fn grant(policy: Policy) -> Policy {
    let bucket = policy.buckets.first().cloned().unwrap_or_default();
    policy
        .grant(PRINCIPAL, Action::GetObject, &bucket, "logs/")
        .grant(PRINCIPAL, Action::PutObject, &bucket, "peers.")
        .grant("reader", Action::GetObject, &bucket, "peers.")
}

/// Makes the principal, its topics and its ACLs.
pub(super) fn prepare(cluster: &Cluster) -> Result<()> {
    let admin = cluster.admin()?;
    let outputs = Name::PEERS.iter().flat_map(|peer| [peer.output(), peer.letters()]);
    for topic in outputs.chain([LINES.to_owned()]) {
        admin.create_topic(&NewTopic {
            name: topic,
            partitions: PARTITIONS,
            replication: 1,
            settings: [("compression.type".to_owned(), "producer".to_owned())].into(),
        })?;
    }
    cluster.add_principal(PRINCIPAL)?;
    let acl = |operation, resource, name: &str, prefixed| Acl {
        principal: format!("User:{PRINCIPAL}"),
        operation,
        resource,
        name: name.to_owned(),
        prefixed,
    };
    admin.create_acls(&[
        acl(Operation::Read, Resource::Topic, "logs", false),
        acl(Operation::Read, Resource::Topic, "peers.", true),
        acl(Operation::Write, Resource::Topic, "peers.", true),
        acl(Operation::Read, Resource::Group, "peers.", true),
        acl(Operation::Write, Resource::TransactionalId, "peers.", true),
    ])?;
    Ok(())
}
