//! First offsets, and what the brokers themselves are set to.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    APPLY, CheckReport, Topology,
    observed::{Observed, Settings, Told},
};
use crate::log::TopicPartition;

/// A stage never makes up an offset: without its first one it waits, and then stops.
pub(super) fn compare_offsets(topology: &Topology, observed: &Observed, report: &mut CheckReport) {
    let nothing = BTreeSet::new();
    for (stage, spec) in &topology.stages {
        let committed = observed.offsets.get(stage).unwrap_or(&nothing);
        for topic in spec.inputs() {
            let count = observed.topics.get(topic).map_or(0, |topic| topic.shape.partitions);
            for partition in 0..count {
                let at = TopicPartition::new(topic.as_str(), partition);
                if !committed.contains(&at) {
                    report.missing(
                        format!("first offset of group {} at {at}", Topology::group(stage)),
                        "a stage without it stops",
                        APPLY,
                    );
                }
            }
        }
    }
}

/// What a broker must be set to for the topology to hold, and why. Apache Kafka keeps the first two
/// to itself; a person must look.
fn required(topology: &Topology) -> [(&'static str, String, &'static str); 3] {
    [
        (
            "allow.everyone.if.no.acl.found",
            "false".to_owned(),
            "what has no ACL is open to everyone who can connect",
        ),
        (
            "super.users",
            format!("User:{}", topology.admin()),
            "a super user may do everything, whatever the ACLs say",
        ),
        (
            "transaction.max.timeout.ms",
            "60000".to_owned(),
            "a principal can hold back all readers of its output for so long with one open \
             transaction",
        ),
    ]
}

const AUTHORIZER: &str = "authorizer.class.name";

pub(super) fn compare_brokers(
    topology: &Topology,
    brokers: &Told<BTreeMap<i32, Settings>>,
    report: &mut CheckReport,
) {
    let Some(brokers) = report.told("broker settings", brokers) else { return };
    for (id, settings) in brokers {
        let what = format!("broker {id}");
        if settings.get(AUTHORIZER).is_some_and(|setting| setting.value.is_empty()) {
            report.different(
                what.clone(),
                format!("{AUTHORIZER} is empty: nobody looks at ACLs"),
                "set it in the broker's configuration",
            );
        }
        for (name, value, why) in required(topology) {
            match settings.get(name) {
                None => report
                    .unchecked
                    .push(format!("{what}: it does not tell {name}, which must be {value}: {why}")),
                Some(found) if found.value == value => {}
                Some(found) => report.different(
                    what.clone(),
                    format!("{name} is {}, and must be {value}: {why}", found.value),
                    "set it in the broker's configuration",
                ),
            }
        }
    }
}
