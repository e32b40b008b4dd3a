//! What a cell that was taken over says of its batch.

use cordon_records::{
    Runs,
    cell::{CellLetter, Frame, Report},
};

/// How a report is forged.
#[derive(Clone, Copy)]
pub enum Forge {
    /// By a change to the honest one.
    Report(fn(&mut Report)),
    /// By bytes in the output that no section holds.
    Hide(&'static [u8]),
    /// By something else in its place.
    Replace(&'static [u8]),
}

/// A lie about a batch, and what the courier says of it.
#[derive(Clone, Copy)]
pub struct Lie {
    /// Its name.
    pub name: &'static str,
    /// What it claims, for a person.
    pub claims: &'static str,
    /// The check that refuses it, in its own words.
    pub check: &'static str,
    /// How.
    pub forge: Forge,
}

/// The lie of this name.
pub fn find(name: &str) -> Option<&'static Lie> {
    ALL.iter().find(|lie| lie.name == name)
}

const fn lie(
    name: &'static str,
    claims: &'static str,
    check: &'static str,
    forge: fn(&mut Report),
) -> Lie {
    Lie { name, claims, check, forge: Forge::Report(forge) }
}

/// All lies of reports.
pub const ALL: &[Lie] = &[
    lie("more-indexes", "more datapoints than it was given", "last index", |report| {
        part(report, |part| part.to += 1);
    }),
    lie("other-indexes", "datapoints that it was not given", "first index", |report| {
        part(report, |part| part.from += 1);
    }),
    lie("another-part", "work on a payload that it was not given", "number of parts", |report| {
        let again = report.parts.clone();
        report.parts.extend(again);
    }),
    lie("two-fates", "an output that is also not mapped", "an index has two fates", |report| {
        part(report, |part| part.not_mapped = part.output.clone());
    }),
    lie("no-fate", "nothing of a datapoint", "an index has no fate", |report| {
        part(report, |part| part.output = Runs::EMPTY);
    }),
    lie("foreign-outputs", "an output outside its range", "output indexes", |report| {
        part(report, |part| part.output = Runs::range(part.to, part.to + 5));
    }),
    lie("foreign-letters", "somebody else's datapoint dead", "a letter's range", |report| {
        let letter = letter("rejected");
        part(report, |part| part.letters.push(CellLetter { to: part.to + 9, ..letter.clone() }));
    }),
    lie("made-up-reason", "a reason that does not exist", "a letter's reason", |report| {
        let letter = letter("because");
        part(report, |part| {
            part.letters.push(CellLetter { from: part.to, to: part.to, ..letter.clone() });
        });
    }),
    lie(
        "foreign-partition",
        "a partition that does not exist",
        "a section's partition",
        |report| {
            report.sections.iter_mut().for_each(|section| section.partition = 9999);
        },
    ),
    lie("foreign-bytes", "bytes behind its output", "a section's place", |report| {
        report.sections.iter_mut().for_each(|section| section.len_bytes += 1 << 20);
    }),
    lie("overflow", "a section as long as numbers go", "a section's place", |report| {
        report.sections.iter_mut().for_each(|section| section.len_bytes = i64::MAX);
    }),
    lie("countless-outputs", "more outputs than fit", "a section's datapoints", |report| {
        report.sections.iter_mut().for_each(|section| section.datapoints = 1 << 40);
    }),
    lie("negative-size", "a section smaller than nothing", "a section's size", |report| {
        report.sections.iter_mut().for_each(|section| section.decoded_bytes = -1);
    }),
    lie("no-sections", "that there is nothing to store", "bytes outside the sections", |report| {
        report.sections.clear();
    }),
    lie("more-elements", "more elements than its sections hold", "elements out", |report| {
        report.elements_out += 1;
    }),
    lie("fewer-elements", "fewer elements in than out", "elements in", |report| {
        report.elements_in = 0;
    }),
    Lie {
        name: "hidden-bytes",
        claims: "to have written less than it has",
        check: "bytes outside the sections",
        forge: Forge::Hide(b"for a friend"),
    },
    Lie {
        name: "no-report",
        claims: "nothing that can be read",
        check: "unreadable report",
        forge: Forge::Replace(b"believe me"),
    },
];

fn part(report: &mut Report, change: impl Fn(&mut cordon_records::cell::PartReport)) {
    report.parts.iter_mut().for_each(change);
}

fn letter(reason: &str) -> CellLetter {
    CellLetter {
        from: 0,
        to: 0,
        reason: reason.to_owned(),
        detail: "forged".to_owned(),
        excerpt: Vec::new(),
    }
}

/// A frame that is forged, and what it claims. [`QUIET`] is believed, because whoever forges it
/// lies about its own chunk and no more.
pub const FRAMES: &[(&str, &str)] = &[
    ("foreign-part", "a payload that its cell was not given"),
    ("gap", "a chunk that does not follow"),
    ("foreign-indexes", "datapoints behind its payload"),
    ("more-items", "more outputs than it holds"),
    ("two-fates", "an output that is also not mapped"),
    ("no-fate", "nothing of its datapoints"),
    ("made-up-reason", "a reason that does not exist"),
    ("foreign-letters", "somebody else's datapoint dead"),
    ("damaged-items", "outputs that cannot be read"),
];

/// All datapoints of the chunk not mapped.
pub const QUIET: &str = "quiet";

/// Forges a frame: the quiet lie, and one more thing that does not add up.
pub fn forge_frame(name: &str, honest: Frame) -> Frame {
    let all = Runs::range(honest.from, honest.to);
    let mut frame = Frame {
        output: Runs::EMPTY,
        not_mapped: all.clone(),
        letters: Vec::new(),
        elements_in: 0,
        items: 0,
        encoded: Vec::new(),
        ..honest
    };
    match name {
        "foreign-part" => frame.part = 7,
        "gap" => {
            frame.from += 1;
            frame.to += 1;
            frame.not_mapped = Runs::range(frame.from, frame.to);
        }
        "foreign-indexes" => {
            frame.to += 1 << 20;
            frame.not_mapped = Runs::range(frame.from, frame.to);
        }
        "more-items" => frame.items = 5,
        "two-fates" => frame.output = all,
        "no-fate" => frame.not_mapped = Runs::EMPTY,
        "made-up-reason" => {
            frame.not_mapped = Runs::range(frame.from + 1, frame.to);
            let (from, to) = (frame.from, frame.from + 1);
            frame.letters.push(CellLetter { from, to, ..letter("because") });
        }
        "foreign-letters" => {
            let (from, to) = (frame.to, frame.to + 1);
            frame.letters.push(CellLetter { from, to, ..letter("rejected") });
        }
        "damaged-items" => {
            frame.not_mapped = Runs::EMPTY;
            frame.output = all.clone();
            (frame.items, frame.elements_in) = (all.count(), all.count());
            frame.encoded = b"no element".to_vec();
        }
        _ => {} // the quiet lie alone
    }
    frame
}
