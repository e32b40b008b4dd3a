//! What runs in cells: the wiring of stages to the driver inside a cell.

use std::{ffi::OsString, time::Duration};

use anyhow::{Result, bail};
use cordon_body::{RawIntake, drive, render, run_with, stage_body};
use cordon_cell::{CellContext, JailMode, zygote, zygote::ZygoteSettings};
use cordon_courier::Limits;
use cordon_flow::{Accumulate, Graph};
use cordon_generate::Generate;
use cordon_match::{Findings, Match};
use cordon_merge::Merge;
use cordon_pack::{Lines, Pack};
use cordon_records::Fingerprint;

use crate::rules::RulesChoice;

/// Serves cells of one kind until the client is gone.
///
/// Reads rules first: after that the zygote opens nothing any more.
pub(crate) fn serve(kind: &str, rules: &RulesChoice, jail: JailMode) -> Result<()> {
    let settings = ZygoteSettings { jail, ..ZygoteSettings::default() };
    match kind {
        "pack" => zygote::serve(&settings, |cell: &CellContext| {
            drive(cell, |job, input, mut io| {
                run_with::<Pack, RawIntake<'_>>(&Pack, job, input, &mut io)
            })
        }),
        "generate" => zygote::serve(&settings, stage_body(Generate)),
        "merge" => zygote::serve(&settings, stage_body(Merge)),
        "match" => {
            let (rules, notes) = rules.load()?;
            zygote::serve(&ZygoteSettings { notes, ..settings }, stage_body(Match::new(rules)))
        }
        "ingest" => zygote::serve(&settings, |cell: &CellContext| {
            drive(cell, |job, input, mut io| cordon_ingest::run(job, input, &mut io))
        }),
        "reader" => zygote::serve(&settings, |cell: &CellContext| {
            drive(cell, |job, input, mut io| render(job, input, &mut io))
        }),
        other => bail!("there is no stage {other}"),
    }
}

/// The schema that a stage's cells write with.
pub(crate) fn output_schema(stage: &str) -> Option<Fingerprint> {
    let family = match stage {
        "pack" => Lines::schemas(),
        "generate" | "merge" => Graph::schemas(),
        "match" => Findings::schemas(),
        _ => return None,
    };
    Some(family.current().fingerprint)
}

/// How long a stage's batches wait for company. Nobody downstream of merge waits for an event, and
/// one second of a busy pipeline is many payloads that name the same nodes.
pub(crate) fn linger(stage: &str) -> Duration {
    match stage {
        "pack" => Duration::from_millis(100),
        "merge" => Duration::from_secs(1),
        _ => Duration::ZERO,
    }
}

/// Records that a stage's slots read ahead. Those of pack are the datapoints themselves, and both
/// batches in hand are among them: few of them make many small objects of a busy day, and many of
/// them a large courier. Their bytes are bounded apart.
pub(crate) fn queue_records_max(stage: &str) -> usize {
    match stage {
        "pack" => 16_384,
        _ => Limits::default().queue_records_max,
    }
}

/// Arguments that start this program as a zygote of a kind.
pub(crate) fn zygote_args(kind: &str, rules: &RulesChoice, jail: JailMode) -> Vec<OsString> {
    let mut args: Vec<OsString> =
        ["zygote", kind, "--jail", jail.word()].map(OsString::from).to_vec();
    args.extend(rules.to_args());
    args
}
