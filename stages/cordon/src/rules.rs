//! Which Sigma rules the stage match runs, and what is said of those that it cannot run.
//!
//! A rule that cordon cannot run costs only itself: it is named in the log and in the stage's
//! metrics, and the others run. That there is nothing to run, or that a rule was refused where the
//! operator insists on all, is a fault of the configuration.

use std::{
    ffi::OsString, os::unix::process::ExitStatusExt as _, path::PathBuf, process::ExitStatus,
    time::Duration,
};

use anyhow::Result;
use clap::Args;
use cordon_cell::zygote::{self, PrepareLimits};
use cordon_match::{RuleError, Rules};

use crate::{config::ConfigFaults, supervisor::exit};

/// An operator's choice of rules, the same for `cordon demo` and `cordon run match`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RulesChoice {
    /// A directory of Sigma rules for the stage match, instead of those that cordon comes with.
    /// Rules that cordon cannot run are named and left out.
    #[arg(long = "rules", value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Refuse to start over any rule that cordon cannot run.
    #[arg(long = "rules-strict")]
    pub(crate) is_strict: bool,
}

/// What reading rules may take: SigmaHQ's four thousand take a second and 200 MB. A set beyond
/// this is a mistake, or made to stop whoever reads it.
const LIMITS: PrepareLimits =
    PrepareLimits { cpu_max: Duration::from_secs(60), data_bytes_max: 2 << 30 };

/// Refused rules that are named in every report of metrics; how many there are more is told.
const NOTES_MAX: usize = 20;

/// Reasons in one error; how many there are more is told.
const REASONS_MAX: usize = 100;

impl RulesChoice {
    /// What the command line says, and where it says nothing, the configuration.
    pub(crate) fn or(self, configured: Self) -> Self {
        Self {
            directory: self.directory.or(configured.directory),
            is_strict: self.is_strict || configured.is_strict,
        }
    }

    /// Whether nothing was chosen.
    pub(crate) fn is_default(&self) -> bool {
        self.directory.is_none() && !self.is_strict
    }

    /// The arguments that say the same.
    pub(crate) fn to_args(&self) -> Vec<OsString> {
        let mut args = Vec::new();
        if let Some(directory) = &self.directory {
            args.extend(["--rules".into(), directory.into()]);
        }
        if self.is_strict {
            args.push("--rules-strict".into());
        }
        args
    }

    /// Reads the rules, in a zygote that does nothing else yet; and what its client should know.
    pub(crate) fn load(&self) -> Result<(Rules, Vec<String>)> {
        let Some(directory) = &self.directory else { return Ok((Rules::own(), Vec::new())) };
        let read = || match self.is_strict {
            true => Rules::load(directory).map(|rules| (rules, Vec::new())),
            false => Rules::read(directory),
        };
        let (rules, refused) = zygote::prepare(&LIMITS, read)?.map_err(|reasons| {
            let head = format!("the rules of {} cannot be used:", directory.display());
            let reasons = bounded(&reasons, REASONS_MAX, ToString::to_string);
            ConfigFaults([head].into_iter().chain(reasons).collect())
        })?;
        for RuleError { file, line, fault } in &refused {
            tracing::warn!(file = %file.display(), line, reason = fault, "rule refused");
        }
        Ok((rules, bounded(&refused, NOTES_MAX, |error| format!("rule refused: {error}"))))
    }
}

/// The first of some errors in words, and how many there are more.
fn bounded(
    errors: &[RuleError],
    count_max: usize,
    say: impl Fn(&RuleError) -> String,
) -> Vec<String> {
    let mut said: Vec<String> = errors.iter().take(count_max).map(say).collect();
    if let Some(more @ 1..) = errors.len().checked_sub(count_max) {
        said.push(format!("and {more} more"));
    }
    said
}

/// Why a zygote ended before it served, if that is the fault of its configuration.
pub(crate) fn fault_of(status: ExitStatus) -> Option<ConfigFaults> {
    let fault = match (status.code(), status.signal()) {
        (Some(exit::CONFIG), _) => "the zygote did not take its configuration".to_owned(),
        (_, Some(SIGXCPU)) => {
            let seconds = LIMITS.cpu_max.as_secs();
            format!("the zygote was ended: reading its rules took {seconds} s of CPU time")
        }
        _ => return None,
    };
    Some(ConfigFaults(vec![fault]))
}

/// What the kernel ends a process with whose CPU time is used up.
const SIGXCPU: i32 = signal_hook::consts::SIGXCPU;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trying_again_cannot_mend_is_a_fault_of_the_configuration() {
        let fault = |raw| fault_of(ExitStatus::from_raw(raw)).map(|fault| fault.to_string());
        let exited = |code| code << 8;
        assert!(fault(exited(exit::CONFIG)).is_some());
        assert!(fault(SIGXCPU).is_some_and(|fault| fault.contains("60 s of CPU time")));
        for passing in [exited(exit::STOPPED), exited(exit::FAILED), signal_hook::consts::SIGKILL] {
            assert_eq!(fault(passing), None, "{passing}");
        }
    }

    #[test]
    fn many_reasons_are_bounded_and_counted() {
        let error =
            |n: usize| RuleError { file: n.to_string().into(), line: None, fault: "x".into() };
        let said =
            |count| bounded(&(0..count).map(error).collect::<Vec<_>>(), 2, ToString::to_string);
        assert_eq!(said(0), [""; 0]);
        assert_eq!(said(2), ["0: x", "1: x"]);
        assert_eq!(said(4), ["0: x", "1: x", "and 2 more"]);
    }

    #[test]
    fn the_command_line_goes_first_and_reaches_the_zygote() {
        let choice = |directory: Option<&str>, is_strict| RulesChoice {
            directory: directory.map(PathBuf::from),
            is_strict,
        };
        let chosen = choice(Some("a"), false).or(choice(Some("b"), true));
        assert_eq!(chosen.to_args(), ["--rules", "a", "--rules-strict"]);
        assert_eq!(choice(None, false).or(choice(Some("b"), false)).to_args(), ["--rules", "b"]);
        assert!(choice(None, false).is_default() && choice(None, false).to_args().is_empty());
    }
}
