//! How far it is: a bar with rate and remaining time on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

use super::{engine::Emitted, position::Position};

/// Offsets are what is counted: how many pointers a range holds is known only behind it.
const TEMPLATE: &str = "{bar:30} {percent}% of {len} offsets, {msg}, {eta} left";

/// Drawn on standard error, if that is a terminal.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(crate) fn show(&self, position: &Position, emitted: &Emitted) {
        let (done, all) = position.progress();
        if self.0.length() != Some(all) {
            self.0.set_length(all);
            // What an earlier run did says nothing of how fast this one is.
            self.0.set_position(done);
            self.0.reset_eta();
        }
        let Emitted { pointers, datapoints, .. } = emitted;
        self.0.set_message(format!("{pointers} pointers, {datapoints} datapoints"));
        self.0.set_position(done);
    }

    /// Leaves nothing behind.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Bar {
    /// An error message must not stand in the middle of a bar.
    fn drop(&mut self) {
        self.finish();
    }
}
