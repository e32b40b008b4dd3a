//! The end of a shadow.

use serde::Serialize;

use super::ShadowName;
use crate::{
    admin::{Acl, Admin, AdminError, Resource},
    connection::Connection,
    topology::Topology,
};

/// What there was of a shadow. Objects stay, until the bucket's lifecycle deletes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RemovedShadow {
    /// Topics that were deleted.
    pub topics: Vec<String>,
    /// How many ACLs were taken away.
    pub acls: usize,
    /// Whether there was a group.
    pub group: bool,
    /// Whether there was a user.
    pub user: bool,
}

impl RemovedShadow {
    /// Whether there was nothing.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl ShadowName {
    /// Removes all that Kafka has of a shadow, whatever stage it is of and however much of it there
    /// is. Its rights go first, so that whatever still runs of it can do nothing more.
    ///
    /// # Errors
    ///
    /// The cluster refuses, or somebody is in the shadow's group. Do it again: what is removed stays
    /// so.
    pub fn remove(
        &self,
        topology: &Topology,
        connection: &Connection,
        users_elsewhere: bool,
    ) -> Result<RemovedShadow, AdminError> {
        let admin = Admin::new(connection)?;
        let full = self.principal(topology);
        let acls: Vec<Acl> =
            admin.acls()?.into_iter().filter(|acl| self.is_about(topology, acl)).collect();
        let mut removed = RemovedShadow {
            acls: admin.delete_acls(&acls)?,
            user: !users_elsewhere && admin.delete_user(&full)?,
            group: admin.delete_group(&full)?,
            topics: Vec::new(),
        };
        let prefix = format!("{full}.");
        for topic in admin.topics()?.into_keys().filter(|topic| topic.starts_with(&prefix)) {
            if admin.delete_topic(&topic)? {
                removed.topics.push(topic);
            }
        }
        Ok(removed)
    }

    /// Whether an ACL is the shadow's, or about something of its.
    fn is_about(&self, topology: &Topology, acl: &Acl) -> bool {
        let full = self.principal(topology);
        let is_below = acl.name.strip_prefix(&full).is_some_and(|rest| rest.starts_with('.'));
        let is_named = match acl.resource {
            Resource::Topic | Resource::TransactionalId => is_below,
            Resource::Group => acl.name == full,
        };
        is_named || acl.principal == format!("User:{full}")
    }
}
