//! Shadows: a stage beside itself, of another version or with other rules, over history.
//!
//! A shadow has everything of its own: a principal, a group, transactional ids, topics, and a
//! prefix of the bucket. All of their names begin with what the topology reserves, and with the
//! shadow's own name, which ends at the first dot. So that no shadow's name is the beginning of
//! another's, it holds no dot.

mod remove;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    str::FromStr,
};

pub use remove::RemovedShadow;

use super::{
    Ability, ApplyError, ApplyOptions, ApplyReport, Document, InputSpec, Role, StageSpec,
    TopicSpec, Topology,
    apply::{apply_acls, apply_topics, apply_user, await_topics},
    grants::Grant,
    iam::identity_policy,
};
use crate::{
    admin::{Acl, Admin, Operation, Resource},
    connection::Connection,
    log::{Committed, TopicPartition},
    progress::Progress,
};
use cordon_records::BatchId;

/// A shadow of a stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shadow {
    name: ShadowName,
    /// What the topology reserves, and the name.
    full: String,
    stage: String,
}

/// What a shadow is called: the part behind the reserved prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShadowName(String);

impl ShadowName {
    /// Far below Kafka's limit of 249 for the name of a topic.
    const BYTES_MAX: usize = 40;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What all that belongs to the shadow is called like, of whatever stage it is.
    pub fn principal(&self, topology: &Topology) -> String {
        format!("{}{}", topology.reserved_prefix, self.0)
    }
}

impl fmt::Display for ShadowName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that is no name of a shadow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write 1 to {} small letters, digits and hyphens, beginning with a letter",
    ShadowName::BYTES_MAX
)]
pub struct NoShadowName;

impl FromStr for ShadowName {
    type Err = NoShadowName;

    fn from_str(text: &str) -> Result<Self, NoShadowName> {
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_name = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= Self::BYTES_MAX
            && text.bytes().all(is_plain);
        if is_name { Ok(Self(text.to_owned())) } else { Err(NoShadowName) }
    }
}

/// Why a stage has no shadow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoShadow {
    /// It is not declared.
    #[error("the topology has no stage {stage}; it has {known}")]
    Stage {
        /// The name.
        stage: String,
        /// Those that are.
        known: String,
    },
    /// What it makes is compared with nothing.
    #[error("{0} reads plain records, and has no findings and no graph to compare")]
    Records(String),
    /// History is a range of one topic.
    #[error("{0} has several live inputs, and a shadow reads a range of one")]
    Inputs(String),
    /// One of its topics would be called like another.
    #[error("{0} is called like a topic that every shadow has")]
    Name(String),
}

/// The topic in which a shadow's plan stands; its other topics are called like the stages' own.
const PLAN: &str = "plan";
const DEAD: &str = "dead";
const RECEIPTS: &str = "receipts";
const METRICS: &str = "metrics";

impl Shadow {
    /// A shadow of a declared stage.
    pub fn of(topology: &Topology, name: &ShadowName, stage: &str) -> Result<Self, NoShadow> {
        let Some(spec) = topology.stages.get(stage) else {
            let known: Vec<&str> = topology.stages.keys().map(String::as_str).collect();
            return Err(NoShadow::Stage { stage: stage.to_owned(), known: known.join(", ") });
        };
        if spec.input == InputSpec::Records {
            return Err(NoShadow::Records(stage.to_owned()));
        }
        if spec.live.len() != 1 {
            return Err(NoShadow::Inputs(stage.to_owned()));
        }
        if [PLAN, DEAD, RECEIPTS, METRICS].contains(&stage) {
            return Err(NoShadow::Name(stage.to_owned()));
        }
        let full = name.principal(topology);
        Ok(Self { name: name.clone(), full, stage: stage.to_owned() })
    }

    /// The shadows that have topics, told by these topics' names alone: whoever may read one finds
    /// it.
    pub fn among<'a>(topology: &Topology, topics: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let mut found = BTreeSet::new();
        for topic in topics {
            let Some((full, stage)) = topic.split_once('.') else { continue };
            let name = full.strip_prefix(&topology.reserved_prefix).and_then(|n| n.parse().ok());
            found.extend(name.and_then(|name| Self::of(topology, &name, stage).ok()));
        }
        found.into_iter().collect()
    }

    /// Its name.
    pub fn name(&self) -> &ShadowName {
        &self.name
    }

    /// The stage whose work it does.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// Its principal; in receipts, letters and pointers it is the stage.
    pub fn principal(&self) -> &str {
        &self.full
    }

    /// Its consumer group.
    pub fn group(&self) -> &str {
        &self.full
    }

    /// What its `transactional.id`s begin with.
    pub fn transactional_prefix(&self) -> String {
        format!("{}.", self.full)
    }

    /// Where its pointers go; also its prefix of the bucket.
    pub fn output(&self) -> String {
        self.topic(&self.stage)
    }

    /// Where its dead letters go.
    pub fn dead(&self) -> String {
        self.topic(DEAD)
    }

    /// Where its receipts go.
    pub fn receipts(&self) -> String {
        self.topic(RECEIPTS)
    }

    /// Where its metrics go.
    pub fn metrics(&self) -> String {
        self.topic(METRICS)
    }

    /// Where it stands what it was made for. It is written last: without it nothing runs.
    pub fn plan(&self) -> String {
        self.topic(PLAN)
    }

    fn topic(&self, what: &str) -> String {
        format!("{}.{what}", self.full)
    }

    /// Its stage as it is declared.
    pub fn spec<'t>(&self, topology: &'t Topology) -> &'t StageSpec {
        &topology.stages[&self.stage]
    }

    /// The topic whose history it reads.
    pub fn input<'t>(&self, topology: &'t Topology) -> &'t str {
        &self.spec(topology).live[0]
    }

    /// All its topics.
    pub fn topics(&self, topology: &Topology) -> BTreeMap<String, TopicSpec> {
        let side = &topology.side_topics;
        let output = &topology.topics[&self.spec(topology).output];
        let plan = TopicSpec { partitions: 1, retention_days: output.retention_days };
        BTreeMap::from([
            (self.output(), output.clone()),
            (self.dead(), side.dead.clone()),
            (self.receipts(), side.receipts.clone()),
            (self.metrics(), side.metrics.clone()),
            (self.plan(), plan),
        ])
    }

    /// Every ACL that it brings, sorted: its principal's, and those by which its results are read.
    pub fn acls(&self, topology: &Topology) -> Vec<Acl> {
        let mut own = Grant::to(&self.full);
        own.add(Operation::Read, Resource::Topic, self.input(topology));
        own.add(Operation::Read, Resource::Topic, &self.plan());
        own.add(Operation::Read, Resource::Group, self.group());
        for topic in [self.output(), self.dead(), self.receipts(), self.metrics()] {
            own.add(Operation::Write, Resource::Topic, &topic);
        }
        own.prefixed(Operation::Write, Resource::TransactionalId, &self.transactional_prefix());
        let mut acls = own.acls;
        for (name, spec) in &topology.principals {
            if let Some(Role::Reader | Role::Operator) = spec.role {
                let mut grant = Grant::to(name);
                for topic in self.topics(topology).keys() {
                    grant.add(Operation::Read, Resource::Topic, topic);
                }
                if spec.role == Some(Role::Operator) {
                    grant.add(Operation::Describe, Resource::Group, self.group());
                }
                acls.extend(grant.acls);
            }
        }
        acls.sort();
        acls
    }

    /// What its principal may do with objects. Those who read results may get every shadow's.
    pub fn ability(&self, topology: &Topology) -> Ability {
        Ability {
            get: vec![self.input(topology).to_owned()],
            put: vec![self.output()],
            list: false,
        }
    }

    /// The policy document that AWS must hold for its principal.
    pub fn policy(&self, topology: &Topology) -> Document {
        identity_policy(&topology.bucket, &self.ability(topology))
    }

    /// Makes its topics, user and ACLs, and commits where it begins: `starts` has an offset for each
    /// partition of its input. What is there already is left alone, but for the offsets.
    ///
    /// # Errors
    ///
    /// The cluster refuses, or somebody is in the shadow's group. What was made before stays; make
    /// it again, or remove it.
    pub fn create(
        &self,
        topology: &Topology,
        connection: &Connection,
        secrets: &Path,
        options: &ApplyOptions,
        starts: &BTreeMap<TopicPartition, i64>,
    ) -> Result<ApplyReport, ApplyError> {
        let admin = Admin::new(connection)?;
        let mut report = ApplyReport::default();
        let topics = self.topics(topology);
        let replication = options.replication.unwrap_or(topology.replication);
        apply_topics(&admin, &topics, replication, &mut report)?;
        await_topics(&admin, &topics)?;
        if !options.users_elsewhere {
            let existing = admin.users()?.into_iter().any(|user| user.name == self.full);
            apply_user(&admin, &self.full, secrets, existing, &mut report)?;
        }
        apply_acls(&admin, self.acls(topology), &mut report)?;
        let metadata = Progress::start(BatchId::default()).to_string().into_bytes();
        let committed = |(at, offset): (&TopicPartition, &i64)| {
            (at.clone(), Committed { offset: *offset, metadata: metadata.clone() })
        };
        let offsets: Vec<_> = starts.iter().map(committed).collect();
        admin.set_group_offsets(self.group(), &offsets)?;
        report.first_offsets = offsets.len();
        Ok(report)
    }
}

#[cfg(test)]
mod tests;
