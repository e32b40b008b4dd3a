//! Checks what a cell says. A cell parsed hostile bytes, so every number in its report is
//! untrusted until it passed here; what passes can at worst lie about the cell's own batch.

use cordon_records::{
    Letter, Reason, Runs,
    cell::{CellLetter, PartReport, Report, Section},
};

use crate::batch::{BatchPart, PartFate};

/// A report that does not add up, with the first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cell's report does not add up: {0}")]
pub struct Lie(pub(crate) &'static str);

/// A report that adds up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// One for each part of the batch.
    pub(crate) fates: Vec<PartFate>,
    pub(crate) sections: Vec<Section>,
    pub(crate) elements_in: i64,
    pub(crate) elements_out: i64,
}

/// A section never holds more: the limits of a payload, which its reader enforces again.
const SECTION_DATAPOINTS_MAX: i64 = 1 << 20;

/// Checks a report against the batch that it speaks of. Parts with a verdict had no cell.
pub(crate) fn verify(
    parts: &[BatchPart],
    report: Report,
    output_bytes: i64,
    partitions: i32,
) -> Result<Verified, Lie> {
    let in_cell = parts.iter().filter(|part| part.verdict.is_none()).count();
    ensure(report.parts.len() == in_cell, "number of parts")?;
    let mut reports = report.parts.into_iter();
    let mut fates = Vec::with_capacity(parts.len());
    for part in parts {
        fates.push(match part.verdict_fate() {
            Some(fate) => fate,
            None => verify_part(part, reports.next().ok_or(Lie("number of parts"))?)?,
        });
    }
    let first_cut = fates.iter().zip(parts).position(|(fate, part)| is_cut(fate, part));
    if let Some(cut) = first_cut {
        let is_untouched = |(fate, part): (&PartFate, &BatchPart)| {
            part.verdict.is_some() || fate.to == part.take.from
        };
        ensure(fates.iter().zip(parts).skip(cut + 1).all(is_untouched), "work behind a cut")?;
        drop_verdicts_behind_cuts(parts, &mut fates);
    }
    verify_sections(&report.sections, output_bytes, partitions)?;
    let kept = report.sections.iter().filter(|section| !section.refused);
    let elements_out = kept.fold(0i64, |sum, section| sum.saturating_add(section.datapoints));
    ensure(report.elements_out == elements_out, "elements out")?;
    ensure(report.elements_in >= elements_out, "elements in")?;
    let has_output = fates.iter().any(|fate| !fate.output.is_empty());
    ensure(has_output == (elements_out > 0), "output without sections")?;
    Ok(Verified { fates, sections: report.sections, elements_in: report.elements_in, elements_out })
}

/// Whether a part ends before its taken range does, although its record goes on.
fn is_cut(fate: &PartFate, part: &BatchPart) -> bool {
    fate.to < part.take.to && !fate.is_end
}

/// A verdict must wait for its turn while anything before it in its partition is not done.
fn drop_verdicts_behind_cuts(parts: &[BatchPart], fates: &mut [PartFate]) {
    let mut cut = Vec::new();
    for (part, fate) in parts.iter().zip(fates) {
        if cut.contains(&&part.at) {
            *fate = untouched(part);
        } else if is_cut(fate, part) {
            cut.push(&part.at);
        }
    }
}

fn untouched(part: &BatchPart) -> PartFate {
    PartFate {
        from: part.take.from,
        to: part.take.from,
        output: Runs::EMPTY,
        not_mapped: Runs::EMPTY,
        letters: Vec::new(),
        datapoints: part.take.datapoints,
        is_end: false,
    }
}

fn verify_part(part: &BatchPart, report: PartReport) -> Result<PartFate, Lie> {
    let PartReport { from, to, output, not_mapped, letters, datapoints } = report;
    ensure(from == part.take.from, "first index")?;
    ensure((from..=part.take.to).contains(&to), "last index")?;
    ensure(output.is_valid_within(from, to), "output indexes")?;
    ensure(not_mapped.is_valid_within(from, to), "not mapped indexes")?;
    let letters = verify_letters(letters, from, to)?;
    let dead = dead_of(&letters);
    let wanted = part.wanted(to);
    let union = Runs::union([&output, &not_mapped, &dead]);
    let count = output.count() + not_mapped.count() + dead.clip(from, to).count();
    // A letter for the rest of a payload speaks for indexes outside a selection too.
    let covers = wanted.iter().all(|index| union.contains(index));
    let stays_inside = output.iter().chain(not_mapped.iter()).all(|index| wanted.contains(index));
    ensure(count == union.count(), "an index has two fates")?;
    ensure(covers, "an index has no fate")?;
    ensure(stays_inside, "a fate outside the selection")?;
    let (is_end, datapoints) = match part.take.datapoints {
        Some(n) => (to == n, Some(n)),
        None if part.selection().is_some() => (to == part.take.to, None),
        None => (datapoints == Some(to), datapoints),
    };
    Ok(PartFate { from, to, output, not_mapped, letters, datapoints, is_end })
}

/// The indexes that letters speak for.
pub(crate) fn dead_of(letters: &[CellLetter]) -> Runs {
    let ranges: Vec<Runs> =
        letters.iter().map(|letter| Runs::range(letter.from, letter.to)).collect();
    Runs::union(&ranges)
}

pub(crate) fn verify_letters(
    letters: Vec<CellLetter>,
    from: i64,
    to: i64,
) -> Result<Vec<CellLetter>, Lie> {
    let mut next = from;
    let mut verified = Vec::with_capacity(letters.len());
    for mut letter in letters {
        ensure(
            letter.from >= next && letter.to >= letter.from && letter.to <= to,
            "a letter's range",
        )?;
        ensure(Reason::from_word(&letter.reason).is_some(), "a letter's reason")?;
        next = letter.to;
        truncate(&mut letter.detail, Letter::DETAIL_BYTES_MAX);
        letter.excerpt.truncate(Letter::EXCERPT_BYTES_MAX);
        verified.push(letter);
    }
    Ok(verified)
}

/// Shortens to at most `bytes_max` without splitting a character.
fn truncate(text: &mut String, bytes_max: usize) {
    let end = text.floor_char_boundary(bytes_max);
    text.truncate(end);
}

pub(crate) fn verify_sections(
    sections: &[Section],
    output_bytes: i64,
    partitions: i32,
) -> Result<(), Lie> {
    let mut next = 0;
    for section in sections {
        ensure(section.offset_bytes == next && section.len_bytes > 0, "a section's place")?;
        next =
            section.offset_bytes.checked_add(section.len_bytes).ok_or(Lie("a section's place"))?;
        ensure(next <= output_bytes, "a section's place")?;
        ensure((-1..partitions).contains(&section.partition), "a section's partition")?;
        ensure(
            (1..=SECTION_DATAPOINTS_MAX).contains(&section.datapoints),
            "a section's datapoints",
        )?;
        ensure(section.decoded_bytes >= 0, "a section's size")?;
    }
    ensure(next == output_bytes, "bytes outside the sections")
}

pub(crate) fn ensure(holds: bool, what: &'static str) -> Result<(), Lie> {
    if holds { Ok(()) } else { Err(Lie(what)) }
}
