//! What happened, in words: one seed must tell the same story twice, byte for byte.

use std::fmt::{Debug, Write};

/// Where every event and effect is told in order, if anybody listens.
#[derive(Default)]
pub(crate) struct Trace(Option<Box<dyn Write>>);

impl Trace {
    /// Tells everything to `listener`.
    pub(crate) fn to(listener: Box<dyn Write>) -> Self {
        Self(Some(listener))
    }

    pub(crate) fn event(&mut self, slot: &str, event: &impl Debug) {
        self.line(slot, "<-", event);
    }

    pub(crate) fn effect(&mut self, slot: &str, effect: &impl Debug) {
        self.line(slot, "->", effect);
    }

    /// Something that the scheduler does.
    pub(crate) fn world(&mut self, what: &impl Debug) {
        self.line("world", "--", what);
    }

    fn line(&mut self, slot: &str, arrow: &str, what: &impl Debug) {
        if let Some(listener) = &mut self.0 {
            writeln!(listener, "{slot} {arrow} {what:?}").expect("the listener listens");
        }
    }
}
