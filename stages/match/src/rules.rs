//! The rules, ready to run.

mod fields;
mod load;
mod walk;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use rsigma_eval::Engine;
use rsigma_parser::ast::LogSource;

use crate::source::{self, EventSource};
pub(crate) use fields::Fields;

/// Sigma rules, compiled and sorted by log source.
///
/// One engine for each log source was measured to be the fastest way to run many rules: an event
/// meets only rules that could be about it.
pub struct Rules {
    engines: Vec<Routed>,
    count: usize,
    out_of_scope: usize,
}

/// The rules of one log source.
pub(crate) struct Routed {
    scope: Scope,
    pub(crate) engine: Engine,
    /// What its rules ask for.
    pub(crate) fields: Fields,
}

#[cfg(test)]
impl Routed {
    /// No rule, but one that asks for these fields.
    pub(crate) fn asking_for(fields: Fields) -> Self {
        let scope = Scope { category: None, service: None };
        Self { scope, engine: Engine::new(), fields }
    }
}

/// What a rule's log source says, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    category: Option<String>,
    service: Option<String>,
}

/// Why something was refused, and where. One line, safe to print.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// The file, or the directory.
    pub file: PathBuf,
    /// The line from 1, where it is known.
    pub line: Option<u32>,
    /// What is wrong, for a person, at most [`FAULT_BYTES_MAX`].
    pub fault: String,
}

/// Longest fault: a pattern of a thousand letters, quoted, says no more than its beginning.
pub const FAULT_BYTES_MAX: usize = 300;

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl Rules {
    /// Reads every `.yml` and `.yaml` file under a directory, and keeps the rules that are sound
    /// beside what was refused: one rule that cordon cannot run must not cost the thousands of a
    /// collection that it can.
    ///
    /// What begins with a dot is passed over: a repository's own files, and the directories that
    /// Kubernetes keeps behind the links of a mounted `ConfigMap`.
    ///
    /// # Errors
    ///
    /// There is nothing to run: why everything was refused. Or the directory cannot be read, or
    /// holds more than a set of rules could.
    pub fn read(directory: &Path) -> Result<(Self, Vec<RuleError>), Vec<RuleError>> {
        let (files, mut refused) = load::files(directory).map_err(|error| vec![error])?;
        let rules = Self::compile(load::parse(&files, &mut refused), &mut refused);
        refused.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        if rules.count > 0 {
            return Ok((rules, refused));
        }
        if refused.is_empty() {
            refused.push(load::nothing_to_run(directory, rules.out_of_scope));
        }
        Err(refused)
    }

    /// The same, where every rule must be sound.
    ///
    /// # Errors
    ///
    /// All that was refused, if anything was.
    pub fn load(directory: &Path) -> Result<Self, Vec<RuleError>> {
        let (rules, refused) = Self::read(directory)?;
        if refused.is_empty() { Ok(rules) } else { Err(refused) }
    }

    /// The rules that cordon brings along.
    pub fn own() -> Self {
        let mut errors = Vec::new();
        let rules = Self::compile(load::parse(&load::own_files(), &mut errors), &mut errors);
        assert!(errors.is_empty(), "cordon's own rules are sound: {errors:?}");
        rules
    }

    /// How many rules can match something.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many rules were left out because they are about what this stage never sees: other
    /// products than Windows, and categories that no event has.
    pub fn out_of_scope(&self) -> usize {
        self.out_of_scope
    }

    /// The rules that may be about an event.
    pub(crate) fn about(&self, source: EventSource) -> Vec<&Routed> {
        self.engines.iter().filter(|routed| routed.scope.covers(source)).collect()
    }

    fn compile(sources: Vec<load::RuleSource>, errors: &mut Vec<RuleError>) -> Self {
        let mut groups: Vec<(Scope, Vec<load::RuleSource>)> = Vec::new();
        let mut out_of_scope = 0;
        for rule in sources {
            match Scope::of(&rule.rule.logsource) {
                None => out_of_scope += 1,
                Some(scope) => match groups.iter_mut().find(|(known, _)| *known == scope) {
                    Some((_, group)) => group.push(rule),
                    None => groups.push((scope, vec![rule])),
                },
            }
        }
        let mut engines = Vec::new();
        for (scope, group) in groups {
            let mut engine = Engine::new();
            for (place, error) in engine.add_rules(group.iter().map(|source| &source.rule)) {
                errors.push(group[place].error(error));
            }
            let fields = group.iter().map(|source| Fields::of(&source.rule));
            let fields = fields.reduce(Fields::join).unwrap_or(Fields::All);
            engines.push(Routed { scope, engine, fields });
        }
        let count = engines.iter().map(|routed| routed.engine.rule_count()).sum();
        Self { engines, count, out_of_scope }
    }
}

impl Scope {
    /// `None` for a log source that no event of this stage comes from.
    fn of(logsource: &LogSource) -> Option<Self> {
        let lower = |part: &Option<String>| part.as_deref().map(str::to_ascii_lowercase);
        let (product, category, service) =
            (lower(&logsource.product), lower(&logsource.category), lower(&logsource.service));
        let is_in_scope = product.as_deref().is_none_or(|product| product == source::PRODUCT)
            && category.as_deref().is_none_or(source::is_known_category)
            && service.as_deref().is_none_or(source::is_known_service);
        is_in_scope.then_some(Self { category, service })
    }

    fn covers(&self, source: EventSource) -> bool {
        self.category.as_deref().is_none_or(|category| source.categories.contains(&category))
            && self.service.as_deref().is_none_or(|service| source.service == Some(service))
    }
}
