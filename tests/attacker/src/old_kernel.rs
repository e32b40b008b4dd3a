//! A kernel without Landlock, as Linux before 5.13 is: its calls are not there.

use std::{collections::BTreeMap, os::unix::process::CommandExt as _, process::Command};

use anyhow::Result;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// Runs this program on such a kernel, with these arguments. Returns only if that fails.
pub fn exec(arguments: &[String]) -> Result<()> {
    let landlock = [
        libc::SYS_landlock_create_ruleset,
        libc::SYS_landlock_add_rule,
        libc::SYS_landlock_restrict_self,
    ];
    let filter: BpfProgram = SeccompFilter::new(
        BTreeMap::from(landlock.map(|number| (number, Vec::new()))),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()?;
    apply_filter(&filter)?;
    Err(Command::new("/proc/self/exe").args(arguments).exec().into())
}
