//! Who may do what, as Kafka's authorizer sees it: what is declared, and what could be.

use std::{collections::BTreeSet, fmt};

use cordon_kafka::{
    admin::{Operation, Resource},
    topology::{Role, Topology},
};

/// Kafka's operations, by their numbers in ACLs:
/// <https://kafka.apache.org/documentation/#operations_resources_and_protocols>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    Read = 3,
    Write = 4,
    Create = 5,
    Delete = 6,
    Alter = 7,
    Describe = 8,
    ClusterAction = 9,
    DescribeConfigs = 10,
    AlterConfigs = 11,
    IdempotentWrite = 12,
}

impl Right {
    /// Whether who has this has the other, too.
    fn implies(self, other: Self) -> bool {
        use Right::{Alter, AlterConfigs, Delete, Describe, DescribeConfigs, Read, Write};
        self == other
            || (other == Describe && matches!(self, Read | Write | Delete | Alter))
            || (other == DescribeConfigs && self == AlterConfigs)
    }
}

/// What a right is on. `*` is every name of a kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum On {
    Topic(String),
    Group(String),
    TransactionalId(String),
    Cluster,
}

impl On {
    /// Its kind, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Topic(_) => "topic",
            Self::Group(_) => "group",
            Self::TransactionalId(_) => "transactional id",
            Self::Cluster => "cluster",
        }
    }

    /// Its kind and name in ACLs.
    pub(crate) fn parts(&self) -> (i8, &str) {
        match self {
            Self::Topic(name) => (2, name),
            Self::Group(name) => (3, name),
            Self::Cluster => (4, "kafka-cluster"),
            Self::TransactionalId(name) => (5, name),
        }
    }
}

/// What an attempt needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) right: Right,
    pub(crate) on: On,
}

/// What somebody is granted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grant {
    pub(crate) principal: String,
    pub(crate) right: Right,
    pub(crate) on: On,
    /// Whether the name is a beginning.
    pub(crate) is_prefix: bool,
}

impl Grant {
    /// Whether it satisfies a need, alone.
    pub(crate) fn covers(&self, need: &Need) -> bool {
        match (&self.on, &need.on) {
            // Who writes any topic may have an idempotent producer.
            (On::Topic(_), On::Cluster) => {
                self.right == Right::Write && need.right == Right::IdempotentWrite
            }
            // Who creates in the cluster creates every topic.
            (On::Cluster, On::Topic(_)) => {
                self.right == Right::Create && need.right == Right::Create
            }
            (held, asked) => {
                let ((kind, name), (asked_kind, asked)) = (held.parts(), asked.parts());
                let is_named = match name {
                    "*" => true,
                    _ if self.is_prefix => asked.starts_with(name),
                    _ => asked == name,
                };
                kind == asked_kind && is_named && self.right.implies(need.right)
            }
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.is_prefix { "…" } else { "" };
        write!(f, "{:?} on {:?}{star} for {}", self.right, self.on, self.principal)
    }
}

/// Everything that the topology declares.
pub(crate) struct Declared {
    pub(crate) grants: BTreeSet<Grant>,
    /// The super user.
    pub(crate) admin: String,
    /// Everybody else.
    pub(crate) principals: Vec<String>,
}

impl Declared {
    /// Reads it from the ACLs that `cordon topology show` prints.
    pub(crate) fn of(topology: &Topology) -> Self {
        let grants = topology.acls().into_iter().map(|acl| Grant {
            principal: acl.principal.trim_start_matches("User:").to_owned(),
            right: match acl.operation {
                Operation::Read => Right::Read,
                Operation::Write => Right::Write,
                Operation::Describe => Right::Describe,
            },
            on: match acl.resource {
                Resource::Topic => On::Topic(acl.name),
                Resource::Group => On::Group(acl.name),
                Resource::TransactionalId => On::TransactionalId(acl.name),
            },
            is_prefix: acl.prefixed,
        });
        let (admins, principals): (Vec<_>, Vec<_>) =
            topology.principals.iter().partition(|(_, spec)| spec.role == Some(Role::Admin));
        Self {
            grants: grants.collect(),
            admin: admins.into_iter().map(|(name, _)| name.clone()).collect(),
            principals: principals.into_iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    /// What is granted to one.
    pub(crate) fn of_principal(&self, principal: &str) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(move |grant| grant.principal == principal)
    }

    /// Whether a principal has all that is needed.
    pub(crate) fn allow(&self, principal: &str, needs: &[Need]) -> bool {
        let is_held = |need| self.of_principal(principal).any(|grant| grant.covers(need));
        principal == self.admin || needs.iter().all(is_held)
    }
}
