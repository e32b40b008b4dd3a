//! `cordon topology`: what is declared, whether a cluster is so, and making it so.

mod args;
mod show;

use std::{fmt::Write as _, path::Path};

use anyhow::{Context, Result};
use cordon_kafka::topology::{
    ApplyOptions, ApplyReport, CheckOptions, CheckReport, Drift, Topology,
};
use cordon_store::CanaryKey;

pub(crate) use self::args::{ClusterArgs, TopologyCommand};
use crate::{config::Config, supervisor::exit, terminal, wiring};

/// Runs one of the commands. Returns the exit code.
pub(crate) fn run(command: &TopologyCommand, config: &Config, is_json: bool) -> Result<i32> {
    let topology = wiring::topology(config.topology.as_deref())?;
    let (text, code) = match command {
        TopologyCommand::Show(args) => (show::show(&topology, args, is_json)?, exit::STOPPED),
        TopologyCommand::Check { cluster } => {
            let options = CheckOptions { replication: cluster.replication };
            let report = topology.check(&wiring::connection(config)?, &options)?;
            let text = if is_json { json(&report)? } else { drift_text(&report) };
            (text, if report.is_clean() { exit::STOPPED } else { exit::FAILED })
        }
        TopologyCommand::Apply { secrets, users_elsewhere, cluster } => {
            let options = ApplyOptions {
                replication: cluster.replication,
                users_elsewhere: *users_elsewhere,
            };
            let report = apply(&topology, config, secrets, &options)?;
            (if is_json { json(&report)? } else { applied_text(&report) }, exit::STOPPED)
        }
    };
    terminal::print(text.as_bytes())?;
    Ok(code)
}

fn apply(
    topology: &Topology,
    config: &Config,
    secrets: &Path,
    options: &ApplyOptions,
) -> Result<ApplyReport> {
    std::fs::create_dir_all(secrets)
        .with_context(|| format!("cannot make {}", secrets.display()))?;
    let report = topology.apply(&wiring::connection(config)?, secrets, options)?;
    if config.store.is_some() {
        let (store, runtime) = (wiring::store(config)?, crate::runtime()?);
        for topic in topology.payload_topics() {
            let put = runtime.block_on(store.put_canary(&topology.bucket, &CanaryKey::of(topic)?));
            put.with_context(|| {
                let place = format!("{}/{topic}", topology.bucket);
                format!("Kafka is as declared, but the canary of {place} cannot be put")
            })?;
        }
    }
    Ok(report)
}

fn applied_text(report: &ApplyReport) -> String {
    format!(
        "{} topics created, {} grown, {} changed, {} users, {} ACLs, {} first offsets\n",
        report.topics_created.len(),
        report.topics_grown.len(),
        report.topics_changed.len(),
        report.users.len(),
        report.acls_created,
        report.first_offsets
    )
}

/// Names come from the cluster, where others may have chosen them.
fn drift_text(report: &CheckReport) -> String {
    let mut text = String::new();
    for Drift { kind, what, why, remedy } in &report.drift {
        let (what, why, remedy) =
            (terminal::escape(what), terminal::escape(why), terminal::escape(remedy));
        let _ = writeln!(text, "{kind:<9} {what}: {why}\n          {remedy}");
    }
    for words in &report.unchecked {
        let _ = writeln!(text, "unchecked {}", terminal::escape(words));
    }
    for (name, stage) in &report.shadows {
        let _ =
            writeln!(text, "shadow    {} of {}", terminal::escape(name), terminal::escape(stage));
    }
    let _ = match report.drift.len() {
        0 => writeln!(text, "no drift"),
        1 => writeln!(text, "1 difference"),
        n => writeln!(text, "{n} differences"),
    };
    text
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    Ok(terminal::escape_json(&serde_json::to_string(value)?) + "\n")
}

#[cfg(test)]
mod tests;
