//! Which fields rules ask for, so that no others need be read.

use std::cmp::Ordering;

use rsigma_parser::{
    ast::{Detection, DetectionItem, Modifier, SigmaRule},
    value::SigmaValue,
};

use crate::view::ALIASES;

/// Names of fields, or all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    /// Something is looked for in every field.
    All,
    /// These alone.
    Named(Names),
}

/// Names of fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// By length, then by letters: most names differ in length already, and each field of each
    /// event is looked up here.
    names: Vec<String>,
    /// The objects that some of them lie in: of `a.b.c`, `a` and `a.b`.
    objects: Vec<String>,
}

impl Fields {
    /// What a rule asks for.
    pub(crate) fn of(rule: &SigmaRule) -> Self {
        let mut names = Vec::new();
        let are_named = rule.detection.named.values().all(|part| detection(part, &mut names));
        if are_named { Self::named(names) } else { Self::All }
    }

    /// These, and the fields that some of them are other names of.
    pub(crate) fn named(mut names: Vec<String>) -> Self {
        for (alias, of) in ALIASES {
            if names.iter().any(|name| name == alias) {
                names.push((*of).to_owned());
            }
        }
        names.sort_by(|a, b| by_length(a, b));
        names.dedup();
        let mut objects = Vec::new();
        for name in &names {
            objects.extend(name.match_indices('.').map(|(dot, _)| name[..dot].to_owned()));
        }
        objects.sort();
        objects.dedup();
        Self::Named(Names { names, objects })
    }

    /// What either asks for.
    pub(crate) fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Named(these), Self::Named(others)) => {
                Self::named([these.names, others.names].concat())
            }
            _ => Self::All,
        }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(Names { names, .. }) => {
                names.binary_search_by(|known| by_length(known, name)).is_ok()
            }
        }
    }

    /// Whether a field inside the object of that name is among them.
    pub(crate) fn contains_inside(&self, object: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(Names { objects, .. }) => objects.iter().any(|known| known == object),
        }
    }
}

fn by_length(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Notes the names in a part of a rule; false where it asks for more than names.
fn detection(part: &Detection, names: &mut Vec<String>) -> bool {
    match part {
        Detection::AllOf(items) => items.iter().all(|it| item(it, names)),
        Detection::AnyOf(parts) | Detection::And(parts) => {
            parts.iter().all(|part| detection(part, names))
        }
        // Keywords; and forms too rare to look into.
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
            false
        }
    }
}

fn item(item: &DetectionItem, names: &mut Vec<String>) -> bool {
    let Some(name) = &item.field.name else { return false };
    names.push(name.clone());
    if item.field.has_modifier(Modifier::FieldRef) {
        for value in &item.values {
            let SigmaValue::String(other) = value else { return false };
            names.push(other.original.clone());
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use rsigma_parser::parse_sigma_yaml;

    use super::*;

    /// Fields of rules whose detections are these.
    fn of(detections: &[&str]) -> Fields {
        let rule = |detection: &&str| {
            let text = format!(
                "title: t\nlogsource: {{product: windows}}\ndetection:\n  s: {detection}\n  condition: s\n"
            );
            Fields::of(&parse_sigma_yaml(&text).expect("it parses").rules[0])
        };
        detections.iter().map(rule).reduce(Fields::join).expect("there is one")
    }

    fn named(names: &[&str]) -> Fields {
        Fields::named(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn what_is_named_is_read_and_what_it_is_an_alias_of() {
        assert_eq!(
            of(&["{B|contains: x, A: null}", "[{C: 1}, {A|exists: true}]"]),
            named(&["A", "B", "C"])
        );
        assert_eq!(
            of(&["{TargetFilename|fieldref: Image}"]),
            named(&["Image", "NewProcessName", "TargetFilename"])
        );
        assert_eq!(of(&["{winlog.process.pid: 4}"]), named(&["winlog.process.pid"]));
    }

    #[test]
    fn keywords_are_looked_for_everywhere() {
        assert_eq!(of(&["[mimikatz]"]), Fields::All);
        assert_eq!(of(&["{A: x}", "[mimikatz]"]), Fields::All);
        assert_eq!(of(&["{'|all': [a, b]}"]), Fields::All);
    }

    #[test]
    fn an_object_may_hold_what_is_asked_for() {
        let fields = of(&["{winlog.process.pid: 4}"]);
        assert!(fields.contains("winlog.process.pid") && !fields.contains("winlog.process"));
        assert!(fields.contains_inside("winlog") && fields.contains_inside("winlog.process"));
        assert!(!fields.contains_inside("win") && !fields.contains_inside("winlog.process.pid"));
    }
}
