//! What a pipeline has made of its input, as the independent checker sees it.

use anyhow::{Result, ensure};
use cordon_tests::{checker::Checker, world::World};
use serde_json::Value;

/// The hash of the sorted graph, and that of all findings with their ids' number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Content {
    pub(crate) graph: Value,
    pub(crate) findings: Value,
    pub(crate) findings_count: Value,
}

impl Content {
    /// Reads both lanes of `merged` and `findings`.
    pub(crate) fn of(world: &World, checker: &Checker) -> Result<Self> {
        let merged = checker.check(world, "graph")?["merged"].take();
        let findings = checker.check(world, "findings")?;
        ensure!(merged["hash"].is_string() && findings["said"].is_string(), "{merged} {findings}");
        ensure!(findings["wrong_ids"] == 0, "{findings}");
        Ok(Self {
            graph: merged["hash"].clone(),
            findings: findings["said"].clone(),
            findings_count: findings["findings"].clone(),
        })
    }
}
