//! The scenarios, by what they break.

pub mod endurance;
pub mod hostile;
pub mod killers;
pub mod outages;
pub mod steps;
pub mod zombies;

use anyhow::Result;
use cordon_tests::{diary::Note, stage::Stage};

use crate::{place::Place, plant::File};

/// The transactional id of the stage under test: every request of its transactions has it within,
/// but not what it says of its metrics.
const TRANSACTIONAL_ID: &str = "cordon.generate-";

fn feed_until_it_begins(place: &mut Place, stage: &mut Stage, files: &[File]) -> Result<()> {
    let begun = |notes: &[Note]| notes.iter().filter(|n| matches!(n, Note::Begins(_))).count();
    let before = begun(stage.notes()?);
    place.feed(files)?;
    stage.wait_for("a batch begins", |notes| (begun(notes) > before).then_some(()))
}
