//! How far it is: a bar with rate and remaining time on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

const TEMPLATE: &str = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";

/// Bytes of files that are done, of all.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Draws on standard error, if that is a terminal.
    pub(super) fn new(bytes: u64) -> Self {
        let bar = ProgressBar::new(bytes);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(super) fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// Leaves nothing behind.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Progress {
    /// An error message must not stand in the middle of a bar.
    fn drop(&mut self) {
        self.finish();
    }
}
