//! Rulesets: the one that allows nothing, and that of a courier.

use std::{
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath,
    PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};

use super::CourierReach;

/// The newest ABI whose rights are handled. ABI 7 adds only what is logged, and later ones what the
/// seccomp lists leave no way to.
const KNOWN: ABI = ABI::V6;

/// A ruleset that handles every right the kernel knows and grants none. `None` when the kernel
/// has no Landlock.
pub(super) fn nothing_allowed() -> Result<Option<OwnedFd>, RulesetError> {
    Ok(everything_handled()?.into())
}

fn everything_handled() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()
}

/// Why a ruleset cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReachError {
    #[error(transparent)]
    Ruleset(#[from] RulesetError),
    #[error("{} cannot be opened", .0.display())]
    Path(PathBuf, #[source] io::Error),
}

/// A ruleset that grants what `reach` says. `None` when the kernel has no Landlock.
pub(super) fn of_courier(reach: &CourierReach) -> Result<Option<OwnedFd>, ReachError> {
    let mut ruleset = everything_handled()?;
    let tree = AccessFs::ReadFile | AccessFs::ReadDir;
    for path in &reach.read {
        let access = if path.is_dir() { tree } else { AccessFs::ReadFile.into() };
        ruleset = allow_below(ruleset, path, access)?;
    }
    for path in &reach.write {
        let access = tree
            | AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::MakeDir
            | AccessFs::RemoveFile
            | AccessFs::Refer;
        ruleset = allow_below(ruleset, path, access)?;
    }
    for port in &reach.ports {
        ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    Ok(ruleset.into())
}

/// A path that does not exist needs no rule: there is nothing to read.
fn allow_below(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, ReachError> {
    if !path.exists() {
        return Ok(ruleset);
    }
    let fd =
        PathFd::new(path).map_err(|e| ReachError::Path(path.to_owned(), io::Error::other(e)))?;
    Ok(ruleset.add_rule(PathBeneath::new(fd, access))?)
}
