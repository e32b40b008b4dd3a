//! One partition: entries by offset, and what a committed reader may see of them.

use std::collections::{BTreeMap, VecDeque};

use super::{Mutation, transaction::ProducerId};
use crate::log::{NewRecord, Record, TopicPartition};

/// What a record holds, wherever it lies.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) timestamp_ms: i64,
    pub(super) record: NewRecord,
}

/// What lies at one offset.
enum Entry {
    /// Never delivered: a transaction marker or an aborted record. It takes its offset for ever.
    Gap,
    /// Delivered once everything before it is decided.
    Committed(Stored),
    /// Its transaction is open.
    Open(ProducerId, Stored),
}

/// The answer to a fetch.
pub(super) enum Fetched {
    /// The first record at or behind the offset asked for.
    Record(Record),
    /// Nothing to read; there will be nothing before this offset.
    Dry(i64),
    /// The offset is not in the log; its first and one past its last are.
    OutOfRange(i64, i64),
}

/// An append-only log.
#[derive(Default)]
pub(super) struct Partition {
    /// Offset of the first entry; older ones are deleted.
    first: i64,
    /// Without holes: the entry of offset `o` is at `o - first`.
    entries: VecDeque<Entry>,
    /// Where each open transaction began here; the smallest is the last stable offset.
    open: BTreeMap<ProducerId, i64>,
}

impl Partition {
    /// One past the last offset.
    pub(super) fn end(&self) -> i64 {
        self.first + self.entries.len() as i64
    }

    /// The last stable offset: everything before it is decided.
    fn stable_end(&self) -> i64 {
        self.open.values().copied().min().unwrap_or_else(|| self.end())
    }

    /// First and one past the last offset that a committed reader can reach.
    pub(super) fn bounds(&self, mutation: Option<Mutation>) -> (i64, i64) {
        let end = match mutation {
            Some(Mutation::BoundsIgnoreLso) => self.end(),
            _ => self.stable_end(),
        };
        (self.first, end)
    }

    /// Appends a record that belongs to no transaction, or to a decided one.
    pub(super) fn append(&mut self, stored: Stored) -> i64 {
        self.push(Entry::Committed(stored))
    }

    /// Appends a record of an open transaction.
    pub(super) fn append_open(&mut self, producer: ProducerId, stored: Stored) -> i64 {
        let offset = self.push(Entry::Open(producer, stored));
        self.open.entry(producer).or_insert(offset);
        offset
    }

    /// Leaves offsets free up to `offset`, as control and aborted records do.
    pub(super) fn skip_to(&mut self, offset: i64) {
        if self.entries.is_empty() {
            self.first = self.first.max(offset);
        }
        while self.end() < offset {
            self.push(Entry::Gap);
        }
    }

    /// Decides a producer's open transaction and writes its marker, which takes an offset.
    pub(super) fn settle(&mut self, producer: ProducerId, commit: bool) {
        let Some(began) = self.open.remove(&producer) else { return };
        let from = usize::try_from((began - self.first).max(0)).expect("offsets fit memory");
        for entry in self.entries.range_mut(from..) {
            match std::mem::replace(entry, Entry::Gap) {
                Entry::Open(owner, stored) if owner == producer => {
                    if commit {
                        *entry = Entry::Committed(stored);
                    }
                }
                other => *entry = other,
            }
        }
        self.push(Entry::Gap);
    }

    /// Deletes everything before `offset`, as retention does.
    pub(super) fn delete_before(&mut self, offset: i64) {
        while self.first < offset && self.entries.pop_front().is_some() {
            self.first += 1;
        }
    }

    /// The first record at or behind `from` that a committed reader may see.
    pub(super) fn fetch(
        &self,
        at: &TopicPartition,
        from: i64,
        mutation: Option<Mutation>,
    ) -> Fetched {
        if from < self.first || from > self.end() {
            return Fetched::OutOfRange(self.first, self.end());
        }
        let end = match mutation {
            Some(Mutation::ReadUncommitted | Mutation::IgnoreLso) => self.end(),
            _ => self.stable_end(),
        };
        for offset in from..end {
            let index = usize::try_from(offset - self.first).expect("offsets fit memory");
            let stored = match &self.entries[index] {
                Entry::Committed(stored) => stored,
                Entry::Open(_, stored) if mutation == Some(Mutation::ReadUncommitted) => stored,
                Entry::Open(..) | Entry::Gap => continue,
            };
            return Fetched::Record(deliver(stored, at, offset, mutation));
        }
        Fetched::Dry(end.max(from))
    }

    /// Everything that a committed reader can see.
    pub(super) fn committed(&self, at: &TopicPartition) -> Vec<Record> {
        let mut records = Vec::new();
        let mut next = self.first;
        while let Fetched::Record(record) = self.fetch(at, next, None) {
            next = record.offset + 1;
            records.push(record);
        }
        records
    }

    fn push(&mut self, entry: Entry) -> i64 {
        self.entries.push_back(entry);
        self.end() - 1
    }
}

fn deliver(
    stored: &Stored,
    at: &TopicPartition,
    offset: i64,
    mutation: Option<Mutation>,
) -> Record {
    let NewRecord { key, value, headers, .. } = stored.record.clone();
    let timestamp_ms = stored.timestamp_ms;
    let record = Record { at: at.clone(), offset, timestamp_ms, key, value, headers };
    match mutation {
        Some(Mutation::RecordStripped) => Record { key: None, headers: Vec::new(), ..record },
        _ => record,
    }
}
