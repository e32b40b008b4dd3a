//! `cordon progress reset`: a stage goes on from a point in time.
//!
//! All partitions are committed in one request. Each gets the metadata of a place before which
//! everything is done, so that the stage trusts it.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use cordon_courier::{Environment as _, World};
use cordon_kafka::{
    log::{Committed, TopicPartition},
    progress::Progress,
};
use cordon_records::BatchId;

use super::{
    args::ResetArgs,
    place::Place,
    set::{Effect, ensure_stopped},
    survey::Survey,
};
use crate::{dead::time::show_ms, terminal::escape};

/// Commits the places, and says in words what was done.
pub(crate) fn reset(survey: &Survey, args: &ResetArgs) -> Result<String> {
    // First the offsets: that waits until a dead courier's transaction is over.
    survey.admin.settled_group_offsets(&survey.settings.group)?;
    ensure_stopped(survey)?;
    let time_ms = args.since.at_ms(World.now_ms());
    let coverage = survey.coverage()?;
    let mut told = String::new();
    let mut is_harmless = true;
    let mut offsets: Vec<(TopicPartition, Committed)> = Vec::new();
    let metadata = Progress::start(BatchId::default()).to_string().into_bytes();
    for topic in &survey.settings.live_topics {
        for (at, since) in survey.since(topic, time_ms)? {
            let place = Place::start_of(since.offset);
            let effect = Effect::of(survey, &coverage, &at, place, since.bounds)?;
            is_harmless &= effect.is_harmless();
            // Writing to a string does not fail.
            let _ = writeln!(told, "{} at {place}", escape(&at.to_string()));
            for line in effect.to_string().lines() {
                let _ = writeln!(told, "  {line}");
            }
            offsets.push((at, Committed { offset: since.offset, metadata: metadata.clone() }));
        }
    }
    if !is_harmless && !args.yes {
        bail!("{told}nothing was changed; to do it all the same, add --yes");
    }
    survey.admin.set_group_offsets(&survey.settings.group, &offsets)?;
    let (stage, since) = (&survey.settings.stage, show_ms(time_ms));
    Ok(format!("{told}{stage} goes on from there: what was written since {since}\n"))
}
