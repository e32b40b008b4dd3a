//! What the brokers tell.

use std::collections::{BTreeMap, BTreeSet};

use super::Topology;
use crate::{
    admin::{AclRule, Admin, AdminError, ScramUser, Setting, TopicShape},
    log::TopicPartition,
};

/// Something, or why the brokers do not tell.
pub(super) type Told<T> = Result<T, String>;

/// Settings by name.
pub(super) type Settings = BTreeMap<String, Setting>;

/// A topic.
#[derive(Clone, Debug)]
pub(super) struct ObservedTopic {
    pub(super) shape: TopicShape,
    /// In force, the topic's own and the broker's; empty for topics that are not declared.
    pub(super) settings: Settings,
}

/// A cluster, as an administrator sees it.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    pub(super) topics: BTreeMap<String, ObservedTopic>,
    pub(super) acls: Vec<AclRule>,
    pub(super) users: Told<Vec<ScramUser>>,
    /// Partitions that each stage's group has an offset for.
    pub(super) offsets: BTreeMap<String, BTreeSet<TopicPartition>>,
    /// By broker id.
    pub(super) brokers: Told<BTreeMap<i32, Settings>>,
}

impl Observed {
    /// Asks the brokers.
    pub(super) fn of(admin: &Admin, topology: &Topology) -> Result<Self, AdminError> {
        let declared = topology.all_topics();
        let mut topics = BTreeMap::new();
        for (name, shape) in admin.topics()? {
            let is_declared = declared.contains_key(&name);
            let settings = if is_declared { admin.topic_settings(&name)? } else { Settings::new() };
            topics.insert(name, ObservedTopic { shape, settings });
        }
        let mut offsets = BTreeMap::new();
        for stage in topology.stages.keys() {
            let committed = admin.group_offsets(&Topology::group(stage))?;
            offsets.insert(stage.clone(), committed.into_keys().collect());
        }
        Ok(Self {
            topics,
            acls: admin.acl_rules()?,
            users: admin.users().map_err(|error| error.words),
            offsets,
            brokers: brokers(admin).map_err(|error| error.words),
        })
    }
}

fn brokers(admin: &Admin) -> Result<BTreeMap<i32, Settings>, AdminError> {
    let ids = admin.brokers()?.into_iter();
    ids.map(|id| Ok((id, admin.broker_settings(id)?))).collect()
}
