//! `cordon topology show`.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::{Result, bail};
use cordon_kafka::topology::{Policies, TopicSpec, Topology};
use serde::Serialize;

use super::args::ShowArgs;

/// What is printed, ready to print.
pub(super) fn show(topology: &Topology, args: &ShowArgs, is_json: bool) -> Result<String> {
    match &args.iam {
        _ if args.mermaid => Ok(topology.diagram_mermaid()),
        Some(Some(principal)) => document(&topology.policies(), principal, topology),
        Some(None) => pretty(&topology.policies()),
        None if is_json => pretty(&View::of(topology)),
        None => text(topology),
    }
}

/// Everything, for scripts.
#[derive(Serialize)]
struct View {
    topics: BTreeMap<String, TopicSpec>,
    acls: Vec<String>,
    iam: Policies,
}

impl View {
    fn of(topology: &Topology) -> Self {
        Self {
            topics: topology.all_topics(),
            acls: topology.acls().iter().map(ToString::to_string).collect(),
            iam: topology.policies(),
        }
    }
}

fn document(policies: &Policies, principal: &str, topology: &Topology) -> Result<String> {
    match policies.principals.get(principal) {
        Some(document) => pretty(document),
        None if topology.principals.contains_key(principal) => {
            bail!("{principal} may do nothing with objects, and has no policy document")
        }
        None => {
            let known: Vec<&str> = topology.principals.keys().map(String::as_str).collect();
            bail!("the topology has no principal {principal}; it has {}", known.join(", "))
        }
    }
}

fn text(topology: &Topology) -> Result<String> {
    let mut text = topology.diagram_text();
    text.push('\n');
    for (name, spec) in topology.all_topics() {
        let TopicSpec { partitions, retention_days } = spec;
        let _ = writeln!(text, "topic {name}: {partitions} partitions, {retention_days} days");
    }
    for acl in topology.acls() {
        let _ = writeln!(text, "acl {acl}");
    }
    for (name, ability) in topology.abilities() {
        for prefix in ability.get {
            let _ = writeln!(text, "iam {name} s3:GetObject {prefix}");
        }
        for prefix in ability.put {
            let _ = writeln!(text, "iam {name} s3:PutObject {prefix}");
        }
        if ability.list {
            let _ = writeln!(text, "iam {name} s3:ListBucket {}", topology.bucket);
        }
    }
    text.push_str("--iam prints the policy documents, --mermaid a diagram to paste\n");
    Ok(text)
}

fn pretty(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
