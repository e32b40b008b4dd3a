//! Makes a cluster what the topology says. Idempotent: what is there already is left alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use cordon_records::BatchId;
use serde::Serialize;

use super::{TopicSpec, Topology, settings};
use crate::{
    admin::{Acl, Admin, AdminError, End, NewTopic, TopicShape},
    connection::Connection,
    deadline::Deadline,
    log::{NewOffset, TopicPartition},
    progress::Progress,
    secret::Password,
};

/// What may differ from cluster to cluster.
#[derive(Clone, Debug, Default)]
pub struct ApplyOptions {
    /// Replicas of each topic, where the topology's number does not fit: 1 on a single broker.
    pub replication: Option<i32>,
    /// Users are made by others, as on MSK, whose users are secrets of AWS: none is made, and no
    /// password drawn.
    pub users_elsewhere: bool,
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ApplyReport {
    /// Topics that were created.
    pub topics_created: Vec<String>,
    /// Topics that got more partitions.
    pub topics_grown: Vec<String>,
    /// Topics that were set otherwise.
    pub topics_changed: Vec<String>,
    /// Users whose password was set.
    pub users: Vec<String>,
    /// How many ACLs were missing.
    pub acls_created: usize,
    /// How many first offsets were committed.
    pub first_offsets: usize,
}

/// Why it could not be finished. What was made before stays; apply again.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The cluster refused.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A password file could not be read or written.
    #[error("the password file {path}")]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The brokers do not tell of topics that were created.
    #[error("the brokers do not show these topics yet, apply again: {}", .0.join(", "))]
    Hidden(Vec<String>),
}

/// How long brokers may take to tell of what the controller created.
const VISIBLE_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Topology {
    /// Makes topics, users, ACLs and first offsets. `secrets` holds one password file for each
    /// principal; those that are missing are drawn.
    pub fn apply(
        &self,
        connection: &Connection,
        secrets: &Path,
        options: &ApplyOptions,
    ) -> Result<ApplyReport, ApplyError> {
        let admin = Admin::new(connection)?;
        let mut report = ApplyReport::default();
        let declared = self.all_topics();
        let replication = options.replication.unwrap_or(self.replication);
        apply_topics(&admin, &declared, replication, &mut report)?;
        let topics = await_topics(&admin, &declared)?;
        if !options.users_elsewhere {
            self.apply_users(&admin, secrets, &mut report)?;
        }
        apply_acls(&admin, self.acls(), &mut report)?;
        self.apply_first_offsets(&admin, &topics, &mut report)?;
        Ok(report)
    }

    fn apply_users(
        &self,
        admin: &Admin,
        secrets: &Path,
        report: &mut ApplyReport,
    ) -> Result<(), ApplyError> {
        let existing: BTreeSet<String> = admin.users()?.into_iter().map(|user| user.name).collect();
        let admins = |name: &String| admin.connection().username == *name;
        for name in self.principals.keys().filter(|name| !admins(name)) {
            apply_user(admin, name, secrets, existing.contains(name), report)?;
        }
        Ok(())
    }

    /// Commits the log's start for every input partition whose group has nothing committed.
    ///
    /// A group with members refuses offsets from outside its membership, except in a transaction:
    /// that is how partitions are added to a stage that runs.
    fn apply_first_offsets(
        &self,
        admin: &Admin,
        topics: &BTreeMap<String, TopicShape>,
        report: &mut ApplyReport,
    ) -> Result<(), ApplyError> {
        for (stage, spec) in &self.stages {
            let group = Self::group(stage);
            let known = admin.group_offsets(&group)?;
            let absent: Vec<TopicPartition> = spec
                .inputs()
                .flat_map(|topic| {
                    let count = topics.get(topic).map_or(0, |shape| shape.partitions);
                    (0..count).map(|partition| TopicPartition::new(topic.as_str(), partition))
                })
                .filter(|at| !known.contains_key(at))
                .collect();
            if absent.is_empty() {
                continue;
            }
            let starts = admin.ends(&absent, End::Start)?;
            let metadata = Progress::start(BatchId::default()).to_string();
            let offsets: Vec<NewOffset> = starts
                .into_iter()
                .map(|(at, offset)| NewOffset { at, offset, metadata: metadata.clone() })
                .collect();
            report.first_offsets += offsets.len();
            admin.commit_absent_offsets(&group, &offsets)?;
        }
        Ok(())
    }
}

/// Creates, sets and grows topics.
pub(super) fn apply_topics(
    admin: &Admin,
    topics: &BTreeMap<String, TopicSpec>,
    replication: i32,
    report: &mut ApplyReport,
) -> Result<(), ApplyError> {
    let existing = admin.topics()?;
    for (name, spec) in topics {
        let settings = settings::declared(spec, replication);
        match existing.get(name) {
            None => {
                let partitions = spec.partitions;
                let topic = NewTopic { name: name.clone(), partitions, replication, settings };
                admin.create_topic(&topic)?;
                report.topics_created.push(name.clone());
            }
            Some(shape) => apply_topic(admin, name, spec, *shape, &settings, report)?,
        }
    }
    Ok(())
}

/// Waits until the brokers tell of every partition of these topics, and gives how many all topics
/// have. A topic is created on the controller, and brokers hear of it a moment later: a partition
/// missed here would get no first offset.
pub(super) fn await_topics(
    admin: &Admin,
    topics: &BTreeMap<String, TopicSpec>,
) -> Result<BTreeMap<String, TopicShape>, ApplyError> {
    let deadline = Deadline::after(VISIBLE_MAX);
    loop {
        let known = admin.topics()?;
        let is_hidden = |(name, spec): &(&String, &TopicSpec)| {
            known.get(*name).is_none_or(|shape| shape.partitions < spec.partitions)
        };
        let hidden: Vec<String> =
            topics.iter().filter(is_hidden).map(|(name, _)| name.clone()).collect();
        if hidden.is_empty() {
            return Ok(known);
        }
        if deadline.passed() {
            return Err(ApplyError::Hidden(hidden));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Makes a user, whose password is drawn unless its file is there.
pub(super) fn apply_user(
    admin: &Admin,
    name: &str,
    secrets: &Path,
    exists: bool,
    report: &mut ApplyReport,
) -> Result<(), ApplyError> {
    let path = secrets.join(name);
    let is_drawn = !path.exists();
    let password =
        Password::read_or_create(&path).map_err(|source| ApplyError::Secret { path, source })?;
    if is_drawn || !exists {
        admin.upsert_user(name, &password)?;
        report.users.push(name.to_owned());
    }
    Ok(())
}

/// Grants what is missing of these.
pub(super) fn apply_acls(
    admin: &Admin,
    acls: Vec<Acl>,
    report: &mut ApplyReport,
) -> Result<(), ApplyError> {
    let existing: BTreeSet<_> = admin.acls()?.into_iter().collect();
    let missing: Vec<_> = acls.into_iter().filter(|acl| !existing.contains(acl)).collect();
    if !missing.is_empty() {
        admin.create_acls(&missing)?;
    }
    report.acls_created = missing.len();
    Ok(())
}

/// Sets and grows one that exists.
fn apply_topic(
    admin: &Admin,
    name: &str,
    spec: &TopicSpec,
    shape: TopicShape,
    declared: &BTreeMap<String, String>,
    report: &mut ApplyReport,
) -> Result<(), ApplyError> {
    let found = admin.topic_settings(name)?;
    let is_so =
        |(key, value): (&String, &String)| found.get(key).is_some_and(|s| s.value == *value);
    if !declared.iter().all(is_so) {
        admin.set_topic_settings(name, declared)?;
        report.topics_changed.push(name.to_owned());
    }
    if shape.partitions < spec.partitions {
        admin.grow_topic(name, spec.partitions)?;
        report.topics_grown.push(name.to_owned());
    }
    Ok(())
}
