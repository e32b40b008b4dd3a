//! The letters of a pipeline, read from where audits read.

use anyhow::Result;
use cordon_kafka::topology::Topology;
use cordon_records::{Letter, single_object};

use super::{files::Files, files::Origin, filter::Filter};
use crate::archive::Archive;

/// A letter, and where its datapoint came from as far as anybody knows.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) letter: Letter,
    pub(crate) origin: Option<Origin>,
}

/// The letters that a filter wants, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    pub(crate) known: Vec<Known>,
    /// Records of letter topics that are no letters: whoever may write there wrote something else.
    pub(crate) undecodable: usize,
}

/// Every program that writes letters.
fn writers(topology: &Topology) -> impl Iterator<Item = &String> {
    topology.producers.keys().chain(topology.stages.keys())
}

/// Reads the letters of the stages that the filter wants.
pub(crate) fn read(archive: &Archive, topology: &Topology, filter: &Filter<'_>) -> Result<Letters> {
    let mut letters = Letters::default();
    let mut wanted = Vec::new();
    for stage in writers(topology).filter(|stage| filter.wants_stage(stage)) {
        for (.., value) in archive.records(&format!("dead.{stage}"))? {
            match single_object::decode::<Letter>(&value) {
                Ok(letter) if filter.wants(&letter) => wanted.push(letter),
                Ok(_) => {}
                Err(_) => letters.undecodable += 1,
            }
        }
    }
    let files = files_of(archive, topology, &wanted)?;
    let know = |letter: Letter| Known { origin: files.origin(&letter), letter };
    let known = wanted.into_iter().map(know);
    letters.known = known.filter(|known| filter.wants_origin(known.origin.as_ref())).collect();
    letters.known.sort_by(|a, b| {
        let order = |k: &Known| (k.letter.time_ms, k.letter.offset, k.letter.from);
        order(a).cmp(&order(b)).then_with(|| a.letter.id.cmp(&b.letter.id))
    });
    Ok(letters)
}

/// Where the payloads of these letters came from. Without letters nothing needs to be read.
fn files_of(archive: &Archive, topology: &Topology, letters: &[Letter]) -> Result<Files> {
    let mut files = Files::default();
    if letters.is_empty() {
        return Ok(files);
    }
    for producer in topology.producers.keys() {
        for (.., value) in archive.records(&format!("receipts.{producer}"))? {
            // Receipts that cannot be read are the audit's business.
            if let Ok(receipt) = single_object::decode(&value) {
                files.add(&receipt);
            }
        }
    }
    Ok(files)
}
