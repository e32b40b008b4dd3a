//! generate of a version with a bug: it refuses a shape of line that it should map.

use std::borrow::Cow;

use cordon_flow::{Fate, Graph, KnownElements, Stage};
use cordon_generate::Generate;
use cordon_records::{Element, LogDatapoint, schema::Family};

/// The version with the bug, as it calls itself.
pub const VERSION: &str = "0.0.9-flawed";
/// The version that comes next, without it.
pub const NEXT_VERSION: &str = "0.2.0-next";
/// The version as it is released.
pub const RELEASED_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is in every line that it refuses.
pub const MARK: &str = "TargetFilename";

/// `generate`, which refuses lines with [`MARK`].
pub struct Flawed;

impl Stage for Flawed {
    type Input<'a> = LogDatapoint<'a>;
    type Output = Graph;
    type Memory = KnownElements;

    fn input_schemas(&self) -> &'static Family {
        Generate.input_schemas()
    }

    fn process(
        &self,
        input: &LogDatapoint<'_>,
        known: &mut KnownElements,
        emit: &mut Vec<Element>,
    ) -> Fate {
        let is_marked = input.line.windows(MARK.len()).any(|found| found == MARK.as_bytes());
        if is_marked {
            return Fate::Dead("a file's name is no name".to_owned());
        }
        Generate.process(input, known, emit)
    }

    fn excerpt<'a>(&self, input: &'a LogDatapoint<'_>) -> Cow<'a, [u8]> {
        Generate.excerpt(input)
    }
}
