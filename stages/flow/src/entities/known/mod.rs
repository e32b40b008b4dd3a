//! What the nodes and edges of a batch were called, so that they are made once for a name, not once
//! an event.
//!
//! Most events are about nodes that an earlier one named in the very same words, and say of them
//! what that one said. Those words lead to the key without canonical forms and SHA-256, and to the
//! element in the graph without an element to look it up by: what they say gives the graph nothing
//! new, unless the event is earlier than the one that sent it. What an event says beyond that is
//! always sent.

#[cfg(test)]
mod tests;

use std::{hash::BuildHasher as _, ops::Range};

use cordon_records::Body;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::scene::End;
use crate::{Graph, Memory};

/// Most names that are remembered.
const NAMES_MAX: usize = 1 << 17;

/// Most bytes of all of them.
const NAMES_BYTES_MAX: usize = 16 << 20;

/// Longest name that is remembered: a forged one may have a megabyte.
const NAME_BYTES_MAX: usize = 1024;

/// Nodes and edges that are in a graph, by the words that named them.
///
/// Bounded: once it is full, it learns no more. Names are found by a seeded hash and compared
/// whole, so that no forged one can pass for another.
#[derive(Debug)]
pub struct KnownElements {
    /// All names, one behind the other: those of `kept`, then those of `learnt`.
    names: Vec<u8>,
    kept: HashTable<Known>,
    hasher: DefaultHashBuilder,
    /// Elements of the datapoint at hand.
    learnt: Vec<(Known, Body)>,
    /// Places in the graph of elements that the datapoint at hand gave again, and its time.
    again: Vec<(u32, i64)>,
    /// Bytes of `names` that belong to `kept`.
    kept_bytes: usize,
    names_max: usize,
}

#[derive(Debug)]
struct Known {
    name: Name,
    /// The node, or the edge's source.
    end: End,
    /// Where it is in the graph.
    place: u32,
    /// Time of the event that sent what the name says of it.
    since_ms: i64,
}

/// What words name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recalled {
    /// The node, or the edge's source.
    pub(super) end: End,
    place: u32,
}

/// The words of a node or an edge.
#[derive(Debug)]
pub(super) struct Name {
    hash: u64,
    /// Where they stand in `names`; empty for a name too long to be remembered.
    place: Range<usize>,
}

impl Default for KnownElements {
    fn default() -> Self {
        Self::with_names_max(NAMES_MAX)
    }
}

impl KnownElements {
    /// Remembers that many names at most.
    pub fn with_names_max(names_max: usize) -> Self {
        Self {
            names: Vec::new(),
            kept: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            learnt: Vec::new(),
            again: Vec::new(),
            kept_bytes: 0,
            names_max,
        }
    }

    /// What these words name, if the graph has what they say of it, at this time or earlier; else
    /// their name for [`KnownElements::learn`], which has to be next.
    pub(super) fn recall<'w>(
        &mut self,
        words: impl IntoIterator<Item = &'w [u8], IntoIter: Clone>,
        time_ms: i64,
    ) -> Result<Recalled, Name> {
        let words = words.into_iter();
        let start = self.names.len();
        if words.clone().map(<[u8]>::len).sum::<usize>() > NAME_BYTES_MAX {
            return Err(Name { hash: 0, place: start..start });
        }
        for word in words {
            // Each behind its length, so that words do not run into each other.
            self.names.extend_from_slice(&word.len().to_le_bytes());
            self.names.extend_from_slice(word);
        }
        let (names, name) = self.names.split_at(start);
        let hash = self.hasher.hash_one(name);
        let known = self.kept.find(hash, |known| names[known.name.place.clone()] == *name);
        match known.filter(|known| known.since_ms <= time_ms) {
            Some(Known { end, place, .. }) => {
                self.names.truncate(start);
                Ok(Recalled { end: *end, place: *place })
            }
            None => Err(Name { hash, place: start..self.names.len() }),
        }
    }

    /// The event says nothing else of what was recalled, but that it was seen then.
    pub(super) fn see_again(&mut self, recalled: Recalled, time_ms: i64) {
        self.again.push((recalled.place, time_ms));
    }

    /// Remembers an element, from when on the datapoint at hand is in the output.
    pub(super) fn learn(&mut self, name: Name, end: End, body: &Body, since_ms: i64) {
        let is_full = self.kept.len() + self.learnt.len() >= self.names_max
            || self.names.len() > NAMES_BYTES_MAX;
        if is_full || name.place.is_empty() {
            self.names.truncate(name.place.start);
        } else {
            self.learnt.push((Known { name, end, place: 0, since_ms }, body.clone()));
        }
    }
}

impl Memory<Graph> for KnownElements {
    fn again(&self) -> usize {
        self.again.len()
    }

    fn keep(&mut self, graph: &mut Graph) {
        for (place, time_ms) in self.again.drain(..) {
            graph.see_again(place, time_ms);
        }
        let Self { names, kept, learnt, .. } = self;
        for (mut known, body) in learnt.drain(..) {
            let hash = known.name.hash;
            let name = |known: &Known| &names[known.name.place.clone()];
            if let Some(other) = kept.find_mut(hash, |other| name(other) == name(&known)) {
                other.since_ms = other.since_ms.min(known.since_ms);
            } else if let Some(place) = graph.place_of(&body) {
                known.place = place;
                kept.insert_unique(hash, known, |known| known.name.hash);
            }
        }
        self.kept_bytes = self.names.len();
    }

    fn forget(&mut self) {
        self.again.clear();
        self.learnt.clear();
        self.names.truncate(self.kept_bytes);
    }
}
