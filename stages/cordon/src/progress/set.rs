//! `cordon progress set`: where a stage goes on, committed by a person.

use std::{cmp::Ordering, fmt::Write as _};

use anyhow::{Result, bail, ensure};
use cordon_kafka::{
    log::{Committed, NewOffset, TopicPartition},
    progress::{PointerHash, Progress},
};
use cordon_records::BatchId;

use super::{
    args::SetArgs,
    between::Count,
    consumed::Coverage,
    place::Place,
    repair::{Basis, Repair},
    survey::Survey,
};
use crate::{config::ConfigFaults, terminal::escape};

/// Commits a place, and says in words what was done.
pub(crate) fn set(survey: &Survey, args: &SetArgs) -> Result<String> {
    let (at, place) = (&args.partition.0, args.place);
    let topics = survey.settings.topics();
    if !topics.contains(&&*at.topic) {
        let (stage, reads) = (&survey.settings.stage, topics.join(" and "));
        let topic = escape(&at.topic);
        return Err(ConfigFaults::one(format!("{stage} reads {reads}, not {topic}")).into());
    }
    let is_absent = is_free(survey, at)?;
    let bounds = survey.bounds(at)?;
    let progress = progress_at(survey, at, place, bounds)?;
    let effect = Effect::of(survey, &survey.coverage()?, at, place, bounds)?;
    if !effect.is_harmless() && !args.yes {
        bail!("{effect}nothing was changed; to do it all the same, add --yes");
    }
    commit(survey, at, place.offset, &progress, is_absent)?;
    let stage = &survey.settings.stage;
    Ok(format!("{effect}{stage} goes on at {place} of {at}; committed {progress}\n"))
}

/// Whether nothing is committed for the partition. If something is, nobody may be in the group:
/// whoever owns the partition goes on from what it has in memory, and would overwrite it.
fn is_free(survey: &Survey, at: &TopicPartition) -> Result<bool> {
    let group = &survey.settings.group;
    // First the offsets: that waits until a dead courier's transaction is over.
    let is_absent = !survey.admin.settled_group_offsets(group)?.contains_key(at);
    if !is_absent {
        ensure_stopped(survey)?;
    }
    Ok(is_absent)
}

/// Nobody may be in the group.
pub(super) fn ensure_stopped(survey: &Survey) -> Result<()> {
    let group = &survey.settings.group;
    let members = survey.admin.group_members(group)?;
    if !members.is_empty() {
        let mut names = String::new();
        for member in &members {
            // Writing to a string does not fail.
            let _ = write!(names, "\n  {} {}", escape(&member.client), escape(&member.host));
        }
        bail!(
            "the stage {} is running, and would overwrite what is set; stop it first (a courier \
             that was killed stays a member until its session times out). Members of {group}:{names}",
            survey.settings.stage
        );
    }
    Ok(())
}

/// Well-formed progress for a place, if the log has it.
fn progress_at(
    survey: &Survey,
    at: &TopicPartition,
    place: Place,
    (start, end): (i64, i64),
) -> Result<Progress> {
    let Place { offset, position } = place;
    ensure!((start..=end).contains(&offset), "{at} has the offsets {start} to {end}, not {offset}");
    let progress = Progress::start(BatchId::default());
    if position == 0 {
        return Ok(progress);
    }
    let Some(value) = survey.record_at(at, offset)? else {
        bail!("no record lies at offset {offset} of {at}, so that no position can count in it");
    };
    let Some(pointer) = survey.input().pointer(&value) else {
        bail!("the record at offset {offset} of {at} is no payload with positions: leave it out");
    };
    if let Some(n) = pointer.datapoints.filter(|n| position >= *n) {
        bail!("the payload at offset {offset} has {n} datapoints; behind it comes {}", offset + 1);
    }
    Ok(Progress { position, pointer: Some(PointerHash::of(&value)), ..progress })
}

/// What becomes of datapoints when a stage goes on somewhere.
pub(super) struct Effect {
    repair: Repair,
    order: Ordering,
    count: Count,
}

impl Effect {
    pub(super) fn of(
        survey: &Survey,
        coverage: &Coverage,
        at: &TopicPartition,
        place: Place,
        bounds: (i64, i64),
    ) -> Result<Self> {
        let repair = survey.repair(coverage, at, bounds)?;
        let order = place.cmp(&repair.place);
        let (from, to) = (place.min(repair.place), place.max(repair.place));
        let count = survey.count(at, from, to)?;
        Ok(Self { repair, order, count })
    }

    /// Whether every datapoint that can be had is processed once.
    pub(super) fn is_harmless(&self) -> bool {
        self.count.is_zero() && self.repair.is_exact()
    }
}

impl std::fmt::Display for Effect {
    /// Whole lines, or nothing when there is nothing to say.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Repair { place, basis } = &self.repair;
        if let Basis::Deleted(_) | Basis::Anew(_) = basis {
            writeln!(f, "the log begins at {place}: {basis}")?;
        }
        if self.count.is_zero() {
            return Ok(());
        }
        let (doing, verdict) = match self.order {
            Ordering::Greater => ("skips", "lost"),
            Ordering::Less | Ordering::Equal => ("repeats", "duplicated"),
        };
        let Count { datapoints, uncounted_payloads } = self.count;
        write!(f, "this {doing} {datapoints} datapoints")?;
        if uncounted_payloads > 0 {
            write!(f, " and those of {uncounted_payloads} payloads that do not say how many")?;
        }
        writeln!(
            f,
            ": the stage has come to {place} ({basis}). `cordon audit` will show them as {verdict}"
        )
    }
}

/// To an empty group directly: the broker refuses if anybody has joined meanwhile. Where somebody
/// waits for the offset, by the administrator's own transaction.
fn commit(
    survey: &Survey,
    at: &TopicPartition,
    offset: i64,
    progress: &Progress,
    is_absent: bool,
) -> Result<()> {
    let (group, metadata) = (&survey.settings.group, progress.to_string());
    if is_absent {
        let offset = NewOffset { at: at.clone(), offset, metadata };
        survey.admin.commit_absent_offsets(group, &[offset])?;
    } else {
        let committed = Committed { offset, metadata: metadata.into_bytes() };
        survey.admin.set_group_offsets(group, &[(at.clone(), committed)])?;
    }
    Ok(())
}
