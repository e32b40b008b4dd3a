//! A version with a bug refuses lines that it should map; the next one maps them. Their letters are
//! driven again, and exactly those resolve.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use cordon_tests::{flawed, world::World};
use serde_json::Value;

use crate::{
    letters::{self, REFUSED_LINES},
    ranges::json,
    stages::{self, Stages},
};

/// What became of the bug's letters.
#[derive(Debug)]
pub(crate) struct Mended {
    /// Lines that the version with the bug refused, and another maps, counted from the raw lines.
    pub(crate) expected: usize,
    /// Letters that are resolved.
    pub(crate) resolved: usize,
}

/// Everything went in while generate had the bug. It is replaced, and its letters are driven again.
pub(crate) fn mend(world: &World, stages: &mut Stages, without_marked: &Value) -> Result<Mended> {
    let count = |fate: &str| without_marked["marked"][fate].as_u64().unwrap_or(0) as usize;
    let expected = count("mapped") + count("not_mapped");
    ensure!(expected > 0, "no line has the mark: {without_marked:#}");
    let planted = of_the_bug(world, &[])?;
    let for_names: Vec<&Value> = planted
        .iter()
        .filter(|letter| letter["detail"].as_str().is_some_and(|why| why.contains("no name")))
        .collect();
    ensure!(for_names.len() == expected, "{} letters, {expected} lines", for_names.len());
    // Others are refused by any version.
    ensure!(planted.len() >= expected + REFUSED_LINES, "{} letters", planted.len());

    stages.replace_generate(world)?;
    let redrive = ["dead", "redrive", "--json", "--stage", "generate", "--stage-version"];
    let told = json(world, &[&redrive[..], &[flawed::VERSION]].concat())?;
    ensure!(told["letters"] == planted.len(), "{told}, {} letters", planted.len());
    stages::settle(world)?;
    let resolved = letters::ids(&of_the_bug(world, &["--fate", "resolved"])?);
    let wanted: BTreeSet<String> =
        for_names.iter().filter_map(|letter| letter["id"].as_str().map(str::to_owned)).collect();
    ensure!(resolved == wanted, "{} resolved, {} wanted", resolved.len(), wanted.len());
    let again = of_the_bug(world, &["--fate", "again"])?.len();
    ensure!(again == planted.len() - expected, "{again} dead again of {}", planted.len());
    Ok(Mended { expected, resolved: resolved.len() })
}

fn of_the_bug(world: &World, filter: &[&str]) -> Result<Vec<Value>> {
    let of_it = ["--stage", "generate", "--stage-version", flawed::VERSION];
    letters::list(world, &[&of_it[..], filter].concat())
}
