//! The letters of a pipeline, read from where audits read.

use anyhow::Result;
use cordon_kafka::topology::Topology;
use cordon_records::{Letter, Receipt, single_object};

use super::{
    fate::{Fate, Fates},
    files::{Files, Origin},
    filter::Filter,
};
use crate::archive::Archive;

/// A letter, and where its datapoint came from as far as anybody knows.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) letter: Letter,
    pub(crate) origin: Option<Origin>,
    /// What became of it since.
    pub(crate) fate: Fate,
}

/// The letters that a filter wants, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    pub(crate) known: Vec<Known>,
    /// Records of letter topics that are no letters: whoever may write there wrote something else.
    pub(crate) undecodable: usize,
}

/// Every program that writes letters.
pub(crate) fn writers(topology: &Topology) -> Vec<String> {
    topology.producers.keys().chain(topology.stages.keys()).cloned().collect()
}

/// Reads the letters of those of these programs that the filter wants.
pub(crate) fn read(
    archive: &Archive,
    topology: &Topology,
    filter: &Filter<'_>,
    programs: &[String],
) -> Result<Letters> {
    let mut letters = Letters::default();
    let mut wanted = Vec::new();
    for stage in programs.iter().filter(|stage| filter.wants_stage(stage)) {
        for (.., value) in archive.records(&format!("dead.{stage}"))? {
            match single_object::decode::<Letter>(&value) {
                Ok(letter) if filter.wants(&letter) => wanted.push(letter),
                Ok(_) => {}
                Err(_) => letters.undecodable += 1,
            }
        }
    }
    let files = files_of(archive, topology, &wanted, programs, filter)?;
    let fates = fates_of(archive, topology, &wanted)?;
    let know =
        |letter: Letter| Known { origin: files.origin(&letter), fate: fates.of(&letter), letter };
    let known = wanted.into_iter().map(know).filter(|known| {
        filter.wants_origin(known.origin.as_ref()) && filter.wants_fate(known.fate)
    });
    letters.known = known.collect();
    letters.known.sort_by(|a, b| {
        let order = |k: &Known| (k.letter.time_ms, k.letter.offset, k.letter.from);
        order(a).cmp(&order(b)).then_with(|| a.letter.id.cmp(&b.letter.id))
    });
    Ok(letters)
}

/// Where the payloads of these letters came from. Without letters nothing needs to be read, and who
/// asks for stages alone may read nothing of producers.
fn files_of(
    archive: &Archive,
    topology: &Topology,
    letters: &[Letter],
    programs: &[String],
    filter: &Filter<'_>,
) -> Result<Files> {
    let mut files = Files::default();
    let is_told = |producer: &String| programs.contains(producer) || filter.asks_for_file();
    for producer in topology.producers.keys().filter(|p| !letters.is_empty() && is_told(p)) {
        for receipt in receipts(archive, producer)? {
            files.add(&receipt);
        }
    }
    Ok(files)
}

/// What became of these letters.
fn fates_of(archive: &Archive, topology: &Topology, letters: &[Letter]) -> Result<Fates> {
    let mut fates = Fates::default();
    let stages = topology.stages.iter().filter(|(stage, spec)| {
        !spec.replay.is_empty() && letters.iter().any(|letter| letter.stage == **stage)
    });
    let stages: Vec<&String> = stages.map(|(stage, _)| stage).collect();
    if stages.is_empty() || !archive.has_topic(&receipts_of(Topology::REPLAYER)) {
        return Ok(fates);
    }
    for receipt in receipts(archive, Topology::REPLAYER)? {
        fates.add_driven(&receipt);
    }
    for stage in stages {
        for receipt in receipts(archive, stage)? {
            fates.add_consumed(&receipt);
        }
    }
    Ok(fates)
}

fn receipts_of(program: &str) -> String {
    format!("receipts.{program}")
}

/// Receipts that cannot be read are the audit's business.
fn receipts(archive: &Archive, program: &str) -> Result<Vec<Receipt>> {
    let records = archive.records(&receipts_of(program))?;
    Ok(records.iter().filter_map(|(.., value)| single_object::decode(value).ok()).collect())
}
