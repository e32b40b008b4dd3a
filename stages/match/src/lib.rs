//! The stage `match`: Sigma rules over log datapoints, one finding for each rule that an event
//! matches.
//!
//! Key idea: an event's channel and id say which rules can be about it ([Sigma's log sources](
//! https://sigmahq.io/docs/basics/log-sources.html)); only then are all its fields read, and only
//! those rules are run, by `rsigma-eval`. Rules are read before the jail closes and never change;
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
use view::View;

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

    fn input_schemas(&self) -> &'static Family {
        &schema::LOG_DATAPOINT
    }

    fn process(&self, input: &LogDatapoint<'_>, emit: &mut Vec<Finding>) -> Fate {
        let event = match Event::parse(input.line) {
            Ok(event) => event,
            Err(malformed) => return Fate::Dead(malformed.to_string()),
        };
        let Some(source) = EventSource::of(&event) else { return Fate::NotMapped };
        let mut engines = self.rules.about(source).peekable();
        if engines.peek().is_none() {
            return Fate::NotMapped;
        }
        if event.is_data_unreadable() && event.is_sysmon() {
            return Fate::Dead("EventData is text, but not a JSON object".into());
        }
        let view = match view_of(&event, input.line, source) {
            Ok(view) => view,
            Err(malformed) => return Fate::Dead(malformed),
        };
        let matched: Vec<_> = engines.flat_map(|engine| engine.evaluate(&view)).collect();
        if matched.is_empty() {
            return Fate::NotMapped;
        }
        let facts = Facts::of(&event, &view, &input.origin);
        emit.extend(matched.into_iter().map(|result| facts.finding(result.header)));
        Fate::Output
    }

    fn excerpt<'a>(&self, input: &'a LogDatapoint<'_>) -> Cow<'a, [u8]> {
        Cow::Borrowed(input.line)
    }
}

/// All fields, and those of Security's process event under the names of Sysmon's.
fn view_of<'a>(event: &Event<'_>, line: &'a [u8], source: EventSource) -> Result<View<'a>, String> {
    let mut view = View::parse(line, !event.is_data_unreadable())?;
    if source.service == Some("security") && source.event_id == Some(SECURITY_PROCESS_CREATED) {
        view.alias("Image", "NewProcessName");
        view.alias("ParentImage", "ParentProcessName");
    }
    Ok(view)
}
