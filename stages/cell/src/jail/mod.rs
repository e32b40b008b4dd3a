//! The jails: what a cell, and what a courier, is kept from, whatever code runs in it.
//!
//! Two layers that know nothing of each other. The seccomp list alone must hold: with it a cell
//! can open, connect, execute, fork and signal nothing, on any kernel. Landlock stands on top
//! where the kernel has it: it denies again, at the objects instead of the calls. The courier's
//! jail ([`courier`]) is wider, and made of the same two.
//!
//! A cell's is built before the zygote forks. Entering is then two system calls.

mod courier;
mod landlock;
mod seccomp;

use std::{
    fmt, fs, io,
    os::fd::{AsFd, OwnedFd},
    str::FromStr,
};

use rustix::{
    process::Pid,
    thread::{CapabilitySet, CapabilitySets},
};

pub use self::courier::{CourierJailError, CourierReach, enter_courier_jail};
use crate::sys;

/// How much of the jail is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JailMode {
    /// Refuse to run without every layer.
    Strict,
    /// seccomp always, Landlock as far as the kernel has it; what is missing is named.
    Best,
    /// None. For finding out whether a test fails because of the jail, and for the positive
    /// controls of attacks.
    Off,
}

impl JailMode {
    /// The word for it in configurations and on command lines; parsed by [`FromStr`].
    pub fn word(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Best => "best",
            Self::Off => "off",
        }
    }
}

/// A word that names no [`JailMode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be \"best\", \"strict\" or \"off\"")]
pub struct NoJailMode;

impl FromStr for JailMode {
    type Err = NoJailMode;

    fn from_str(word: &str) -> Result<Self, NoJailMode> {
        let mut all = [Self::Strict, Self::Best, Self::Off].into_iter();
        all.find(|mode| mode.word() == word).ok_or(NoJailMode)
    }
}

/// A part of the jail that a kernel may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JailLayer {
    /// The list of allowed system calls.
    Seccomp,
    /// Landlock: opening, creating, executing and removing files (Linux 5.13).
    LandlockFiles,
    /// Landlock: truncating files by name (6.2).
    LandlockTruncate,
    /// Landlock: TCP bind and connect (6.7).
    LandlockTcp,
    /// Landlock: device control calls (6.10).
    LandlockDevices,
    /// Landlock: signals and abstract sockets to processes outside (6.12).
    LandlockScopes,
}

impl JailLayer {
    /// All of them, in the order of their bits on the wire.
    pub const ALL: [Self; 6] = [
        Self::Seccomp,
        Self::LandlockFiles,
        Self::LandlockTruncate,
        Self::LandlockTcp,
        Self::LandlockDevices,
        Self::LandlockScopes,
    ];

    /// The Landlock ABI that brought it; 0 if it is not Landlock's.
    fn landlock_abi(self) -> u8 {
        match self {
            Self::Seccomp => 0,
            Self::LandlockFiles => 1,
            Self::LandlockTruncate => 3,
            Self::LandlockTcp => 4,
            Self::LandlockDevices => 5,
            Self::LandlockScopes => 6,
        }
    }
}

impl fmt::Display for JailLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seccomp => "seccomp",
            Self::LandlockFiles => "landlock-files",
            Self::LandlockTruncate => "landlock-truncate",
            Self::LandlockTcp => "landlock-tcp",
            Self::LandlockDevices => "landlock-devices",
            Self::LandlockScopes => "landlock-scopes",
        })
    }
}

/// Which layers hold the cells of a zygote, or a courier. For logs and metrics: a program must not decide by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JailReport {
    /// The kernel's Landlock ABI; 0 when it has none.
    pub landlock_abi: u8,
    /// Layers that are not there.
    pub missing: Vec<JailLayer>,
}

impl JailReport {
    /// What a jail of this mode would be on the running kernel.
    pub fn of(mode: JailMode) -> Self {
        Self::new(mode, sys::landlock_abi())
    }

    fn new(mode: JailMode, landlock_abi: u8) -> Self {
        let missing = JailLayer::ALL
            .into_iter()
            .filter(|layer| mode == JailMode::Off || layer.landlock_abi() > landlock_abi)
            .collect();
        Self { landlock_abi, missing }
    }

    /// Whether every layer is there.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    pub(crate) fn to_words(&self) -> [u64; 2] {
        let bits = JailLayer::ALL
            .iter()
            .enumerate()
            .filter(|(_, layer)| self.missing.contains(layer))
            .map(|(bit, _)| 1 << bit)
            .sum();
        [bits, u64::from(self.landlock_abi)]
    }

    pub(crate) fn from_words([bits, landlock_abi]: [u64; 2]) -> Self {
        let missing = JailLayer::ALL
            .into_iter()
            .enumerate()
            .filter(|(bit, _)| bits & (1 << bit) != 0)
            .map(|(_, layer)| layer)
            .collect();
        Self { landlock_abi: u8::try_from(landlock_abi).unwrap_or(u8::MAX), missing }
    }
}

impl fmt::Display for JailReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_complete() {
            return f.write_str("complete");
        }
        f.write_str("missing")?;
        self.missing.iter().try_for_each(|layer| write!(f, " {layer}"))
    }
}

/// Why there is no jail.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JailError {
    #[error("the strict jail is {0}")]
    Incomplete(JailReport),
    #[error("the seccomp list does not compile")]
    Seccomp(#[from] seccompiler::BackendError),
    #[error("the Landlock ruleset cannot be created")]
    Landlock(#[from] ::landlock::RulesetError),
}

/// A jail, ready to be entered.
pub(crate) struct Jail {
    layers: Option<Layers>,
    report: JailReport,
}

struct Layers {
    zygote: seccompiler::BpfProgram,
    cell: seccomp::CellFilter,
    /// `None` when the kernel has no Landlock.
    ruleset: Option<OwnedFd>,
}

const NO_CAPABILITIES: CapabilitySets = CapabilitySets {
    effective: CapabilitySet::empty(),
    permitted: CapabilitySet::empty(),
    inheritable: CapabilitySet::empty(),
};

impl Jail {
    pub(crate) fn build(mode: JailMode) -> Result<Self, JailError> {
        let report = JailReport::of(mode);
        let layers = match mode {
            JailMode::Off => None,
            JailMode::Strict if !report.is_complete() => return Err(JailError::Incomplete(report)),
            JailMode::Strict | JailMode::Best => Some(Layers {
                zygote: seccomp::zygote_filter()?,
                cell: seccomp::CellFilter::new()?,
                ruleset: landlock::nothing_allowed()?,
            }),
        };
        Ok(Self { layers, report })
    }

    pub(crate) fn report(&self) -> &JailReport {
        &self.report
    }

    /// Jails the zygote: it may fork, wait, kill its children and talk to its client.
    pub(crate) fn enter_zygote(&self) -> io::Result<()> {
        let Some(layers) = &self.layers else {
            return Ok(());
        };
        drop_privileges()?;
        layers.restrict()?;
        sys::seccomp_install(&layers.zygote)
    }

    /// The first step into a cell's jail: a Landlock domain of its own, which also keeps it from
    /// signalling the zygote and other cells.
    pub(crate) fn restrict_cell(&self) -> io::Result<()> {
        self.layers.as_ref().map_or(Ok(()), Layers::restrict)
    }

    /// The last step, for good, before the cell may see a job. Allocates nothing.
    pub(crate) fn filter_cell(&mut self, cell: Pid) -> io::Result<()> {
        match &mut self.layers {
            Some(layers) => sys::seccomp_install(layers.cell.for_process(cell)),
            None => Ok(()),
        }
    }
}

impl Layers {
    fn restrict(&self) -> io::Result<()> {
        match &self.ruleset {
            Some(ruleset) => sys::landlock_restrict(ruleset.as_fd()),
            None => Ok(()),
        }
    }
}

/// Started as root, it is root without any power, and stays so.
fn drop_privileges() -> io::Result<()> {
    rustix::thread::set_capabilities(None, NO_CAPABILITIES)?;
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// A jail holds the thread that enters it and those that it starts. And a fork copies the calling
/// thread only: locks that others held would stay locked forever.
pub(crate) fn check_single_threaded(who: &str) -> io::Result<()> {
    match fs::read_dir("/proc/self/task")?.count() {
        1 => Ok(()),
        threads => {
            Err(io::Error::other(format!("{who} has one thread, this process has {threads}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_survive_the_wire() {
        for abi in 0..=7 {
            for mode in [JailMode::Best, JailMode::Off] {
                let report = JailReport::new(mode, abi);
                assert_eq!(JailReport::from_words(report.to_words()), report);
            }
        }
    }

    #[test]
    fn missing_layers_have_names() {
        let old_kernel = JailReport::new(JailMode::Strict, 3);
        assert_eq!(old_kernel.to_string(), "missing landlock-tcp landlock-devices landlock-scopes");
        assert!(JailReport::new(JailMode::Strict, 6).is_complete());
        assert!(JailReport::new(JailMode::Off, 7).missing.contains(&JailLayer::Seccomp));
    }

    #[test]
    fn every_filter_compiles() {
        Jail::build(JailMode::Best).unwrap();
        for may_write in [false, true] {
            seccomp::courier_filters(rustix::process::getpid(), may_write).unwrap();
        }
    }

    /// Test harnesses run tests on threads, so this one is not even half in.
    #[test]
    fn a_thread_that_runs_already_would_stay_outside() {
        let entered = enter_courier_jail(JailMode::Best, &CourierReach::default());
        assert!(matches!(entered, Err(CourierJailError::Threads(_))), "{entered:?}");
    }
}
