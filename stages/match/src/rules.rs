//! The rules, ready to run.

mod load;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use rsigma_eval::Engine;
use rsigma_parser::ast::LogSource;

use crate::source::{self, EventSource};

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
struct Routed {
    scope: Scope,
    engine: Engine,
}

/// What a rule's log source says, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    category: Option<String>,
    service: Option<String>,
}

/// What is wrong with a rule file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// The file, or the directory that cannot be read.
    pub file: PathBuf,
    /// The line from 1, where it is known.
    pub line: Option<u32>,
    /// What is wrong, for a person.
    pub fault: String,
}

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
    /// Loads every `.yml` and `.yaml` file under a directory.
    ///
    /// # Errors
    ///
    /// All errors of all files, when there is one.
    pub fn load(directory: &Path) -> Result<Self, Vec<RuleError>> {
        let (rules, errors) = Self::read(directory);
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }

    /// The same, but keeps the rules that are sound beside the errors of the others: for a large
    /// collection of other people's rules.
    pub fn read(directory: &Path) -> (Self, Vec<RuleError>) {
        let (files, mut errors) = load::files(directory);
        let rules = Self::compile(load::parse(&files, &mut errors), &mut errors);
        errors.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        (rules, errors)
    }

    /// The ten rules that cordon brings along.
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

    /// The engines whose rules may be about an event.
    pub(crate) fn about(&self, source: EventSource) -> impl Iterator<Item = &Engine> {
        let about = move |routed: &&Routed| routed.scope.covers(source);
        self.engines.iter().filter(about).map(|routed| &routed.engine)
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
            engines.push(Routed { scope, engine });
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
