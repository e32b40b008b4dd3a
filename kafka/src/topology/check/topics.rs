//! Topics, their size and their settings.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    APPLY, CheckReport, Shadow, Topology, make_whole,
    observed::{ObservedTopic, Settings},
};
use crate::topology::{ShadowName, TopicSpec, settings};

/// The brokers' own: `__consumer_offsets`, `__transaction_state`, `__amazon_msk_canary`.
const INTERNAL_PREFIX: &str = "__";

pub(super) fn compare(
    topology: &Topology,
    replication: i32,
    found: &BTreeMap<String, ObservedTopic>,
    shadows: &[Shadow],
    report: &mut CheckReport,
) {
    let declared = topology.all_topics();
    let shadow_topics = compare_shadows(topology, found, shadows, report);
    for (name, spec) in &declared {
        let what = format!("topic {name}");
        let Some(topic) = found.get(name) else {
            report.missing(what, "it is declared, and does not exist", APPLY);
            continue;
        };
        compare_shape(&what, spec, replication, topic, report);
        compare_settings(&what, &settings::declared(spec, replication), &topic.settings, report);
        if topology.names_payloads(name) {
            compare_expiry(&what, topology, &topic.settings, report);
        }
    }
    let is_foreign = |name: &&String| {
        !declared.contains_key(*name)
            && !shadow_topics.contains(*name)
            && !name.starts_with(INTERNAL_PREFIX)
    };
    for name in found.keys().filter(is_foreign) {
        let shadow = name.strip_prefix(&topology.reserved_prefix).and_then(|n| n.split_once('.'));
        let (why, remedy) = match shadow {
            Some((shadow, _)) if shadow.parse::<ShadowName>().is_ok() => (
                "it is of a shadow that is half gone, or of another topology",
                format!("run `cordon shadow remove {shadow}`"),
            ),
            _ => ("nothing declares it", "declare it in the topology, or delete it".to_owned()),
        };
        report.extra(format!("topic {name}"), why, remedy);
    }
}

/// Every shadow has all its topics. Gives their names.
fn compare_shadows(
    topology: &Topology,
    found: &BTreeMap<String, ObservedTopic>,
    shadows: &[Shadow],
    report: &mut CheckReport,
) -> BTreeSet<String> {
    let mut topics = BTreeSet::new();
    for shadow in shadows {
        for topic in shadow.topics(topology).into_keys() {
            if !found.contains_key(&topic) {
                let why = "its shadow is not whole without it";
                report.missing(format!("topic {topic}"), why, &make_whole(shadow));
            }
            topics.insert(topic);
        }
    }
    topics
}

fn compare_shape(
    what: &str,
    spec: &TopicSpec,
    replication: i32,
    topic: &ObservedTopic,
    report: &mut CheckReport,
) {
    let (found, declared) = (topic.shape.partitions, spec.partitions);
    let why = format!("it has {found} partitions, and {declared} are declared");
    if found < declared {
        report.different(what.to_owned(), why, APPLY);
    } else if found > declared {
        let remedy = format!(
            "declare partitions: {found} and run `cordon topology apply`: a partition cannot be \
             taken away"
        );
        report.different(what.to_owned(), why, &remedy);
    }
    let found = topic.shape.replicas;
    if found != replication {
        report.different(
            what.to_owned(),
            format!("it has {found} replicas, and {replication} are declared"),
            "move its replicas with kafka-reassign-partitions.sh, or name their number with \
             --replication",
        );
    }
}

fn compare_settings(
    what: &str,
    declared: &BTreeMap<String, String>,
    found: &Settings,
    report: &mut CheckReport,
) {
    for (name, value) in declared {
        match found.get(name) {
            None => report.unchecked.push(format!("{what}: the broker does not tell {name}")),
            Some(setting) if setting.value == *value => {}
            Some(setting) => report.different(
                what.to_owned(),
                format!("{name} is {}, and {value} is declared", setting.value),
                APPLY,
            ),
        }
    }
    for (name, setting) in found {
        if setting.is_own && !declared.contains_key(name) {
            report.extra(
                what.to_owned(),
                &format!("{name} is set to {}, and nothing declares it", setting.value),
                format!("take it back: kafka-configs.sh --alter --delete-config {name}"),
            );
        }
    }
}

/// A pointer must not outlive what it names, whatever its topic is set to just now.
fn compare_expiry(what: &str, topology: &Topology, found: &Settings, report: &mut CheckReport) {
    let Some(retention) = found.get(settings::RETENTION) else { return };
    let (expiry, lag) = (topology.payload_expiry_days, topology.lag_days_max);
    let kept = match settings::retention_days(&retention.value) {
        Some(days) if days + u64::from(lag) <= u64::from(expiry) => return,
        Some(days) => format!("for {days} days"),
        None => "for ever".to_owned(),
    };
    report.different(
        what.to_owned(),
        format!(
            "it keeps pointers {kept}, and payloads expire after {expiry} days of which a stage \
             may lag {lag}: pointers would name nothing"
        ),
        "shorten the retention, or raise payload_expiry_days and the bucket's lifecycle with it",
    );
}
