//! The words of the cell crate, shared by both ends.

use std::{fmt, os::fd::OwnedFd, time::Duration};

/// What a cell may use. Enforced by the kernel or the zygote, never by the cell itself.
#[derive(Clone, Debug)]
pub struct CellLimits {
    /// Heap and private mappings beyond what the zygote had at the fork.
    pub data_bytes_max: u64,
    /// Stack.
    pub stack_bytes_max: u64,
    /// Size of the frames memfd.
    pub frames_bytes_max: u64,
    /// Size of the output memfd.
    pub output_bytes_max: u64,
    /// Wall time of the whole cell.
    pub wall_max: Duration,
    /// CPU time between two marks of progress: a datapoint's deadline.
    pub datapoint_cpu_max: Duration,
    /// Wall time between two marks of progress.
    pub datapoint_wall_max: Duration,
    /// How far its priority is below the zygote's: 0 is the same, and 19 is the most there is.
    pub niceness: u8,
}

impl CellLimits {
    /// Size of the report memfd: outcomes of a full batch, and a letter with an excerpt of 1 KiB
    /// for each of its 32,768 datapoints.
    pub const REPORT_BYTES_MAX: u64 = 64 << 20;
}

impl Default for CellLimits {
    fn default() -> Self {
        Self {
            data_bytes_max: 512 << 20,
            stack_bytes_max: 2 << 20,
            frames_bytes_max: 256 << 20,
            output_bytes_max: 128 << 20,
            wall_max: Duration::from_secs(60),
            datapoint_cpu_max: Duration::from_millis(100),
            datapoint_wall_max: Duration::from_secs(2),
            niceness: 0,
        }
    }
}

/// Work for one cell.
#[derive(Debug)]
pub struct CellJob {
    /// For the body; opaque here. At most [`CellJob::HEADER_BYTES_MAX`].
    pub header: Vec<u8>,
    /// A sealed memfd (write, grow and shrink sealed) that holds the payload bytes.
    pub input: OwnedFd,
    /// Limits.
    pub limits: CellLimits,
}

impl CellJob {
    /// Headers travel inside the input memfd's own sealed twin, not the socket, so that the limit
    /// is generous: a full batch's parts and selections.
    pub const HEADER_BYTES_MAX: usize = 4 << 20;
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CellEnd {
    /// The body returned.
    Finished,
    /// The body returned an error or panicked outside a datapoint, or the cell lied about how much
    /// it wrote: a bug or an attack, not the datapoint's fault. The words may be the cell's:
    /// untrusted.
    Failed(String),
    /// It died: a signal, with its usual name (SIGABRT, SIGSEGV, SIGSYS…).
    Signal(i32),
    /// It exited with a code nobody asked for.
    Exited(i32),
    /// The zygote killed it: a datapoint passed its deadline, or the cell its wall time.
    Deadline(DeadlineKind),
    /// There was no cell: no memory or process for one, or the job is not what it must be.
    NoFork(String),
    /// The zygote itself is gone, and the job never reached it.
    ZygoteGone,
    /// The zygote died while it had the job: it may be the job's doing.
    ZygoteDied,
}

impl fmt::Display for CellEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "killed by {name}"),
                None => write!(f, "killed by signal {signal}"),
            },
            Self::Exited(code) => write!(f, "exited with code {code}"),
            Self::Deadline(kind) => write!(f, "killed at its deadline: {kind}"),
            Self::NoFork(reason) => write!(f, "no cell: {reason}"),
            Self::ZygoteGone => f.write_str("the zygote is gone"),
            Self::ZygoteDied => f.write_str("the zygote died over it"),
        }
    }
}

/// The signals a cell is known to die of.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGILL => "SIGILL",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGSYS => "SIGSYS",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGXCPU => "SIGXCPU",
        _ => return None,
    })
}

/// Which deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadlineKind {
    /// CPU time of one datapoint.
    DatapointCpu,
    /// Wall time of one datapoint.
    DatapointWall,
    /// Wall time of the cell.
    CellWall,
}

impl fmt::Display for DeadlineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DatapointCpu => "CPU time of a datapoint",
            Self::DatapointWall => "wall time of a datapoint",
            Self::CellWall => "wall time of the cell",
        })
    }
}

/// What a cell leaves behind. Everything but `end` and `usage` comes from the cell: untrusted.
#[derive(Debug)]
pub struct CellResult {
    /// How it ended.
    pub end: CellEnd,
    /// The datapoint it was at: (part, index), if it had begun one.
    pub at: Option<(u32, u64)>,
    /// Whether it was sealing (all datapoints done).
    pub sealing: bool,
    /// Complete frames, of a dead cell too. Empty once they are sealed into the output of a cell
    /// that finished.
    pub frames: Vec<u8>,
    /// The output; empty when the cell did not finish.
    pub output: Vec<u8>,
    /// The published report; empty when the cell did not finish.
    pub report: Vec<u8>,
    /// What it used.
    pub usage: CellUsage,
}

/// What a cell used, as the kernel tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellUsage {
    /// User CPU, microseconds.
    pub user_us: u64,
    /// System CPU, microseconds.
    pub system_us: u64,
    /// Largest resident set, bytes.
    pub rss_bytes_max: u64,
}
