//! The topology: topics, stages and principals, declared in one file.
//!
//! Everything that grants anything is derived from it ([`Topology::acls`],
//! [`Topology::policies`]), so that a grant that is not here does not exist.

mod apply;
mod check;
mod grants;
mod iam;
mod settings;
mod shadow;
mod show;

use std::collections::{BTreeMap, BTreeSet};

use cordon_records::Digest;
use serde::{Deserialize, Serialize};

pub use apply::{ApplyError, ApplyOptions, ApplyReport};
pub use check::{CheckOptions, CheckReport, Drift, DriftKind};
pub use grants::Ability;
pub use iam::{Document, Policies};
pub use shadow::{NoShadow, NoShadowName, RemovedShadow, Shadow, ShadowName};

/// The topology file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Of the format; 1.
    pub version: u32,
    /// Where every payload lies.
    pub bucket: String,
    /// Age at which the bucket's lifecycle deletes payloads.
    pub payload_expiry_days: u32,
    /// How far a stage may lag behind.
    pub lag_days_max: u32,
    /// Replicas of each topic.
    pub replication: i32,
    /// Topics of data.
    pub topics: BTreeMap<String, TopicSpec>,
    /// What each stage and producer has of its own.
    pub side_topics: SideTopics,
    /// Programs that only write.
    pub producers: BTreeMap<String, ProducerSpec>,
    /// Stages.
    pub stages: BTreeMap<String, StageSpec>,
    /// Everyone who may connect.
    pub principals: BTreeMap<String, PrincipalSpec>,
    /// No name begins with it but those of shadows.
    pub reserved_prefix: String,
    /// Of the file itself.
    #[serde(skip)]
    digest: Digest,
}

/// A topic.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct TopicSpec {
    /// How many partitions at least.
    pub partitions: i32,
    /// How long records stay.
    pub retention_days: u32,
}

/// Topics that each stage and producer has of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SideTopics {
    /// Dead letters.
    pub dead: TopicSpec,
    /// Receipts.
    pub receipts: TopicSpec,
    /// Metrics.
    pub metrics: TopicSpec,
}

/// A program that only writes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProducerSpec {
    /// Where its pointers go.
    pub output: String,
}

/// A stage.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSpec {
    /// What its input records are.
    pub input: InputSpec,
    /// Input topics.
    pub live: Vec<String>,
    /// The replay lane: their twins, and a topic that no other stage reads.
    #[serde(default)]
    pub replay: Vec<String>,
    /// Where its pointers go; those of the replay lane go to the twin of it.
    pub output: String,
}

impl StageSpec {
    /// All input topics.
    pub fn inputs(&self) -> impl Iterator<Item = &String> {
        self.live.iter().chain(&self.replay)
    }

    /// All topics that its pointers go to, one for each lane that it has.
    pub fn outputs(&self) -> impl Iterator<Item = String> {
        let twin = (!self.replay.is_empty()).then(|| Topology::twin(&self.output));
        std::iter::once(self.output.clone()).chain(twin)
    }
}

/// What a stage's input records are.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum InputSpec {
    /// Pointer events.
    Pointers,
    /// Plain records.
    Records,
}

/// Someone who may connect: the principal of a stage or producer, or one with a role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalSpec {
    /// The stage it runs.
    #[serde(default)]
    pub stage: Option<String>,
    /// The producer it runs.
    #[serde(default)]
    pub producer: Option<String>,
    /// What else it does.
    #[serde(default)]
    pub role: Option<Role>,
    /// The one topic that it writes: a lister's, and nobody else's.
    #[serde(default)]
    pub output: Option<String>,
}

/// What a principal does that runs neither stage nor producer.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Writes plain records.
    Shipper,
    /// Reads results.
    Reader,
    /// Sees how far stages have come.
    Operator,
    /// Emits pointers again: replays and redrives.
    Replayer,
    /// Lists the bucket.
    Lister,
    /// Administers.
    Admin,
}

/// Everything that is wrong with a topology.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct TopologyFaults(pub Vec<String>);

impl Topology {
    /// The topology that cordon comes with.
    #[expect(clippy::missing_panics_doc, reason = "a test parses the embedded file")]
    pub fn embedded() -> Self {
        Self::parse(include_str!("../../topology.yaml")).expect("the embedded topology is valid")
    }

    /// Reads and checks a topology; all faults at once.
    pub fn parse(text: &str) -> Result<Self, TopologyFaults> {
        let mut topology: Self =
            yaml_serde::from_str(text).map_err(|error| TopologyFaults(vec![error.to_string()]))?;
        topology.digest = Digest::of(text.as_bytes());
        let faults = topology.faults();
        if faults.is_empty() { Ok(topology) } else { Err(TopologyFaults(faults)) }
    }

    /// Every topic there is to be, the stages' own included.
    pub fn all_topics(&self) -> BTreeMap<String, TopicSpec> {
        let mut topics = self.topics.clone();
        for name in self.stages.keys().chain(self.producers.keys()) {
            let SideTopics { dead, receipts, metrics } = &self.side_topics;
            topics.insert(format!("dead.{name}"), dead.clone());
            topics.insert(format!("receipts.{name}"), receipts.clone());
            topics.insert(format!("metrics.{name}"), metrics.clone());
        }
        if self.has_replayer() {
            let receipts = format!("receipts.{}", Self::REPLAYER);
            topics.insert(receipts, self.side_topics.receipts.clone());
        }
        topics
    }

    /// What the replayer is called in receipts, and in the names of its topic, groups and
    /// transactional ids.
    pub const REPLAYER: &str = "replay";

    /// Whether anybody may replay.
    pub fn has_replayer(&self) -> bool {
        self.principals.values().any(|spec| spec.role == Some(Role::Replayer))
    }

    /// The replay lane's twin of a topic.
    pub fn twin(topic: &str) -> String {
        format!("{topic}.replay")
    }

    /// The topic of the replay lane that one stage reads alone.
    pub fn replay_of(stage: &str) -> String {
        format!("replay.{stage}")
    }

    /// Live topics of pointers that stages read: what can be replayed.
    pub fn replayable(&self) -> BTreeSet<&str> {
        let stages = self.stages.values().filter(|stage| !stage.replay.is_empty());
        stages.flat_map(|stage| stage.live.iter().map(String::as_str)).collect()
    }

    /// A stage's consumer group.
    pub fn group(stage: &str) -> String {
        format!("cordon.{stage}")
    }

    /// What the `transactional.id`s of a stage or producer begin with.
    pub fn transactional_prefix(name: &str) -> String {
        format!("cordon.{name}-")
    }

    /// Topics whose pointers name payloads; each has a prefix of that name in the bucket.
    pub fn payload_topics(&self) -> BTreeSet<&str> {
        let stages = self.stages.values().map(|stage| stage.output.as_str());
        // A twin's pointers name objects under the live topic's prefix.
        stages.chain(self.producers.values().map(|producer| producer.output.as_str())).collect()
    }

    /// Whether records of this topic name payloads: pointers, letters and receipts do, metrics
    /// and plain records do not.
    fn names_payloads(&self, topic: &str) -> bool {
        !topic.starts_with("metrics.") && self.record_topics().all(|records| records != topic)
    }

    /// The principal that administers.
    fn admin(&self) -> &str {
        let is_admin = |spec: &PrincipalSpec| spec.role == Some(Role::Admin);
        let mut names = self.principals.iter().filter(|(_, spec)| is_admin(spec));
        names.next().map_or("", |(name, _)| name)
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.version != 1 {
            faults.push(format!("version is {}; this cordon reads 1", self.version));
        }
        self.topic_faults(&mut faults);
        self.reference_faults(&mut faults);
        self.principal_faults(&mut faults);
        faults
    }

    fn topic_faults(&self, faults: &mut Vec<String>) {
        let topics = self.all_topics();
        for (name, spec) in &topics {
            if spec.partitions < 1 {
                faults.push(format!("topic {name}: partitions must be at least 1"));
            }
            if name.starts_with(&self.reserved_prefix) {
                faults.push(format!("topic {name}: {} is reserved", self.reserved_prefix));
            }
        }
        let naming = topics.iter().filter(|(name, _)| self.names_payloads(name));
        let Some((name, spec)) = naming.max_by_key(|(_, spec)| spec.retention_days) else { return };
        let needed = spec.retention_days + self.lag_days_max;
        if self.payload_expiry_days < needed {
            faults.push(format!(
                "payload_expiry_days is {}, but topic {name} keeps pointers for {} days and a \
                 stage may lag {}: it must be at least {needed}",
                self.payload_expiry_days, spec.retention_days, self.lag_days_max
            ));
        }
    }

    fn reference_faults(&self, faults: &mut Vec<String>) {
        let mut refer = |who: &str, topic: &str| {
            if !self.topics.contains_key(topic) {
                faults.push(format!("{who} names the topic {topic}, which is not declared"));
            }
        };
        for (name, stage) in &self.stages {
            let who = format!("stage {name}");
            stage.inputs().cloned().chain(stage.outputs()).for_each(|topic| refer(&who, &topic));
        }
        for (name, producer) in &self.producers {
            refer(&format!("producer {name}"), &producer.output);
        }
        for (name, spec) in &self.principals {
            spec.output.iter().for_each(|topic| refer(&format!("principal {name}"), topic));
        }
        for (name, stage) in &self.stages {
            if stage.live.is_empty() {
                faults.push(format!("stage {name} has no input"));
            }
            if self.producers.contains_key(name) {
                faults.push(format!("{name} is both a stage and a producer"));
            }
            let outputs: Vec<String> = stage.outputs().collect();
            if stage.inputs().any(|topic| outputs.contains(topic)) {
                faults.push(format!("stage {name} reads its own output"));
            }
            self.lane_faults(name, stage, faults);
        }
    }

    /// A lane is whole, or priority does not hold downstream: pointers go from twin to twin, and a
    /// key's partition is the same in both.
    fn lane_faults(&self, name: &str, stage: &StageSpec, faults: &mut Vec<String>) {
        if stage.replay.is_empty() {
            return;
        }
        if stage.input == InputSpec::Records {
            faults.push(format!("stage {name} reads records, which have no replay lane"));
            return;
        }
        let own = Self::replay_of(name);
        let twins: Vec<String> = stage.live.iter().map(|topic| Self::twin(topic)).collect();
        let mut wanted: Vec<&String> = twins.iter().chain([&own]).collect();
        let mut found: Vec<&String> = stage.replay.iter().collect();
        wanted.sort_unstable();
        found.sort_unstable();
        if wanted != found {
            let lane = twins.iter().chain([&own]).cloned().collect::<Vec<_>>().join(", ");
            faults.push(format!("the replay lane of stage {name} must be [{lane}]"));
        }
        let partitions = |topic: &str| self.topics.get(topic).map(|spec| spec.partitions);
        let twin = Self::twin(&stage.output);
        if let (Some(live), Some(replay)) = (partitions(&stage.output), partitions(&twin))
            && live != replay
        {
            faults.push(format!(
                "{} has {live} partitions, and {twin} has {replay}: the two lanes of stage {name} \
                 must have as many",
                stage.output
            ));
        }
    }

    fn principal_faults(&self, faults: &mut Vec<String>) {
        let mut runners: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, spec) in &self.principals {
            let PrincipalSpec { stage, producer, role, output } = spec;
            if name.starts_with(&self.reserved_prefix) {
                faults.push(format!("principal {name}: {} is reserved", self.reserved_prefix));
            }
            let count = [stage.is_some(), producer.is_some(), role.is_some()];
            if count.iter().filter(|given| **given).count() != 1 {
                faults.push(format!("principal {name} needs exactly one of stage, producer, role"));
            }
            if (*role == Some(Role::Lister)) != output.is_some() {
                faults.push(format!("principal {name}: a lister has one output, others have none"));
            }
            if let Some(topic) = output.as_deref()
                && self.replay_topics().all(|replay| replay != topic)
            {
                faults.push(format!("principal {name} writes {topic}, which no replay lane reads"));
            }
            for runs in stage.iter().chain(producer) {
                if let Some(other) = runners.insert(runs, name) {
                    faults.push(format!("{runs} has two principals, {other} and {name}"));
                }
            }
        }
        let programs = self.stages.keys().chain(self.producers.keys());
        if self.has_replayer() && programs.clone().any(|program| program == Self::REPLAYER) {
            faults.push(format!("{} is the name of what replays", Self::REPLAYER));
        }
        for program in programs.clone() {
            if runners.remove(program.as_str()).is_none() {
                faults.push(format!("{program} has no principal"));
            }
        }
        for (runs, name) in runners {
            faults.push(format!("principal {name} runs {runs}, which is not declared"));
        }
        let admins = self.principals.values().filter(|spec| spec.role == Some(Role::Admin)).count();
        if admins != 1 {
            faults.push(format!("there must be exactly one admin, not {admins}"));
        }
    }
}

#[cfg(test)]
mod tests;
