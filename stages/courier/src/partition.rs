//! One owned partition: what is committed, what is read ahead, and how far batches have taken.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use cordon_kafka::{
    log::{NewOffset, Record, TopicPartition},
    progress::{Misfit, NextRecord, PointerHash, Progress},
};
use cordon_records::{BatchId, Lane, Pointer};

use crate::event::PayloadRef;

/// Crashes at size one after which a datapoint is held to kill machines.
const CRASHES_ALONE_MAX: u32 = 3;

/// A place in a partition: the next datapoint to take is `position` of the record at `offset`.
/// Where no record has that offset (a control record does), it is the first of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor {
    pub(crate) offset: i64,
    pub(crate) position: i64,
}

/// A record that was read and is not committed yet.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) offset: i64,
    pub(crate) hash: PointerHash,
    pub(crate) body: EntryBody,
    /// When it was read: raw records wait for company.
    pub(crate) read_at_ms: i64,
}

/// What a record holds.
#[derive(Clone, Debug)]
pub(crate) enum EntryBody {
    /// A pointer that passed its checks.
    Payload { pointer: Arc<Pointer>, payload: PayloadRef },
    /// Something that is not a pointer this stage may follow. It counts as one datapoint.
    Refused { fault: String },
    /// A datapoint itself.
    Raw { value: Bytes },
}

impl EntryBody {
    /// Bytes of data that it carries.
    fn data_bytes(&self) -> usize {
        match self {
            Self::Raw { value } => value.len(),
            Self::Payload { .. } | Self::Refused { .. } => 0,
        }
    }
}

/// What a crash left behind in the committed progress, as it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crash {
    /// How often a courier died here.
    pub(crate) attempts: u32,
    /// Where the batch ended: an index in the record at the committed offset; for raw records an
    /// offset.
    end: i64,
    /// The record.
    offset: i64,
}

/// What a batch takes from one record; from consecutive records where they are raw.
#[derive(Clone, Debug)]
pub(crate) struct Take {
    /// Offset of the (first) record.
    pub(crate) offset: i64,
    pub(crate) hash: PointerHash,
    /// First index taken. For raw records indexes are offsets.
    pub(crate) from: i64,
    /// One past the last index taken; only a bound where n is not known.
    pub(crate) to: i64,
    /// n, where it is known.
    pub(crate) datapoints: Option<i64>,
    pub(crate) source: TakeSource,
}

#[derive(Clone, Debug)]
pub(crate) enum TakeSource {
    Payload { pointer: Arc<Pointer>, payload: PayloadRef },
    Refused { fault: String },
    Raw { values: Vec<(i64, Bytes)> },
}

/// How much a batch may still take.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) datapoints: i64,
    pub(crate) decoded_bytes: i64,
    pub(crate) input_bytes: i64,
    pub(crate) parts: usize,
}

impl Room {
    pub(crate) fn is_full(&self) -> bool {
        self.datapoints <= 0 || self.decoded_bytes <= 0 || self.input_bytes <= 0 || self.parts == 0
    }
}

pub(crate) struct Partition {
    pub(crate) at: TopicPartition,
    pub(crate) lane: Lane,
    /// Whether its records are datapoints themselves: then a crash's end is an offset.
    is_raw: bool,
    /// What the group has committed, as far as this slot knows.
    committed: Cursor,
    /// Whether the committed progress holds a crash marker of this slot's own.
    pub(crate) marked: bool,
    /// What an earlier courier's death left; applies until a commit passes its end.
    pub(crate) crash: Option<Crash>,
    /// Attempts after which a batch is down to one datapoint.
    halvings_to_one: u32,
    /// What was committed: checked against the record that its position counts in, when that
    /// arrives.
    unchecked: Option<Progress>,
    queue: VecDeque<Entry>,
    /// Bytes of data in the queue: only raw records carry any. Kept, since it is asked for after
    /// every record.
    queue_bytes: usize,
    /// Where the next batch begins.
    taken: Cursor,
    pub(crate) paused: bool,
}

impl Partition {
    /// A partition as its group left it.
    pub(crate) fn new(
        (at, offset): (TopicPartition, i64),
        lane: Lane,
        is_raw: bool,
        halvings_to_one: u32,
        progress: &Progress,
    ) -> Self {
        let committed = Cursor { offset, position: progress.position };
        let crash = (progress.attempts > 0).then_some(Crash {
            attempts: progress.attempts,
            end: progress.crash_end,
            offset,
        });
        Self {
            at,
            lane,
            is_raw,
            committed,
            marked: false,
            halvings_to_one,
            crash,
            unchecked: Some(progress.clone()),
            queue: VecDeque::new(),
            queue_bytes: 0,
            taken: committed,
            paused: false,
        }
    }

    /// Where reading starts.
    pub(crate) fn start_offset(&self) -> i64 {
        self.committed.offset
    }

    /// Takes in a record. The first one must be the record that the committed position counts
    /// in; anything else means that progress and log do not belong together.
    pub(crate) fn push(
        &mut self,
        record: &Record,
        body: EntryBody,
        now_ms: i64,
    ) -> Result<(), Misfit> {
        let known = self.queue.back().map_or(self.committed.offset - 1, |last| last.offset);
        if record.offset <= known {
            return Ok(());
        }
        let hash = PointerHash::of(&record.value);
        if let Some(progress) = &self.unchecked {
            let datapoints = match &body {
                EntryBody::Payload { pointer, .. } => pointer.datapoints,
                EntryBody::Refused { .. } | EntryBody::Raw { .. } => None,
            };
            let next = NextRecord { offset: record.offset, hash, datapoints };
            progress.check(self.committed.offset, &next)?;
            self.unchecked = None;
        }
        self.queue_bytes += body.data_bytes();
        self.queue.push_back(Entry { offset: record.offset, hash, body, read_at_ms: now_ms });
        Ok(())
    }

    /// Records held.
    pub(crate) fn queue_records(&self) -> usize {
        self.queue.len()
    }

    /// Bytes of data held.
    pub(crate) fn queue_bytes(&self) -> usize {
        self.queue_bytes
    }

    /// Records not taken by any batch.
    fn untaken(&self) -> impl Iterator<Item = &Entry> {
        let first = self.queue.partition_point(|entry| entry.offset < self.taken.offset);
        self.queue.range(first..)
    }

    /// Whether a batch could take something, and since when it waits.
    pub(crate) fn waiting_since_ms(&self) -> Option<i64> {
        self.untaken().next().map(|entry| entry.read_at_ms)
    }

    /// Datapoints of records that no batch has taken, as their pointers say.
    pub(crate) fn waiting_datapoints(&self) -> i64 {
        let count = |entry: &Entry| match &entry.body {
            EntryBody::Payload { pointer, .. } => pointer.datapoints.unwrap_or(1),
            EntryBody::Refused { .. } | EntryBody::Raw { .. } => 1,
        };
        self.untaken().map(count).sum()
    }

    /// Takes what fits. A payload larger than what is left is cut, unless something else is in
    /// the batch already: then it waits for the next one.
    pub(crate) fn take(&mut self, room: &mut Room, is_first: bool) -> Vec<Take> {
        let mut takes = Vec::new();
        while !room.is_full() {
            let Some(entry) = self.untaken().next().cloned() else { break };
            let from = if entry.offset == self.taken.offset { self.taken.position } else { 0 };
            let take = match entry.body {
                EntryBody::Raw { .. } => self.take_raw(room),
                EntryBody::Refused { fault } => {
                    room.datapoints -= 1;
                    Some(Take {
                        offset: entry.offset,
                        hash: entry.hash,
                        from: 0,
                        to: 1,
                        datapoints: Some(1),
                        source: TakeSource::Refused { fault },
                    })
                }
                EntryBody::Payload { pointer, payload } => {
                    let may_cut = is_first && takes.is_empty();
                    take_payload(room, &pointer, from, may_cut).map(|to| Take {
                        offset: entry.offset,
                        hash: entry.hash,
                        from,
                        to,
                        datapoints: pointer.datapoints,
                        source: TakeSource::Payload { pointer, payload },
                    })
                }
            };
            let Some(take) = take else { break };
            room.parts -= 1;
            let whole = match take.datapoints {
                Some(n) => take.to >= n,
                None => true,
            };
            self.taken = match &take.source {
                TakeSource::Raw { .. } => Cursor { offset: take.to, position: 0 },
                _ if whole => Cursor { offset: take.offset + 1, position: 0 },
                _ => Cursor { offset: take.offset, position: take.to },
            };
            takes.push(take);
            if !whole || self.crash.is_some() {
                break;
            }
        }
        takes
    }

    /// Consecutive raw records become one part.
    fn take_raw(&self, room: &mut Room) -> Option<Take> {
        let mut values = Vec::new();
        let mut hash = None;
        for entry in self.untaken() {
            let EntryBody::Raw { value } = &entry.body else { break };
            if room.is_full() {
                break;
            }
            let bytes = value.len() as i64;
            room.datapoints -= 1;
            room.decoded_bytes -= bytes;
            room.input_bytes -= bytes;
            hash.get_or_insert(entry.hash);
            values.push((entry.offset, value.clone()));
        }
        let (first, last) = (values.first()?.0, values.last()?.0);
        Some(Take {
            offset: first,
            hash: hash?,
            from: first,
            to: last + 1,
            datapoints: None,
            source: TakeSource::Raw { values },
        })
    }

    /// Forgets what batches took: the next one begins at the committed place again.
    pub(crate) fn rewind(&mut self) {
        self.taken = self.committed;
    }

    /// A batch covered less than it took: the next one begins where it ended.
    pub(crate) fn take_back_to(&mut self, end: Cursor) {
        self.taken = end;
    }

    /// The offset to commit when everything before `end` is done. `next` is what the batch that
    /// runs already takes from here: then a crash marker for it rides along.
    pub(crate) fn offset_at(&self, end: Cursor, batch: BatchId, next: Option<&Take>) -> NewOffset {
        let (mut attempts, mut crash_end) =
            self.crash_at(end).map_or((0, 0), |crash| (crash.attempts, crash.end));
        let (mut offset, mut position, mut pointer) = (end.offset, end.position, None);
        if let Some(next) = next {
            Cursor { offset, position } = self.cursor_of(next);
            attempts += 1;
            crash_end = crash_end.max(next.to);
            pointer = Some(next.hash);
        } else if position > 0 || attempts > 0 {
            let unchecked = self.unchecked.as_ref().and_then(|progress| progress.pointer);
            match self.queue.iter().find(|entry| entry.offset >= end.offset) {
                // Between here and there lie no records: the crash's end is passed.
                Some(entry) if self.is_raw && entry.offset >= crash_end => {
                    (attempts, crash_end) = (0, 0);
                }
                // The hash is of this record, so this is where the next owner must look for it.
                Some(entry) => (offset, pointer) = (entry.offset, Some(entry.hash)),
                None if unchecked.is_some() => pointer = unchecked,
                // Behind raw records the next one may not have been read yet. Without its hash the
                // crash cannot be told on; the next owner begins to count anew.
                None => (attempts, crash_end) = (0, 0),
            }
        }
        let progress = Progress { position, attempts, crash_end, batch, pointer };
        NewOffset { at: self.at.clone(), offset, metadata: progress.to_string() }
    }

    /// The committed place without a marker of this slot's own.
    pub(crate) fn offset_unmarked(&self, batch: BatchId) -> NewOffset {
        self.offset_at(self.committed, batch, None)
    }

    /// The committed place with a marker for what `next` takes from it.
    pub(crate) fn offset_marked(&self, batch: BatchId, next: &Take) -> NewOffset {
        self.offset_at(self.committed, batch, Some(next))
    }

    /// The committed place.
    pub(crate) fn committed_cursor(&self) -> Cursor {
        self.committed
    }

    /// The place where a take begins.
    pub(crate) fn cursor_of(&self, take: &Take) -> Cursor {
        let position = if self.is_raw { 0 } else { take.from };
        Cursor { offset: take.offset, position }
    }

    /// Whether nothing lies between `end` and what `take` begins with.
    pub(crate) fn follows(&self, end: Cursor, take: &Take) -> bool {
        let next = self.queue.iter().find(|entry| entry.offset >= end.offset);
        next.is_some_and(|entry| entry.offset == take.offset)
            && (self.is_raw || take.offset != end.offset || take.from == end.position)
    }

    /// Whether a batch that starts at `take` starts at the committed place.
    pub(crate) fn is_at_committed(&self, take: &Take) -> bool {
        self.follows(self.committed, take)
    }

    /// Everything before `end` is committed; with a marker if `marked`.
    pub(crate) fn commit(&mut self, end: Cursor, marked: bool) {
        self.crash = self.crash_at(end);
        self.committed = end;
        self.marked = marked;
        let done = self.queue.partition_point(|entry| entry.offset < end.offset);
        let bytes = self.queue.drain(..done).map(|entry| entry.body.data_bytes());
        self.queue_bytes -= bytes.sum::<usize>();
        self.taken = self.taken.max(end);
    }

    /// What is left of the crash once everything before `end` is committed: nothing behind its
    /// end. A datapoint that came through alone is innocent, and the crashes over it must not count
    /// against the next.
    fn crash_at(&self, end: Cursor) -> Option<Crash> {
        let crash = self.crash.filter(|crash| !self.passes(*crash, end))?;
        let attempts = if end > self.committed {
            crash.attempts.min(self.halvings_to_one)
        } else {
            crash.attempts
        };
        Some(Crash { attempts, ..crash })
    }

    /// Whether couriers died over its next datapoint alone, again and again.
    pub(crate) fn kills_machines(&self) -> bool {
        self.crash.is_some_and(|crash| crash.attempts >= self.halvings_to_one + CRASHES_ALONE_MAX)
    }

    /// The part of a batch that a crash allows: halved for each attempt.
    pub(crate) fn crash_room(&self, full_datapoints: i64) -> Option<i64> {
        self.crash.map(|crash| (full_datapoints >> crash.attempts.min(62)).max(1))
    }

    fn passes(&self, crash: Crash, end: Cursor) -> bool {
        if self.is_raw {
            end.offset >= crash.end
        } else {
            end.offset > crash.offset || end.position >= crash.end
        }
    }
}

/// How far into a payload a batch goes; `None` if it should wait for a batch of its own.
fn take_payload(room: &mut Room, pointer: &Pointer, from: i64, may_cut: bool) -> Option<i64> {
    let left = |n: i64| (n - from).max(0);
    let decoded_each = match pointer.datapoints {
        Some(n) if n > 0 => (pointer.decoded_bytes / n).max(1),
        _ => 1,
    };
    let n = pointer.datapoints.unwrap_or(room.datapoints.saturating_add(from));
    let fits = left(n).min(room.datapoints).min((room.decoded_bytes / decoded_each).max(1));
    if fits < left(n) && !may_cut {
        return None;
    }
    room.datapoints -= fits;
    room.decoded_bytes -= fits.saturating_mul(decoded_each);
    room.input_bytes -= pointer.range_bytes;
    Some(from + fits)
}
