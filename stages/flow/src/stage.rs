//! What a stage is: a pure function over one datapoint, and a way to merge results.

use cordon_records::{Datum, NodeKey, schema::Family};
use serde::{Deserialize, de::DeserializeOwned};

/// One step of the pipeline. Pure: no I/O, clock, randomness or threads; it runs in a cell.
///
/// A stage sees one datapoint at a time and knows nothing of payloads, batches or Kafka. It may
/// panic over a datapoint: the cell catches it, and that datapoint alone is dead.
pub trait Stage {
    /// A datapoint as it lies in the input payload; borrows from the decoded block.
    type Input<'a>: Deserialize<'a>;
    /// What its results merge into.
    type Output: Accumulate;
    /// What it remembers of the batch, to do less: `()` for most.
    type Memory: Memory<Self::Output>;

    /// Schemas that inputs may be written with.
    fn input_schemas(&self) -> &'static Family;

    /// Turns one datapoint into output items, or says why not. Items emitted before a `Dead` or
    /// `NotMapped` are thrown away.
    ///
    /// What is in the memory came from datapoints whose items are in the output already, so an
    /// item may leave out what those say, and need not be emitted if it says nothing else
    /// ([`Memory::again`]). Nothing else may depend on it: neither the fate, nor what all items
    /// merge into.
    fn process(
        &self,
        input: &Self::Input<'_>,
        memory: &mut Self::Memory,
        emit: &mut Vec<Item<Self>>,
    ) -> Fate;

    /// The bytes to quote in a dead letter: for a log line the line itself.
    fn excerpt<'a>(&self, input: &'a Self::Input<'_>) -> std::borrow::Cow<'a, [u8]>;
}

/// An output item of a stage.
pub type Item<S> = <<S as Stage>::Output as Accumulate>::Item;

/// What a stage remembers while one output grows. Bounded, whatever the datapoints are; it begins
/// empty, and ends with the cell.
pub trait Memory<Output>: Default {
    /// How many items the datapoint at hand gave that it did not emit: the output has them, and
    /// learns by [`Memory::keep`] that they were given again.
    fn again(&self) -> usize {
        0
    }

    /// The datapoint at hand is in the output, with all that it emitted, and now with what it gave
    /// again.
    fn keep(&mut self, output: &mut Output);

    /// It is not: what was learnt from it is forgotten.
    fn forget(&mut self);
}

/// No memory.
impl<Output> Memory<Output> for () {
    fn keep(&mut self, _: &mut Output) {}

    fn forget(&mut self) {}
}

/// What became of one datapoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its items are in the output.
    Output,
    /// This stage has no mapping for it: neither lost nor dead.
    NotMapped,
    /// It is malformed; the text says how, for a person.
    Dead(String),
}

/// Merges output items. Total: no item can make it fail, because when it runs the datapoint's
/// fate is already decided.
pub trait Accumulate: Default {
    /// An output datapoint.
    type Item: Datum + DeserializeOwned;

    /// The schema family that outputs are written with.
    fn schemas() -> &'static Family;

    /// Adds one item; an item equal to an earlier one coalesces with it.
    fn add(&mut self, item: Self::Item);

    /// The items that were added, or that an added item coalesced with, since the last
    /// [`Accumulate::settle`], as they are now. Added to an accumulator with all that was there
    /// before, they make it equal to this one: so what a few additions did can be written down
    /// without a second accumulator beside this one.
    fn changed(&self) -> impl Iterator<Item = &Self::Item>;

    /// Lets [`Accumulate::changed`] begin anew.
    fn settle(&mut self);

    /// At least as many bytes as the item's encoding has. Cheap, since it is asked of every item.
    fn encoded_bytes_max(item: &Self::Item) -> usize;

    /// How many items it holds.
    fn len(&self) -> usize;

    /// Whether it holds none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All items in one deterministic order.
    fn sorted(&self) -> Vec<&Self::Item>;

    /// What decides the item's partition; `None` where any partition will do.
    fn home(item: &Self::Item) -> Option<NodeKey>;

    /// Earliest and latest event time of the item, milliseconds since the epoch.
    fn times(item: &Self::Item) -> Option<(i64, i64)>;
}
