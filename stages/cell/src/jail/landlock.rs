//! The ruleset that allows nothing.

use std::os::fd::OwnedFd;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError,
    Scope,
};

/// The newest ABI whose rights are handled. ABI 7 adds only what is logged, and later ones what a
/// single-threaded process without any socket does not need.
const KNOWN: ABI = ABI::V6;

/// A ruleset that handles every right the kernel knows and grants none. `None` when the kernel
/// has no Landlock.
pub(super) fn nothing_allowed() -> Result<Option<OwnedFd>, RulesetError> {
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()?;
    Ok(ruleset.into())
}
