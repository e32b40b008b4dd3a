//! The stage `merge`: the union of the batch's graphs.
//!
//! Every element goes into the output as it is; equal ones coalesce there by the laws of
//! `cordon-flow`. So the stage itself has nothing to decide, and nothing to reject: an element
//! that decodes is an element, and the graph brings a forged one into normal form.

use std::borrow::Cow;

use cordon_flow::{Fate, Graph, Stage};
use cordon_records::{
    Element,
    schema::{self, Family},
};

/// The stage. It has no rules and no state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Merge;

impl Stage for Merge {
    type Input<'a> = Element;
    type Output = Graph;
    type Memory = ();

    fn input_schemas(&self) -> &'static Family {
        &schema::ELEMENT
    }

    fn process(&self, input: &Element, (): &mut (), emit: &mut Vec<Element>) -> Fate {
        emit.push(input.clone());
        Fate::Output
    }

    /// Kind and key, in words: the element itself is binary.
    fn excerpt<'a>(&self, input: &'a Element) -> Cow<'a, [u8]> {
        Cow::Owned(format!("{:?}", input.body).into_bytes())
    }
}
