//! The stage `match`: Sigma rules over log datapoints, one finding for each rule that an event
//! matches.
//!
//! Key idea: an event's channel and id say which rules can be about it ([Sigma's log sources](
//! https://sigmahq.io/docs/basics/log-sources.html)); only then are the fields read that
//! those rules ask for, and only those rules are run, by `rsigma-eval`. Rules are read before the jail closes and never change;
//! a finding's id is a hash of rule and origin, so that a replay finds the same; its nodes are
//! those that the stage `generate` makes of the same event, because both ask `cordon-flow`.
//!
//! Fates: a line that is no JSON object is dead, and so is a Sysmon event whose data cannot be
//! read; an event that no rule matches is not mapped.
//!
//! Restrictions: a rule sees one event. Correlations, filters, `timeframe` and `expand` are
//! refused by file and line when rules are read, never ignored. Only Windows events are
//! matched; rules about anything else are counted as out of scope.

mod finding;
mod findings;
mod repair;
mod rules;
mod source;
mod text;
mod view;

use std::borrow::Cow;

use cordon_flow::{Event, Fate, Stage};
use cordon_records::{
    Finding, LogDatapoint,
    schema::{self, Family},
};

use finding::Facts;
pub use finding::{SUMMARY_BYTES_MAX, finding_id};
pub use findings::Findings;
pub use rules::{FAULT_BYTES_MAX, RuleError, Rules};
use source::EventSource;
use view::{ALIASES, View, Wanted};

/// The stage, with its rules.
pub struct Match {
    rules: Rules,
}

/// Security's event of a new process, which Sigma's `process_creation` rules are about, too.
const SECURITY_PROCESS_CREATED: u16 = 4688;

impl Match {
    /// A stage that looks for these.
    pub fn new(rules: Rules) -> Self {
        Self { rules }
    }

    /// Its rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }
}

impl Stage for Match {
    type Input<'a> = LogDatapoint<'a>;
    type Output = Findings;
    type Memory = ();

    fn input_schemas(&self) -> &'static Family {
        &schema::LOG_DATAPOINT
    }

    fn process(&self, input: &LogDatapoint<'_>, (): &mut (), emit: &mut Vec<Finding>) -> Fate {
        let event = match Event::parse(input.line) {
            Ok(event) => event,
            Err(malformed) => return Fate::Dead(malformed.to_string()),
        };
        let Some(source) = EventSource::of(&event) else { return Fate::NotMapped };
        let rules = self.rules.about(source);
        if rules.is_empty() {
            return Fate::NotMapped;
        }
        if event.is_data_unreadable() && event.is_sysmon() {
            return Fate::Dead("EventData is text, but not a JSON object".into());
        }
        let view = match view_of(&event, input.line, source, Wanted::by(&rules)) {
            Ok(view) => view,
            Err(malformed) => return Fate::Dead(malformed),
        };
        let matched: Vec<_> =
            rules.iter().flat_map(|routed| routed.engine.evaluate(&view)).collect();
        if matched.is_empty() {
            return Fate::NotMapped;
        }
        // Seldom; a summary tells of fields that no rule asked for.
        let view = match view_of(&event, input.line, source, Wanted::All) {
            Ok(view) => view,
            Err(malformed) => return Fate::Dead(malformed),
        };
        let facts = Facts::of(&event, &view, &input.origin);
        emit.extend(matched.into_iter().map(|result| facts.finding(result.header)));
        Fate::Output
    }

    fn excerpt<'a>(&self, input: &'a LogDatapoint<'_>) -> Cow<'a, [u8]> {
        Cow::Borrowed(input.line)
    }
}

/// The fields that are wanted, those of Security's process event under the names of Sysmon's, too.
fn view_of<'a>(
    event: &Event<'_>,
    line: &'a [u8],
    source: EventSource,
    wanted: Wanted<'_>,
) -> Result<View<'a>, String> {
    let mut view = View::parse(line, !event.is_data_unreadable(), wanted)?;
    if source.service == Some("security") && source.event_id == Some(SECURITY_PROCESS_CREATED) {
        for (alias, of) in ALIASES {
            view.alias(alias, of);
        }
    }
    Ok(view)
}
