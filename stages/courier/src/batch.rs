//! A batch: the datapoints that one transaction covers.

use cordon_kafka::log::TopicPartition;
use cordon_records::{
    BatchId, Lane, Reason, Runs,
    cell::{CellLetter, Part},
};

use crate::{
    event::PayloadRef,
    partition::{Cursor, Take, TakeSource},
};

/// One part of a batch and, once decided, its fates.
#[derive(Clone, Debug)]
pub(crate) struct BatchPart {
    pub(crate) at: TopicPartition,
    pub(crate) take: Take,
    /// Set without a cell where no byte may be, or can be, parsed.
    pub(crate) verdict: Option<Verdict>,
}

/// What becomes of a part without a cell.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// Everything from its first index on is dead, however much that is.
    Rest(CellLetter),
    /// Its first datapoint is dead; the others have their turn later.
    First(CellLetter),
}

/// The fates of one part, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartFate {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) output: Runs,
    pub(crate) not_mapped: Runs,
    pub(crate) letters: Vec<CellLetter>,
    /// n as it turned out: what the pointer says, or what the cell found where it does not.
    pub(crate) datapoints: Option<i64>,
    /// Whether nothing of the record is left.
    pub(crate) is_end: bool,
}

#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) id: BatchId,
    pub(crate) lane: Lane,
    pub(crate) parts: Vec<BatchPart>,
    /// A courier died over these datapoints before: nothing else runs beside them.
    pub(crate) is_solo: bool,
}

impl BatchPart {
    /// The payload that must be fetched for it.
    pub(crate) fn payload(&self) -> Option<&PayloadRef> {
        match &self.take.source {
            TakeSource::Payload { payload, .. } if self.verdict.is_none() => Some(payload),
            _ => None,
        }
    }

    /// The indexes that must get a fate if the part is covered up to `to`: all, or the selected.
    pub(crate) fn wanted(&self, to: i64) -> Runs {
        match self.selection() {
            Some(selection) => selection.clip(self.take.from, to),
            None => Runs::range(self.take.from, to),
        }
    }

    /// The indexes to process, where these are not all.
    pub(crate) fn selection(&self) -> Option<Runs> {
        match &self.take.source {
            TakeSource::Payload { pointer, .. } => pointer.selection.clone(),
            TakeSource::Raw { values } => Some(values.iter().map(|(offset, _)| *offset).collect()),
            TakeSource::Refused { .. } => None,
        }
    }

    /// Ids of the letters that it drives again.
    pub(crate) fn redrives(&self) -> &[String] {
        match &self.take.source {
            TakeSource::Payload { pointer, .. } => &pointer.redrives,
            TakeSource::Raw { .. } | TakeSource::Refused { .. } => &[],
        }
    }

    /// Its part of a cell's job, with the input at `offset_bytes`.
    pub(crate) fn job_part(
        &self,
        offset_bytes: i64,
        len_bytes: i64,
        decoded_bytes_max: i64,
    ) -> Part {
        let schema = match &self.take.source {
            TakeSource::Payload { pointer, .. } => pointer.schema,
            _ => 0,
        };
        Part {
            offset_bytes,
            len_bytes,
            schema,
            from: self.take.from,
            to: self.take.to,
            datapoints: self.take.datapoints,
            decoded_bytes_max,
            selection: self.selection(),
        }
    }

    /// Keeps its first `datapoints` datapoints.
    fn cut(&mut self, datapoints: i64) {
        self.take.to = self.take.from + datapoints;
        if let TakeSource::Raw { values } = &mut self.take.source {
            values.retain(|(offset, _)| *offset < self.take.to);
        }
    }

    /// As if everything it takes went well.
    fn planned_fate(&self) -> PartFate {
        let (from, to) = (self.take.from, self.take.to);
        let is_end = match self.take.datapoints {
            Some(n) => to >= n,
            None => true,
        };
        PartFate {
            from,
            to,
            output: Runs::range(from, to),
            not_mapped: Runs::EMPTY,
            letters: Vec::new(),
            datapoints: self.take.datapoints,
            is_end,
        }
    }

    /// The fates of a part that no cell sees: one letter for the rest.
    pub(crate) fn verdict_fate(&self) -> Option<PartFate> {
        let (letter, is_rest) = match self.verdict.clone()? {
            Verdict::Rest(letter) => (letter, true),
            Verdict::First(letter) => (letter, false),
        };
        let n = self.take.datapoints.or(is_rest.then_some(letter.to));
        Some(PartFate {
            from: letter.from,
            to: letter.to,
            output: Runs::EMPTY,
            not_mapped: Runs::EMPTY,
            datapoints: n,
            is_end: n.is_some_and(|n| letter.to >= n),
            letters: vec![letter],
        })
    }

    /// Gives its first datapoint up, without a cell ever seeing it.
    pub(crate) fn give_up_first(&mut self, reason: Reason, detail: String) {
        let from = self.take.from;
        self.cut(1);
        self.verdict = Some(Verdict::First(letter(from, from + 1, reason, detail)));
    }

    /// Gives the part up: one letter for everything from its first index on.
    pub(crate) fn give_up(&mut self, reason: Reason, detail: String) {
        let from = self.take.from;
        let to = self.take.datapoints.unwrap_or(from + 1);
        self.take.to = to;
        self.verdict = Some(Verdict::Rest(letter(from, to, reason, detail)));
    }
}

fn letter(from: i64, to: i64, reason: Reason, detail: String) -> CellLetter {
    CellLetter { from, to, reason: reason.word().to_owned(), detail, excerpt: Vec::new() }
}

impl Batch {
    /// The partitions it takes from, each once, in the order of its parts.
    pub(crate) fn partitions(&self) -> Vec<TopicPartition> {
        let mut partitions: Vec<TopicPartition> = Vec::new();
        for part in &self.parts {
            if partitions.last() != Some(&part.at) && !partitions.contains(&part.at) {
                partitions.push(part.at.clone());
            }
        }
        partitions
    }

    /// What it takes first from a partition.
    pub(crate) fn first_take(&self, at: &TopicPartition) -> Option<&Take> {
        self.parts.iter().find(|part| part.at == *at).map(|part| &part.take)
    }

    /// Where each partition stands once the batch is committed with these fates.
    pub(crate) fn ends(&self, fates: &[PartFate]) -> Vec<(TopicPartition, Cursor)> {
        let mut ends: Vec<(TopicPartition, Cursor)> = Vec::new();
        for (part, fate) in self.parts.iter().zip(fates) {
            let end = match &part.take.source {
                TakeSource::Raw { .. } => Cursor { offset: fate.to, position: 0 },
                _ if fate.is_end => Cursor { offset: part.take.offset + 1, position: 0 },
                _ => Cursor { offset: part.take.offset, position: fate.to },
            };
            match ends.iter_mut().find(|(at, _)| *at == part.at) {
                // Parts behind a cut were not begun; the cut is where the partition stands.
                Some((_, known)) if fate.to > fate.from || fate.is_end => *known = end.max(*known),
                Some(_) => {}
                None => ends.push((part.at.clone(), end)),
            }
        }
        ends
    }

    /// Datapoints it covers at most.
    pub(crate) fn datapoints(&self) -> i64 {
        self.parts.iter().map(|part| part.take.to - part.take.from).sum()
    }

    /// Keeps the first half of the datapoints; `false` when there is only one left.
    pub(crate) fn halve(&mut self) -> bool {
        let total = self.datapoints();
        if total <= 1 {
            return false;
        }
        let mut left = total / 2;
        self.parts.retain_mut(|part| {
            let datapoints = part.take.to - part.take.from;
            if left == 0 {
                return false;
            }
            if datapoints > left {
                part.cut(left);
            }
            left -= datapoints.min(left);
            true
        });
        true
    }

    /// Where each partition stands once everything it takes is done.
    pub(crate) fn planned_ends(&self) -> Vec<(TopicPartition, Cursor)> {
        let fates: Vec<PartFate> = self.parts.iter().map(BatchPart::planned_fate).collect();
        self.ends(&fates)
    }
}
