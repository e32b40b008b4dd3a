//! Two versions of the same results: what appears, what vanishes, what changes.
//!
//! Parts have roles, in this order. *New* and *old* are compared. *Mixed* is old as well, but its
//! payloads also hold results of other datapoints than those in question: of findings only those
//! count whose line is among the *witnesses*, log datapoints; of elements nobody can say what they
//! would be without the others, so that where they differ it is told as undecided.

use std::collections::{BTreeMap, BTreeSet};

use cordon_container::{ContainerFault, SectionReader};
use cordon_flow::{Accumulate as _, Graph};
use cordon_records::{Body, Element, Finding, FindingId, LogDatapoint, Origin};

use super::{Kind, json};
use crate::BodyFault;

/// What a part is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Role {
    #[default]
    Witness,
    New,
    Old,
    Mixed,
}

const ROLES: [Role; 4] = [Role::Witness, Role::New, Role::Old, Role::Mixed];

/// Takes what puts a line.
pub(super) trait Tell: FnMut(&dyn Fn(&mut Vec<u8>)) -> Result<(), BodyFault> {}

impl<T: FnMut(&dyn Fn(&mut Vec<u8>)) -> Result<(), BodyFault>> Tell for T {}

/// What was read up to now.
#[derive(Default)]
pub(super) struct Diff {
    /// How many parts each role has.
    counts: [u32; ROLES.len()],
    /// Of the part that is read now.
    role: Role,
    witnesses: BTreeSet<Origin<'static>>,
    new: Side,
    old: Side,
    /// Elements of which more may be known than what the old results of these datapoints said.
    mixed: BTreeSet<Body>,
}

#[derive(Default)]
struct Side {
    findings: BTreeMap<FindingId, Finding>,
    graph: Graph,
}

impl Diff {
    /// Reads the numbers of parts, `<witness>,<new>,<old>,<mixed>`.
    pub(super) fn parse(text: &str) -> Result<Self, BodyFault> {
        let counts: Option<Vec<u32>> = text.split(',').map(|count| count.parse().ok()).collect();
        let counts = counts.and_then(|counts| counts.try_into().ok());
        let counts = counts.ok_or(BodyFault::Job("the parts of a diff are not four numbers"))?;
        Ok(Self { counts, ..Self::default() })
    }

    /// Tells which part comes now.
    pub(super) fn begin(&mut self, part: u32) -> Result<(), BodyFault> {
        let mut end = 0_u32;
        let role = ROLES.iter().zip(self.counts).find(|(_, count)| {
            end = end.saturating_add(*count);
            part < end
        });
        let role = role.ok_or(BodyFault::Job("a part of a diff has no role"))?;
        self.role = *role.0;
        Ok(())
    }

    /// Takes in the datapoint that `reader` found.
    pub(super) fn take(
        &mut self,
        kind: Kind,
        reader: &mut SectionReader<'_>,
    ) -> Result<(), ContainerFault> {
        match kind {
            Kind::Log => {
                let log: LogDatapoint<'_> = reader.read()?;
                self.witnesses.insert(log.origin.into_owned());
            }
            Kind::Element => {
                let element: Element = reader.read()?;
                if self.role == Role::Mixed {
                    self.mixed.insert(element.body.clone());
                }
                self.side().graph.add(element);
            }
            Kind::Finding => {
                let finding: Finding = reader.read()?;
                if self.role != Role::Mixed || self.witnesses.contains(&finding.origin) {
                    self.side().findings.insert(finding.id, finding);
                }
            }
        }
        Ok(())
    }

    fn side(&mut self) -> &mut Side {
        if self.role == Role::New { &mut self.new } else { &mut self.old }
    }

    /// Every difference as a line, in the order of what is compared; gives how much is the same.
    pub(super) fn tell(self, mut tell: impl Tell) -> Result<i64, BodyFault> {
        let Self { new, old, mixed, .. } = self;
        let elements = |graph: Graph| -> BTreeMap<Body, Element> {
            graph.into_sorted().into_iter().map(|element| (element.body.clone(), element)).collect()
        };
        let findings = compare(&old.findings, &new.findings, |_| false, json::finding, &mut tell)?;
        let (old, new) = (elements(old.graph), elements(new.graph));
        let is_mixed = |body: &Body| mixed.contains(body);
        Ok(findings + compare(&old, &new, is_mixed, json::element, &mut tell)?)
    }
}

/// Goes through two maps at once.
fn compare<K: Ord, V: PartialEq>(
    old: &BTreeMap<K, V>,
    new: &BTreeMap<K, V>,
    is_undecided: impl Fn(&K) -> bool,
    show: impl Fn(&V, &mut Vec<u8>),
    tell: &mut impl Tell,
) -> Result<i64, BodyFault> {
    let mut same = 0;
    let keys: BTreeSet<&K> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let (was, is) = (old.get(key), new.get(key));
        if was == is {
            same += 1;
            continue;
        }
        let put = |out: &mut Vec<u8>| match (was, is) {
            _ if is_undecided(key) => change("undecided", was, is, &show, out),
            (None, Some(is)) => alone("appears", is, &show, out),
            (Some(was), None) => alone("vanishes", was, &show, out),
            _ => change("changes", was, is, &show, out),
        };
        tell(&put)?;
    }
    Ok(same)
}

/// `{"appears":{…}}`
fn alone<V>(what: &str, thing: &V, show: &impl Fn(&V, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{{\"{what}\":").as_bytes());
    show(thing, out);
    out.push(b'}');
}

/// `{"changes":{"from":{…},"to":{…}}}`
fn change<V>(
    what: &str,
    was: Option<&V>,
    is: Option<&V>,
    show: &impl Fn(&V, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let show = |thing: Option<&V>, out: &mut Vec<u8>| match thing {
        Some(thing) => show(thing, out),
        None => out.extend_from_slice(b"null"),
    };
    out.extend_from_slice(format!("{{\"{what}\":{{\"from\":").as_bytes());
    show(was, out);
    out.extend_from_slice(b",\"to\":");
    show(is, out);
    out.extend_from_slice(b"}}");
}
