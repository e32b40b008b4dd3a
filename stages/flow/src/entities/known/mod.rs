//! What the nodes of a batch were called, so that they are made once for a name, not once an event.
//!
//! Most events are about nodes that an earlier one named in the very same words. Those words lead
//! to the key without canonical forms and SHA-256, and what they say of the node need not be sent
//! again: it gives the graph nothing new, unless the event is earlier than the one that sent it.
//! What an event says beyond that is always sent.

#[cfg(test)]
mod tests;

use std::{hash::BuildHasher as _, ops::Range};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::scene::End;
use crate::Memory;

/// Most nodes that are remembered.
const NODES_MAX: usize = 1 << 16;

/// Most bytes of all their names.
const NAMES_BYTES_MAX: usize = 8 << 20;

/// Longest name that is remembered: a forged one may have a megabyte.
const NAME_BYTES_MAX: usize = 1024;

/// Nodes that are in a graph, by the words that named them.
///
/// Bounded: once it is full, it learns no more. Names are found by a seeded hash and compared
/// whole, so that no forged one can pass for another.
#[derive(Debug)]
pub struct KnownNodes {
    /// All names, one behind the other: those of `nodes`, then those of `learnt`.
    names: Vec<u8>,
    nodes: HashTable<Known>,
    hasher: DefaultHashBuilder,
    /// Nodes of the datapoint at hand.
    learnt: Vec<Known>,
    /// Bytes of `names` that belong to `nodes`.
    kept_bytes: usize,
    nodes_max: usize,
}

#[derive(Debug)]
struct Known {
    name: Name,
    end: End,
    /// Time of the event that sent what the name says of the node.
    since_ms: i64,
}

/// The words of a node.
#[derive(Debug)]
pub(super) struct Name {
    hash: u64,
    /// Where they stand in `names`; empty for a name too long to be remembered.
    place: Range<usize>,
}

impl Default for KnownNodes {
    fn default() -> Self {
        Self::with_nodes_max(NODES_MAX)
    }
}

impl KnownNodes {
    /// Remembers that many nodes at most.
    pub fn with_nodes_max(nodes_max: usize) -> Self {
        Self {
            names: Vec::new(),
            nodes: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            learnt: Vec::new(),
            kept_bytes: 0,
            nodes_max,
        }
    }

    /// The node that these words name, if the graph has what they say of it, at this time or
    /// earlier; else their name for [`KnownNodes::learn`], which has to be next.
    pub(super) fn recall<'w>(
        &mut self,
        words: impl IntoIterator<Item = &'w [u8], IntoIter: Clone>,
        time_ms: i64,
    ) -> Result<End, Name> {
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
        let known = self.nodes.find(hash, |known| names[known.name.place.clone()] == *name);
        match known.filter(|known| known.since_ms <= time_ms) {
            Some(Known { end, .. }) => {
                self.names.truncate(start);
                Ok(*end)
            }
            None => Err(Name { hash, place: start..self.names.len() }),
        }
    }

    /// Remembers a node, from when on the datapoint at hand is in the output.
    pub(super) fn learn(&mut self, name: Name, end: End, since_ms: i64) {
        let is_full = self.nodes.len() + self.learnt.len() >= self.nodes_max
            || self.names.len() > NAMES_BYTES_MAX;
        if is_full || name.place.is_empty() {
            self.names.truncate(name.place.start);
        } else {
            self.learnt.push(Known { name, end, since_ms });
        }
    }
}

impl Memory for KnownNodes {
    fn keep(&mut self) {
        let Self { names, nodes, learnt, .. } = self;
        for known in learnt.drain(..) {
            let hash = known.name.hash;
            let name = |known: &Known| &names[known.name.place.clone()];
            match nodes.find_mut(hash, |other| name(other) == name(&known)) {
                Some(other) => other.since_ms = other.since_ms.min(known.since_ms),
                None => {
                    nodes.insert_unique(hash, known, |known| known.name.hash);
                }
            }
        }
        self.kept_bytes = self.names.len();
    }

    fn forget(&mut self) {
        self.learnt.clear();
        self.names.truncate(self.kept_bytes);
    }
}
