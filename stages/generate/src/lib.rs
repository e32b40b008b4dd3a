#![doc = include_str!("../events.md")]

use std::borrow::Cow;

use cordon_flow::{Event, Fate, Graph, KnownElements, Stage};
use cordon_records::{
    Element, LogDatapoint,
    schema::{self, Family},
};

/// The stage `generate`: one log line → the graph elements it shows. It has no rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct Generate;

impl Stage for Generate {
    type Input<'a> = LogDatapoint<'a>;
    type Output = Graph;
    type Memory = KnownElements;

    fn input_schemas(&self) -> &'static Family {
        &schema::LOG_DATAPOINT
    }

    fn process(
        &self,
        input: &LogDatapoint<'_>,
        known: &mut KnownElements,
        emit: &mut Vec<Element>,
    ) -> Fate {
        match Event::parse(input.line) {
            Ok(event) => cordon_flow::elements(&event, known, emit),
            Err(malformed) => Fate::Dead(malformed.to_string()),
        }
    }

    fn excerpt<'a>(&self, input: &'a LogDatapoint<'_>) -> Cow<'a, [u8]> {
        Cow::Borrowed(input.line)
    }
}
