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
    /// Prefixes it may get objects of, by exact key.
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
                let mut grant = Grant { principal: format!("User:{name}"), acls: Vec::new() };
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
            for topic in declared.live.iter().chain(&declared.replay) {
                grant.add(Operation::Read, Resource::Topic, topic);
            }
            grant.add(Operation::Read, Resource::Group, &Self::group(stage));
            grant.writer(stage, &declared.output);
        }
        if let Some(producer) = &spec.producer
            && let Some(declared) = self.producers.get(producer)
        {
            grant.writer(producer, &declared.output);
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
                for topic in self.replay_topics() {
                    grant.add(Operation::Write, Resource::Topic, topic);
                }
                // Sees what a stage committed; to change it is the administrator's.
                for stage in self.stages.keys() {
                    grant.add(Operation::Describe, Resource::Group, &Self::group(stage));
                }
            }
            Some(Role::Lister) => {
                for topic in self.replay_topics() {
                    grant.add(Operation::Write, Resource::Topic, topic);
                }
            }
            // A super user needs none.
            Some(Role::Admin) | None => {}
        }
    }

    pub(super) fn record_topics(&self) -> impl Iterator<Item = &str> {
        let raw = self.stages.values().filter(|stage| stage.input == super::InputSpec::Records);
        raw.flat_map(|stage| stage.live.iter().map(String::as_str))
    }

    pub(super) fn replay_topics(&self) -> impl Iterator<Item = &str> {
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
            }
            Some(Role::Lister) => ability.list = true,
            // Puts the canary of each prefix.
            Some(Role::Admin) => {
                ability.put =
                    self.payload_topics().iter().map(|topic| format!("{topic}/canary")).collect();
            }
            Some(Role::Shipper) | None => {}
        }
        ability
    }
}

struct Grant {
    principal: String,
    acls: Vec<Acl>,
}

impl Grant {
    fn add(&mut self, operation: Operation, resource: Resource, name: &str) {
        self.acls.push(Acl {
            principal: self.principal.clone(),
            operation,
            resource,
            name: name.to_owned(),
            prefixed: false,
        });
    }

    /// What every program needs that writes in transactions.
    fn writer(&mut self, name: &str, output: &str) {
        self.add(Operation::Write, Resource::Topic, output);
        for kind in ["dead", "receipts", "metrics"] {
            self.add(Operation::Write, Resource::Topic, &format!("{kind}.{name}"));
        }
        self.acls.push(Acl {
            principal: self.principal.clone(),
            operation: Operation::Write,
            resource: Resource::TransactionalId,
            name: Topology::transactional_prefix(name),
            prefixed: true,
        });
    }
}
