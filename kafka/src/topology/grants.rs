//! What each principal may do, in Kafka and with objects.
//!
//! A stage needs exactly: Read its input topics and group, Write its output topics, Write its
//! transactional ids. Each was shown necessary on a real broker, and nothing else was.

use std::collections::BTreeMap;

use super::{PrincipalSpec, Role, Topology};
use crate::admin::{Acl, Operation, Resource};

/// What a principal may do with objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ability {
    /// Prefixes it may get objects of, by exact key. One that ends in a star is the beginning of
    /// prefixes.
    pub get: Vec<String>,
    /// Prefixes it may put objects under.
    pub put: Vec<String>,
    /// Whether it may list the bucket.
    pub list: bool,
}

impl Topology {
    /// Every ACL there is to be, sorted by principal.
    pub fn acls(&self) -> Vec<Acl> {
        let mut acls: Vec<Acl> = self
            .principals
            .iter()
            .flat_map(|(name, spec)| {
                let mut grant = Grant::to(name);
                self.grant(spec, &mut grant);
                grant.acls
            })
            .collect();
        acls.sort();
        acls
    }

    fn grant(&self, spec: &PrincipalSpec, grant: &mut Grant) {
        if let Some(stage) = &spec.stage
            && let Some(declared) = self.stages.get(stage)
        {
            for topic in declared.inputs() {
                grant.add(Operation::Read, Resource::Topic, topic);
            }
            grant.add(Operation::Read, Resource::Group, &Self::group(stage));
            grant.writer(stage, declared.outputs());
        }
        if let Some(producer) = &spec.producer
            && let Some(declared) = self.producers.get(producer)
        {
            grant.writer(producer, [declared.output.clone()]);
        }
        match spec.role {
            Some(Role::Shipper) => {
                for topic in self.record_topics() {
                    grant.add(Operation::Write, Resource::Topic, topic);
                }
            }
            Some(Role::Reader) => {
                for topic in self.all_topics().keys() {
                    grant.add(Operation::Read, Resource::Topic, topic);
                }
            }
            Some(Role::Operator) => {
                for topic in self.all_topics().keys() {
                    grant.add(Operation::Read, Resource::Topic, topic);
                }
                // Sees what a stage committed; to change it is the administrator's.
                for stage in self.stages.keys() {
                    grant.add(Operation::Describe, Resource::Group, &Self::group(stage));
                }
            }
            Some(Role::Replayer) => self.grant_replayer(grant),
            Some(Role::Lister) => {
                if let Some(topic) = &spec.output {
                    grant.add(Operation::Write, Resource::Topic, topic);
                }
                // A page of keys is one transaction, so that it is known whether it was written.
                let prefix = Self::transactional_prefix(Self::LISTER);
                grant.prefixed(Operation::Write, Resource::TransactionalId, &prefix);
            }
            // A super user needs none.
            Some(Role::Admin) | None => {}
        }
    }

    /// What the lister is called in the names of its transactional ids.
    pub const LISTER: &str = "lister";

    /// The position of each replay is committed for a group of its own, in the transaction that
    /// emits pointers; what was emitted stands in receipts, from which a redrive is continued.
    fn grant_replayer(&self, grant: &mut Grant) {
        for topic in self.replayable() {
            grant.add(Operation::Read, Resource::Topic, topic);
        }
        for (stage, _) in self.stages.iter().filter(|(_, spec)| !spec.replay.is_empty()) {
            grant.add(Operation::Read, Resource::Topic, &format!("dead.{stage}"));
            grant.add(Operation::Read, Resource::Topic, &format!("receipts.{stage}"));
        }
        // Letters are chosen by file, too.
        for producer in self.producers.keys() {
            grant.add(Operation::Read, Resource::Topic, &format!("receipts.{producer}"));
        }
        for topic in self.replay_topics() {
            // A letter's datapoint may lie in a pointer that was itself replayed.
            grant.add(Operation::Read, Resource::Topic, topic);
            grant.add(Operation::Write, Resource::Topic, topic);
        }
        let receipts = format!("receipts.{}", Self::REPLAYER);
        grant.add(Operation::Read, Resource::Topic, &receipts);
        grant.add(Operation::Write, Resource::Topic, &receipts);
        let prefix = Self::transactional_prefix(Self::REPLAYER);
        grant.prefixed(Operation::Read, Resource::Group, &prefix);
        grant.prefixed(Operation::Write, Resource::TransactionalId, &prefix);
    }

    pub(super) fn record_topics(&self) -> impl Iterator<Item = &str> {
        let raw = self.stages.values().filter(|stage| stage.input == super::InputSpec::Records);
        raw.flat_map(|stage| stage.live.iter().map(String::as_str))
    }

    /// Every topic of a replay lane, sorted.
    pub fn replay_topics(&self) -> impl Iterator<Item = &str> {
        let mut topics: Vec<&str> =
            self.stages.values().flat_map(|s| s.replay.iter().map(String::as_str)).collect();
        topics.sort_unstable();
        topics.dedup();
        topics.into_iter()
    }

    /// What each principal may do with objects. Those that may nothing are left out.
    pub fn abilities(&self) -> BTreeMap<String, Ability> {
        let named = self.principals.iter().map(|(name, spec)| (name.clone(), self.ability(spec)));
        named.filter(|(_, ability)| *ability != Ability::default()).collect()
    }

    fn ability(&self, spec: &PrincipalSpec) -> Ability {
        let mut ability = Ability::default();
        if let Some(stage) = &spec.stage
            && let Some(declared) = self.stages.get(stage)
        {
            if declared.input == super::InputSpec::Pointers {
                ability.get.clone_from(&declared.live);
            } else {
                ability.put.push(format!("dead/{stage}"));
            }
            ability.put.push(declared.output.clone());
        }
        if let Some(producer) = &spec.producer
            && let Some(declared) = self.producers.get(producer)
        {
            ability.put.push(declared.output.clone());
        }
        match spec.role {
            Some(Role::Reader | Role::Operator) => {
                ability.get = self.payload_topics().into_iter().map(str::to_owned).collect();
                ability.get.push("dead".to_owned());
                // Shadows come and go; what they make is results like any other.
                ability.get.push(format!("{}*", self.reserved_prefix));
            }
            Some(Role::Lister) => ability.list = true,
            // Puts the canary of each prefix.
            Some(Role::Admin) => {
                ability.put =
                    self.payload_topics().iter().map(|topic| format!("{topic}/canary")).collect();
            }
            // What emits pointers again need not see what they name.
            Some(Role::Shipper | Role::Replayer) | None => {}
        }
        ability
    }
}

/// What one principal is granted.
pub(super) struct Grant {
    principal: String,
    pub(super) acls: Vec<Acl>,
}

impl Grant {
    /// Nothing yet, to a principal by its name.
    pub(super) fn to(name: &str) -> Self {
        Self { principal: format!("User:{name}"), acls: Vec::new() }
    }

    pub(super) fn add(&mut self, operation: Operation, resource: Resource, name: &str) {
        self.acls.push(Acl {
            principal: self.principal.clone(),
            operation,
            resource,
            name: name.to_owned(),
            prefixed: false,
        });
    }

    /// For every name that begins so.
    pub(super) fn prefixed(&mut self, operation: Operation, resource: Resource, prefix: &str) {
        self.acls.push(Acl {
            principal: self.principal.clone(),
            operation,
            resource,
            name: prefix.to_owned(),
            prefixed: true,
        });
    }

    /// What every program needs that writes in transactions.
    fn writer(&mut self, name: &str, outputs: impl IntoIterator<Item = String>) {
        for output in outputs {
            self.add(Operation::Write, Resource::Topic, &output);
        }
        for kind in ["dead", "receipts", "metrics"] {
            self.add(Operation::Write, Resource::Topic, &format!("{kind}.{name}"));
        }
        let prefix = Topology::transactional_prefix(name);
        self.prefixed(Operation::Write, Resource::TransactionalId, &prefix);
    }
}
