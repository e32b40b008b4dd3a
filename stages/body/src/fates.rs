//! What became of each index of a part.

use cordon_container::{ContainerFault, FaultKind};
use cordon_records::{
    Letter, Reason, Runs,
    cell::{CellLetter, Frame, Part, PartReport},
};

/// The fates of one part, growing from its first index to its last.
pub(crate) struct PartFates<'j> {
    pub(crate) part: &'j Part,
    /// The indexes that must get a fate: all of the part, or the selected ones.
    pub(crate) wanted: Runs,
    /// `report.to` is where the next chunk begins.
    pub(crate) report: PartReport,
    /// The payload can give no more, so that nothing more is wanted of it.
    is_over: bool,
}

impl<'j> PartFates<'j> {
    pub(crate) fn new(part: &'j Part) -> Self {
        let wanted = match &part.selection {
            Some(selection) => selection.clip(part.from, part.to),
            None => Runs::range(part.from, part.to),
        };
        let report = PartReport { from: part.from, to: part.from, ..PartReport::default() };
        Self { part, wanted, report, is_over: false }
    }

    /// The next index that has no fate yet.
    pub(crate) fn next(&self) -> Option<i64> {
        if self.is_over { None } else { self.wanted.first_from(self.report.to) }
    }

    /// Adds the fates of a chunk that begins where these end.
    pub(crate) fn absorb(&mut self, frame: &Frame) {
        debug_assert_eq!(frame.from, self.report.to, "chunks follow each other");
        extend(&mut self.report.output, &frame.output);
        extend(&mut self.report.not_mapped, &frame.not_mapped);
        self.report.letters.extend_from_slice(&frame.letters);
        self.report.to = frame.to;
    }

    /// Adds one index that went into the output; it lies behind all others.
    pub(crate) fn output(&mut self, index: i64) {
        self.report.output.push(index);
        self.report.to = index + 1;
    }

    /// Nothing wanted is left: the part is covered, and here the payload should end.
    pub(crate) fn complete(&mut self, is_at_end: Result<bool, ContainerFault>) {
        if self.is_over {
            return;
        }
        self.report.to = self.part.to;
        let is_whole = self.part.datapoints == Some(self.part.to) && self.part.selection.is_none();
        match is_at_end {
            Ok(true) => self.report.datapoints = Some(self.part.to),
            Ok(false) if is_whole => {
                self.surplus(Reason::Count, "more datapoints than the pointer says");
            }
            // A fault before the end has its letter already: it is met again after a replay.
            Err(fault) if is_whole && fault.index >= self.part.to.cast_unsigned() => {
                self.surplus(reason(fault.kind), &fault.detail);
            }
            _ => {}
        }
    }

    /// The payload holds fewer datapoints than it should.
    pub(crate) fn fall_short(&mut self) {
        self.give_up(Reason::Count, "fewer datapoints than the pointer says");
    }

    /// The payload cannot be read any further.
    pub(crate) fn fail(&mut self, fault: &ContainerFault) {
        self.give_up(reason(fault.kind), &fault.detail);
    }

    /// One letter for all that is wanted and left. Where nobody knows how many that is, the
    /// payload ends here, and the rest is surplus.
    fn give_up(&mut self, reason: Reason, detail: &str) {
        let Some(from) = self.next() else { return };
        self.is_over = true;
        let is_end_known = self.part.datapoints.is_some() || self.part.selection.is_some();
        if is_end_known {
            let to = self.wanted.as_slice().last().map_or(from, |run| run.end());
            self.report.letters.push(letter((from, to), reason, detail, &[]));
            self.report.to = self.part.to;
        } else {
            self.report.to = from;
            self.report.datapoints = Some(from);
            if reason != Reason::Count {
                self.surplus(reason, detail);
            }
        }
    }

    fn surplus(&mut self, reason: Reason, detail: &str) {
        let at = self.report.to;
        self.report.letters.push(letter((at, at), reason, detail, &[]));
    }
}

fn extend(runs: &mut Runs, more: &Runs) {
    for run in more.as_slice() {
        runs.push_range(run.start, run.end());
    }
}

fn reason(kind: FaultKind) -> Reason {
    match kind {
        FaultKind::Schema => Reason::Schema,
        FaultKind::Corrupt => Reason::Corrupt,
        FaultKind::TooLarge => Reason::Size,
    }
}

/// A letter within its limits.
pub(crate) fn letter(
    (from, to): (i64, i64),
    reason: Reason,
    detail: &str,
    excerpt: &[u8],
) -> CellLetter {
    let detail = &detail[..detail.floor_char_boundary(Letter::DETAIL_BYTES_MAX)];
    let excerpt = &excerpt[..excerpt.len().min(Letter::EXCERPT_BYTES_MAX)];
    CellLetter {
        from,
        to,
        reason: reason.word().to_owned(),
        detail: detail.to_owned(),
        excerpt: excerpt.to_vec(),
    }
}
