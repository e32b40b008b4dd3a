//! Everything that is tried, made from the topology: on every topic, group and transactional id
//! that it names, on some that it does not, and on the cluster.

mod cluster;
mod groups;
mod topics;
mod transactions;

use std::collections::BTreeSet;

use cordon_kafka::{
    admin::{Acl, Resource},
    topology::Topology,
};

pub(crate) use topics::produce;

use crate::attempt::Attempt;

/// A topic that nobody declared.
pub(crate) const FOREIGN_TOPIC: &str = "elsewhere";
/// What brokers keep for themselves.
const INTERNAL_TOPICS: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

/// Names of everything there is to try.
pub(crate) struct Names {
    pub(crate) topics: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) transactional_ids: Vec<String>,
}

impl Names {
    /// All declared ones, some that only begin like them, and foreign ones.
    pub(crate) fn of(topology: &Topology) -> Self {
        let foreign = [FOREIGN_TOPIC].into_iter().chain(INTERNAL_TOPICS).map(str::to_owned);
        let acls = topology.acls();
        let of = |resource| {
            let acls = acls.iter().filter(move |acl| acl.resource == resource);
            acls.flat_map(own_and_alike).collect::<BTreeSet<String>>().into_iter()
        };
        Self {
            topics: topology.all_topics().into_keys().chain(foreign).collect(),
            groups: of(Resource::Group).chain(["elsewhere".to_owned()]).collect(),
            transactional_ids: of(Resource::TransactionalId)
                .chain(["elsewhere-0".to_owned()])
                .collect(),
        }
    }
}

/// A name that a grant is on, and one that it is not on, although it begins alike.
fn own_and_alike(acl: &Acl) -> [String; 2] {
    let name = &acl.name;
    if acl.prefixed {
        [format!("{name}0"), format!("{}x-0", name.trim_end_matches('-'))]
    } else {
        [name.clone(), format!("{name}x")]
    }
}

/// All attempts.
pub(crate) fn all(topology: &Topology) -> Vec<Attempt> {
    let names = Names::of(topology);
    let mut attempts = Vec::new();
    attempts.extend(names.topics.iter().flat_map(|topic| topics::on(topic)));
    attempts.extend(names.groups.iter().flat_map(|group| groups::on(group, &names.topics)));
    for id in &names.transactional_ids {
        attempts.extend(transactions::on(id, &names));
    }
    attempts.extend(cluster::all());
    attempts
}
