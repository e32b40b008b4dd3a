//! What a body sees of the cell it runs in.

use std::{
    cell::{Cell, RefCell},
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::FileExt,
    },
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::{
    CellLimits,
    page::{Mark, Page},
    sys::{self, Clock},
    wire::{JobFds, JobMessage, exit},
};

/// Why bytes did not leave the cell.
#[derive(Debug, thiserror::Error)]
pub enum CellIoError {
    /// They would pass the limit the job set.
    #[error("{what} is limited to {bytes_max} bytes")]
    Full {
        /// Which result: "frames", "output" or "report".
        what: &'static str,
        /// The limit.
        bytes_max: u64,
    },
    /// The kernel refused: out of memory.
    #[error("{what} could not be written")]
    Write {
        /// Which result.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// The cell, as its body sees it. A cell has one thread and ends with its job, so all methods
/// take `&self`, and inputs can be borrowed while results are written.
pub struct CellContext {
    header: &'static [u8],
    input: &'static [u8],
    frames: ResultFile,
    output: ResultFile,
    report: ResultFile,
    page: Page,
    started: Duration,
}

impl CellContext {
    /// Maps the job's inputs, and closes their descriptors.
    pub(crate) fn open(job: &JobMessage, fds: JobFds<OwnedFd>, page: Page) -> io::Result<Self> {
        let limits = &job.limits;
        Ok(Self {
            header: map(&fds.header, job.header_bytes)?,
            input: map(&fds.input, job.input_bytes)?,
            frames: ResultFile::new("frames", fds.frames, limits.frames_bytes_max),
            output: ResultFile::new("output", fds.output, limits.output_bytes_max),
            report: ResultFile::new("report", fds.report, CellLimits::REPORT_BYTES_MAX),
            page,
            started: Clock::MONOTONIC.read()?,
        })
    }

    /// What the courier says to the body.
    pub fn header(&self) -> &[u8] {
        self.header
    }

    /// The payload bytes: hostile. They cannot change while the body reads them.
    pub fn input(&self) -> &[u8] {
        self.input
    }

    /// Says which datapoint the body is at, before any work on it: its deadline starts, and if
    /// the cell dies, this is the suspect. One store; call it for each datapoint.
    ///
    /// Parts up to 2^23 - 2 and indexes up to 2^40 - 1 can be told apart, far beyond any batch.
    #[inline]
    pub fn mark(&self, part: u32, index: u64) {
        self.page.mark(Mark::At { part, index });
    }

    /// Says that all datapoints are done, so that no datapoint is blamed for, nor timed by, what
    /// follows. Only the cell's own deadline counts from here.
    pub fn mark_sealing(&self) {
        self.page.mark(Mark::Sealing);
    }

    /// Appends a complete frame. It counts from the moment this returns, whatever becomes of the
    /// cell: written first, published after.
    ///
    /// # Errors
    ///
    /// [`CellIoError::Full`] if it does not fit; nothing is published then.
    pub fn append_frame(&self, frame: &[u8]) -> Result<(), CellIoError> {
        self.frames.append(frame, self.page.frames_bytes())
    }

    /// Appends to the output. It counts only if the body returns `Ok`.
    ///
    /// # Errors
    ///
    /// [`CellIoError::Full`] if it does not fit; nothing is published then.
    pub fn append_output(&self, bytes: &[u8]) -> Result<(), CellIoError> {
        self.output.append(bytes, self.page.output_bytes())
    }

    /// How much output there is: where the next piece will start.
    pub fn output_bytes(&self) -> u64 {
        self.output.bytes.get()
    }

    /// Appends to the report. It counts only if the body returns `Ok`.
    ///
    /// # Errors
    ///
    /// [`CellIoError::Full`] if it does not fit; nothing is published then.
    pub fn report(&self, bytes: &[u8]) -> Result<(), CellIoError> {
        self.report.append(bytes, self.page.report_bytes())
    }

    /// Time since the cell got its job.
    pub fn elapsed(&self) -> Duration {
        // The monotonic clock always exists; a body that saw no time pass is merely not cut.
        let now = Clock::MONOTONIC.read().unwrap_or(self.started);
        now.saturating_sub(self.started)
    }

    /// Puts the reason of a failure where the report would be.
    pub(crate) fn fail(&self, reason: &str) {
        let reason = &reason.as_bytes()[..reason.len().min(exit::REASON_BYTES_MAX as usize)];
        self.report.bytes.set(0);
        // If even this does not fit, the exit code still says that the body failed.
        let _ = self.report.append(reason, self.page.report_bytes());
    }
}

fn map(fd: &OwnedFd, bytes: u64) -> io::Result<&'static [u8]> {
    sys::map_for_life(fd.as_fd(), usize::try_from(bytes).map_err(io::Error::other)?)
}

/// A result memfd and how much of it is written.
struct ResultFile {
    what: &'static str,
    file: File,
    bytes: Cell<u64>,
    bytes_max: u64,
}

impl ResultFile {
    fn new(what: &'static str, fd: OwnedFd, bytes_max: u64) -> Self {
        Self { what, file: fd.into(), bytes: Cell::new(0), bytes_max }
    }

    fn append(&self, bytes: &[u8], published: &AtomicU64) -> Result<(), CellIoError> {
        let what = self.what;
        let end = self.bytes.get() + bytes.len() as u64;
        if end > self.bytes_max {
            let bytes_max = self.bytes_max;
            return Err(CellIoError::Full { what, bytes_max });
        }
        self.file
            .write_all_at(bytes, self.bytes.get())
            .map_err(|source| CellIoError::Write { what, source })?;
        self.bytes.set(end);
        published.store(end, Ordering::Release);
        Ok(())
    }
}

thread_local! {
    /// What the last panic said and where, for whoever catches it.
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the words of a panic instead of printing them: a cell's standard error leads nowhere, and
/// the default hook would read the environment and, asked for a backtrace, open files, of which
/// the jail makes a death.
pub(crate) fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| {
        LAST_PANIC.with(|last| {
            if let Ok(mut last) = last.try_borrow_mut() {
                *last = Some(describe(panic));
            }
        });
    }));
}

fn describe(panic: &std::panic::PanicHookInfo<'_>) -> String {
    let message = panic.payload_as_str().unwrap_or("no message");
    match panic.location() {
        Some(place) => format!("{message}, at {}:{}", place.file(), place.line()),
        None => message.to_owned(),
    }
}

/// What the last panic on this thread said and where: for a body that catches the panic of a
/// datapoint. `None` outside a cell.
pub fn take_panic() -> Option<String> {
    LAST_PANIC.with(|last| last.try_borrow_mut().ok().and_then(|mut last| last.take()))
}
