//! Event → identity and elements, in one place, so that every stage that names a node agrees.
//!
//! `generate` makes elements of every event, `match` names the nodes of the events that its rules
//! hit; both call this module. The table of events, nodes, key fields, edges and properties is in
//! the documentation of the crate `cordon-generate` (`stages/generate/events.md`).

mod canonical;
mod known;
mod properties;
mod scene;
mod sysmon;
#[cfg(test)]
mod tests;

use cordon_records::{Body, Element, NodeKey};

pub use known::KnownElements;

use crate::{
    Fate,
    event::{Event, Field},
};

/// Why an event that cordon maps cannot be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("no {0:?}")]
    Absent(Field),
    #[error("{0:?} is not {1}")]
    Form(Field, &'static str),
    #[error("EventData is text, but not a JSON object")]
    Data,
}

/// Turns an event into the elements of the graph that it shows. What is known is in a graph that
/// the elements will be merged into: such nodes come without what is known of them, and neither
/// nodes nor edges come at all if the event says nothing else of them, but that they were seen.
///
/// What `elements` got before a fate other than [`Fate::Output`] is to be thrown away, and what
/// `known` learnt is to be forgotten.
pub fn elements(event: &Event<'_>, known: &mut KnownElements, elements: &mut Vec<Element>) -> Fate {
    if !event.is_sysmon() {
        return Fate::NotMapped;
    }
    let Some(id) = event.sysmon_id() else {
        return Fate::Dead("a Sysmon event without an EventID".into());
    };
    match sysmon::describe(id, event, known, elements) {
        Some(Ok(())) => Fate::Output,
        Some(Err(fault)) => Fate::Dead(format!("Sysmon event {id}: {fault}")),
        None => Fate::NotMapped,
    }
}

/// Keys of the nodes that the event maps to, in the order of the table; none for an event that has
/// no elements.
pub fn node_keys(event: &Event<'_>) -> Vec<NodeKey> {
    let mut found = Vec::new();
    if elements(event, &mut KnownElements::default(), &mut found) != Fate::Output {
        return Vec::new();
    }
    let keys = found.into_iter().filter_map(|element| match element.body {
        Body::Node(node) => Some(node.key),
        Body::Edge(_) => None,
    });
    keys.collect()
}
