//! Where a cluster differs from the topology: what is missing, and what is too much.
//!
//! What the brokers tell is gathered first ([`Observed`]); the comparison is pure. What a broker
//! does not tell (MSK keeps users elsewhere, Redpanda has no such broker settings) is named as not
//! checked, and is no drift.

mod access;
mod cluster;
mod observed;
mod topics;

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{Shadow, Topology};
use crate::{
    admin::{Admin, AdminError},
    connection::Connection,
};
use observed::{Observed, Told};

/// What may differ from cluster to cluster.
#[derive(Clone, Debug, Default)]
pub struct CheckOptions {
    /// Replicas of each topic, as it was applied with.
    pub replication: Option<i32>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Which way it goes.
    pub kind: DriftKind,
    /// What it is about: `topic logs`, `user mallory`, `ACL User:pack Read topic logs`.
    pub what: String,
    /// How it differs, and what comes of it.
    pub why: String,
    /// What to do.
    pub remedy: String,
}

/// Which way a difference goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// It is declared, and not there.
    Missing,
    /// It is there, and not declared.
    Extra,
    /// It is there, and not as declared.
    Different,
}

/// All differences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The differences, those of one subject together.
    pub drift: Vec<Drift>,
    /// What the brokers do not tell, and why.
    pub unchecked: Vec<String>,
    /// Shadows that there are, by name, with the stage of each. They are no drift.
    pub shadows: BTreeMap<String, String>,
}

impl fmt::Display for DriftKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Different => "different",
        })
    }
}

/// The remedy of whatever the topology can make.
const APPLY: &str = "run `cordon topology apply`";

/// The remedy of a shadow that is not whole.
fn make_whole(shadow: &Shadow) -> String {
    format!("remove it with `cordon shadow remove {}`, and make it again", shadow.name())
}

impl Topology {
    /// Compares a cluster with the topology, as an administrator. Changes nothing.
    ///
    /// Fails when the cluster cannot be reached, or the principal may not see topics, ACLs or
    /// offsets.
    pub fn check(
        &self,
        connection: &Connection,
        options: &CheckOptions,
    ) -> Result<CheckReport, AdminError> {
        let observed = Observed::of(&Admin::new(connection)?, self)?;
        Ok(self.compare(&observed, options))
    }

    fn compare(&self, observed: &Observed, options: &CheckOptions) -> CheckReport {
        let mut report = CheckReport::default();
        let replication = options.replication.unwrap_or(self.replication);
        let shadows = Shadow::among(self, observed.topics.keys().map(String::as_str));
        topics::compare(self, replication, &observed.topics, &shadows, &mut report);
        cluster::compare_offsets(self, observed, &mut report);
        access::compare_users(self, &observed.users, &shadows, &mut report);
        access::compare_acls(self, &observed.acls, &shadows, &mut report);
        cluster::compare_brokers(self, &observed.brokers, &mut report);
        let named = |shadow: Shadow| (shadow.name().to_string(), shadow.stage().to_owned());
        report.shadows = shadows.into_iter().map(named).collect();
        report
    }
}

impl CheckReport {
    /// Whether the cluster is as declared, as far as it tells.
    pub fn is_clean(&self) -> bool {
        self.drift.is_empty()
    }

    fn missing(&mut self, what: String, why: &str, remedy: &str) {
        self.add(DriftKind::Missing, what, why.to_owned(), remedy.to_owned());
    }

    fn extra(&mut self, what: String, why: &str, remedy: String) {
        self.add(DriftKind::Extra, what, why.to_owned(), remedy);
    }

    fn different(&mut self, what: String, why: String, remedy: &str) {
        self.add(DriftKind::Different, what, why, remedy.to_owned());
    }

    fn add(&mut self, kind: DriftKind, what: String, why: String, remedy: String) {
        self.drift.push(Drift { kind, what, why, remedy });
    }

    /// What was told; otherwise its absence is noted.
    fn told<'a, T>(&mut self, what: &str, told: &'a Told<T>) -> Option<&'a T> {
        match told {
            Ok(told) => Some(told),
            Err(words) => {
                self.unchecked.push(format!("{what}: {words}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
