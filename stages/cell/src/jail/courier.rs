//! The courier's jail: out by TCP, a few files to read, and nothing else.
//!
//! A courier holds its principal's secrets and talks to brokers and S3, so unlike a cell it needs
//! threads, connections and name resolution. What it never needs is kept from it: to listen, to
//! execute, to speak anything but TCP, to make memory executable, to touch other processes.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
};

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getpid, set_dumpable_behavior, setrlimit,
};
use seccompiler::BpfProgram;

use super::{
    JailMode, JailReport, check_single_threaded, drop_privileges,
    landlock::{self, ReachError},
    seccomp,
};
use crate::sys;

/// What a courier may reach from its jail. Whatever it has open already, it keeps.
#[derive(Clone, Debug, Default)]
pub struct CourierReach {
    /// Files, and directories with all below them, that it may read. Those that do not exist are
    /// passed over. Held by Landlock: without it, file permissions are all there is.
    pub read: Vec<PathBuf>,
    /// Directories below which it may make, change and remove files. Without any, it opens nothing
    /// for writing, whether there is Landlock or not.
    pub write: Vec<PathBuf>,
    /// TCP ports it may connect to. Held by Landlock: without it, all of them.
    pub ports: Vec<u16>,
}

impl CourierReach {
    /// Name servers. They are asked by TCP: a courier has no datagrams.
    pub const DNS_PORT: u16 = 53;

    /// What the C library reads to resolve a name, and where systems keep the certificates that
    /// they trust.
    pub const SYSTEM_FILES: &[&str] = &[
        "/etc/resolv.conf",
        "/etc/hosts",
        "/etc/host.conf",
        "/etc/nsswitch.conf",
        "/etc/gai.conf",
        "/etc/services",
        "/etc/ssl/certs",
        "/etc/ssl/cert.pem",
        "/etc/ssl/openssl.cnf",
        "/etc/pki/tls/certs",
        "/etc/pki/tls/openssl.cnf",
        "/etc/pki/ca-trust/extracted",
        "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates",
    ];
}

/// Why a courier is not in its jail.
#[derive(Debug, thiserror::Error)]
pub enum CourierJailError {
    /// The strict jail needs layers that this kernel lacks.
    #[error("the strict jail is {0}")]
    Incomplete(JailReport),
    /// A thread that runs already would stay outside.
    #[error("the jail holds the calling thread and those it starts")]
    Threads(#[source] io::Error),
    /// The list of system calls cannot be compiled.
    #[error("the seccomp list does not compile")]
    Seccomp(#[from] seccompiler::BackendError),
    /// Landlock refused a rule.
    #[error("the Landlock ruleset cannot be created")]
    Landlock(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The kernel refused a step.
    #[error("the jail cannot be entered")]
    Enter(#[from] io::Error),
}

impl From<ReachError> for CourierJailError {
    fn from(error: ReachError) -> Self {
        Self::Landlock(Box::new(error))
    }
}

/// Puts this process into a courier's jail, forever, and says which layers hold it. With
/// [`JailMode::Off`] nothing happens.
///
/// Call it before anything starts a thread, and after secrets were read, so that their files need
/// not be in `reach`. The process also loses its capabilities, core dumps, and whatever else lets
/// others of its user look into its memory.
///
/// Names resolve by TCP alone: start the process with `use-vc` in `RES_OPTIONS`.
///
/// # Errors
///
/// There is a second thread; the strict jail is incomplete; or the kernel refuses. The process may
/// be half in: it should end.
pub fn enter_courier_jail(
    mode: JailMode,
    reach: &CourierReach,
) -> Result<JailReport, CourierJailError> {
    let report = JailReport::of(mode);
    if mode == JailMode::Off {
        return Ok(report);
    }
    if mode == JailMode::Strict && !report.is_complete() {
        return Err(CourierJailError::Incomplete(report));
    }
    check_single_threaded("a courier that enters its jail").map_err(CourierJailError::Threads)?;
    let filters = seccomp::courier_filters(getpid(), !reach.write.is_empty())?;
    let ruleset = landlock::of_courier(reach)?;
    enter(&filters, ruleset)?;
    Ok(report)
}

fn enter(filters: &[BpfProgram], ruleset: Option<OwnedFd>) -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    drop_privileges()?;
    if let Some(ruleset) = &ruleset {
        sys::landlock_restrict(ruleset.as_fd())?;
    }
    drop(ruleset);
    filters.iter().try_for_each(|filter| sys::seccomp_install(filter))
}
