//! A zygote of a command: one that has no courier between itself and its cells.

use std::process::Child;

use anyhow::{Context as _, Result, bail};
use cordon_cell::{Cells, JailMode, spawn_zygote};

use crate::{
    bodies,
    rules::{self, RulesChoice},
};

/// A zygote and its cells; killed when dropped.
pub(crate) struct Zygote {
    child: Child,
    pub(crate) cells: Cells,
}

impl Zygote {
    /// Starts one of a kind that has no rules.
    pub(crate) fn start(kind: &str, jail: JailMode) -> Result<Self> {
        Self::with_rules(kind, &RulesChoice::default(), jail)
    }

    /// Starts one. Rules that it does not take are told as the fault of the configuration that they
    /// are.
    pub(crate) fn with_rules(kind: &str, rules: &RulesChoice, jail: JailMode) -> Result<Self> {
        let mut spawned = spawn_zygote(&bodies::zygote_args(kind, rules, jail))
            .with_context(|| format!("cannot start the zygote of {kind}"))?;
        match Cells::connect(spawned.socket) {
            Ok(cells) => Ok(Self { child: spawned.child, cells }),
            Err(error) => {
                if let Some(fault) = rules::fault_of(spawned.child.wait()?) {
                    bail!(fault);
                }
                Err(error).with_context(|| format!("the zygote of {kind} did not start"))
            }
        }
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
