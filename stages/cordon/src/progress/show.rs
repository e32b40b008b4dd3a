//! `cordon progress show`: how far stages have come.

use std::fmt::Write as _;

use anyhow::Result;
use cordon_kafka::progress::Progress;
use serde::Serialize;

use super::{
    judge::{Fault, Found},
    repair::Repair,
    survey::Survey,
};
use crate::terminal::{escape, escape_bytes};

/// One partition, judged.
pub(crate) struct Judged {
    found: Found,
    progress: Result<Progress, Fault>,
    /// What to do, if the stage would not go on.
    repair: Option<Repair>,
}

/// One stage, judged.
pub(crate) struct StageView {
    stage: String,
    group: String,
    members: usize,
    partitions: Vec<Judged>,
}

impl StageView {
    pub(crate) fn of(survey: &Survey) -> Result<Self> {
        let input = survey.input();
        let found = survey.partitions()?.into_iter();
        let mut partitions: Vec<Judged> = found
            .map(|found| Judged { progress: found.progress(&input), found, repair: None })
            .collect();
        // Receipts are many; they are read only when they are needed.
        if partitions.iter().any(|judged| judged.progress.is_err()) {
            let coverage = survey.coverage()?;
            for judged in partitions.iter_mut().filter(|judged| judged.progress.is_err()) {
                let Found { at, start, end, .. } = &judged.found;
                judged.repair = Some(survey.repair(&coverage, at, (*start, *end))?);
            }
        }
        let members = survey.admin.group_members(&survey.settings.group)?.len();
        let (stage, group) = (survey.settings.stage.clone(), survey.settings.group.clone());
        Ok(Self { stage, group, members, partitions })
    }

    /// Whether the stage would stop at one of its partitions.
    pub(crate) fn needs_repair(&self) -> bool {
        self.partitions.iter().any(|judged| judged.progress.is_err())
    }

    /// The command that repairs a partition.
    fn command(&self, judged: &Judged) -> Option<String> {
        let repair = judged.repair.as_ref()?;
        let yes = if repair.is_exact() { "" } else { " --yes" };
        let (stage, at, place) = (&self.stage, &judged.found.at, repair.place);
        Some(format!("cordon progress set {stage} {at} {place}{yes}"))
    }

    /// A table of the stage, then what is wrong.
    pub(crate) fn text(&self) -> String {
        let members = match self.members {
            0 => "stopped".to_owned(),
            1 => "1 member".to_owned(),
            count => format!("{count} members"),
        };
        let mut text = format!("{} (group {}, {members})\n", self.stage, self.group);
        let heads = ["partition", "committed", "position", "attempts", "crash end", "end", "lag"];
        put_row(heads.map(str::to_owned), "batch", "pointer", &mut text);
        for judged in &self.partitions {
            put_partition(judged, &mut text);
        }
        for judged in &self.partitions {
            self.put_fault(judged, &mut text);
        }
        text
    }

    fn put_fault(&self, judged: &Judged, text: &mut String) {
        let (Err(fault), Some(repair), Some(command)) =
            (&judged.progress, &judged.repair, self.command(judged))
        else {
            return;
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {}: {fault}", judged.found.at);
        if let Some(committed) = &judged.found.committed {
            let _ = writeln!(text, "    metadata  {}", shown_metadata(&committed.metadata));
        }
        let _ = writeln!(text, "    go on at  {}: {}", repair.place, repair.basis);
        let _ = writeln!(text, "    repair    {command}");
    }

    /// One JSON object a partition and line.
    pub(crate) fn json_lines(&self) -> serde_json::Result<String> {
        let mut lines = String::new();
        for judged in &self.partitions {
            lines.push_str(&serde_json::to_string(&self.view(judged))?);
            lines.push('\n');
        }
        Ok(lines)
    }

    fn view<'a>(&'a self, judged: &'a Judged) -> PartitionView<'a> {
        let Found { at, committed, start, end, .. } = &judged.found;
        let progress = judged.progress.as_ref().ok();
        PartitionView {
            stage: &self.stage,
            group: &self.group,
            members: self.members,
            topic: &at.topic,
            partition: at.partition,
            committed: committed.as_ref().map(|committed| committed.offset),
            metadata: committed.as_ref().map(|committed| escape_bytes(&committed.metadata)),
            position: progress.map(|progress| progress.position),
            attempts: progress.map(|progress| progress.attempts),
            crash_end: progress.map(|progress| progress.crash_end),
            batch: progress.map(|progress| progress.batch.to_string()),
            pointer: progress.and_then(|progress| progress.pointer).map(|hash| hash.to_string()),
            start: *start,
            end: *end,
            lag: judged.found.lag(),
            fault: judged.progress.as_ref().err().map(ToString::to_string),
            place: judged.repair.as_ref().map(|repair| repair.place.to_string()),
            basis: judged.repair.as_ref().map(|repair| repair.basis.to_string()),
            repair: self.command(judged),
        }
    }
}

/// A partition as a JSON object.
#[derive(Serialize)]
struct PartitionView<'a> {
    stage: &'a str,
    group: &'a str,
    members: usize,
    topic: &'a str,
    partition: i32,
    committed: Option<i64>,
    metadata: Option<String>,
    position: Option<i64>,
    attempts: Option<u32>,
    crash_end: Option<i64>,
    batch: Option<String>,
    pointer: Option<String>,
    start: i64,
    end: i64,
    lag: Option<i64>,
    /// What is wrong, in the words of the stage that stops at it.
    fault: Option<String>,
    /// Where to go on.
    place: Option<String>,
    /// How that is known.
    basis: Option<String>,
    /// The command that does it.
    repair: Option<String>,
}

fn put_partition(judged: &Judged, text: &mut String) {
    let Found { at, committed, end, .. } = &judged.found;
    let number = |n: Option<i64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let progress = judged.progress.as_ref().ok();
    let cells = [
        escape(&at.to_string()),
        number(committed.as_ref().map(|committed| committed.offset)),
        number(progress.map(|progress| progress.position)),
        number(progress.map(|progress| progress.attempts.into())),
        number(progress.map(|progress| progress.crash_end)),
        end.to_string(),
        number(judged.found.lag()),
    ];
    let batch = progress.map_or_else(|| "NEEDS REPAIR".to_owned(), |p| p.batch.to_string());
    let pointer = progress.and_then(|progress| progress.pointer);
    put_row(cells, &batch, &pointer.map_or_else(String::new, |hash| hash.to_string()), text);
}

fn put_row(cells: [String; 7], batch: &str, pointer: &str, text: &mut String) {
    let [at, committed, position, attempts, crash_end, end, lag] = cells;
    let row = format!(
        "  {at:<20} {committed:>10} {position:>9} {attempts:>8} {crash_end:>9} {end:>10} {lag:>7}  \
         {batch:<32} {pointer}"
    );
    text.push_str(row.trim_end());
    text.push('\n');
}

/// Foreign metadata can be kilobytes long; its beginning tells whose it is.
const METADATA_CHARS_MAX: usize = 120;

fn shown_metadata(metadata: &[u8]) -> String {
    if metadata.is_empty() {
        return "(empty)".to_owned();
    }
    let escaped = escape_bytes(metadata);
    match escaped.char_indices().nth(METADATA_CHARS_MAX) {
        Some((end, _)) => format!("{}… ({} bytes)", &escaped[..end], metadata.len()),
        None => escaped,
    }
}
