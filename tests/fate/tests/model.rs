//! What every line may do to its cell, through the whole pipeline on the model log.

use std::{env, path::PathBuf};

use anyhow::{Context as _, Result};
use cordon_fate::{model::Programs, play::killers, report::Report};

#[test]
fn whatever_a_line_does_to_its_cell_its_neighbours_live() -> Result<()> {
    let cordon = env::var_os("CORDON_BIN").context("CORDON_BIN names the binary: make fate")?;
    let killer = PathBuf::from(env!("CARGO_BIN_EXE_killer"));
    let mut report = Report::default();
    killers::on_the_model(&mut report, &Programs { killer, cordon: cordon.into() })?;
    report.end()
}
