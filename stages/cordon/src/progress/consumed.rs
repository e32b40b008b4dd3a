//! How far a stage has come, told by its receipts: they were committed with its offsets, all or
//! nothing, and say the same even where the offsets are lost.

use std::collections::BTreeMap;

use cordon_kafka::log::TopicPartition;
use cordon_records::{Receipt, Source};

use super::place::Place;

/// The end of what receipts cover in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Consumed {
    /// The first datapoint that no receipt covers.
    pub(crate) next: Place,
    /// The pointer that they end in: by it a log that is another one can be told.
    pub(crate) last: Option<LastPointer>,
}

/// A pointer as a receipt names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastPointer {
    pub(crate) offset: i64,
    /// Key of its payload.
    pub(crate) key: String,
}

/// What the receipts of a stage cover.
#[derive(Debug, Default)]
pub(crate) struct Coverage(BTreeMap<TopicPartition, Consumed>);

impl Coverage {
    /// Takes in a receipt.
    pub(crate) fn add(&mut self, receipt: &Receipt) {
        for input in &receipt.inputs {
            let (topic, partition, consumed) = match &input.source {
                Source::PointerSource { topic, partition, offset, key, datapoints, .. } => {
                    let is_whole = datapoints.is_some_and(|n| input.to >= n);
                    let next = if is_whole {
                        Place::start_of(offset + 1)
                    } else {
                        Place { offset: *offset, position: input.to }
                    };
                    // A refused pointer leaves no key behind.
                    let last = LastPointer { offset: *offset, key: key.clone() };
                    let last = (!key.is_empty()).then_some(last);
                    (topic, partition, Consumed { next, last })
                }
                Source::RawSource { topic, partition } => {
                    let next = Place::start_of(input.to);
                    (topic, partition, Consumed { next, last: None })
                }
                Source::FileSource { .. } => continue,
            };
            let at = TopicPartition::new(topic.as_str(), *partition);
            let known = self.0.entry(at).or_insert_with(|| consumed.clone());
            // What was repeated does not count: nothing before the furthest place is left undone.
            if consumed.next > known.next {
                *known = consumed;
            }
        }
    }

    /// Where they end in a partition; `None` where no receipt speaks of it.
    pub(crate) fn of(&self, at: &TopicPartition) -> Option<&Consumed> {
        self.0.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{input, receipt, source};

    fn pointer(offset: i64, from: i64, to: i64) -> Receipt {
        let source = source("logs", 1, offset, &format!("key {offset}"));
        receipt(vec![input(source, from, to)])
    }

    fn raw(from: i64, to: i64) -> Receipt {
        let source = Source::RawSource { topic: "raw".to_owned(), partition: 1 };
        receipt(vec![input(source, from, to)])
    }

    fn consumed(topic: &str, receipts: &[Receipt]) -> Option<(String, String)> {
        let mut coverage = Coverage::default();
        receipts.iter().for_each(|receipt| coverage.add(receipt));
        let consumed = coverage.of(&TopicPartition::new(topic, 1))?;
        let last = consumed.last.clone().map_or("-".to_owned(), |last| last.key);
        Some((consumed.next.to_string(), last))
    }

    #[test]
    fn the_next_datapoint_is_the_first_that_no_receipt_covers() {
        let told = |next: &str, last: &str| Some((next.to_owned(), last.to_owned()));
        let (sixth, seventh) = (pointer(6, 0, 100), pointer(7, 0, 60));
        assert_eq!(consumed("logs", &[sixth.clone(), seventh.clone()]), told("7:60", "key 7"));
        assert_eq!(consumed("logs", &[seventh.clone(), sixth.clone()]), told("7:60", "key 7"));
        let rest = pointer(7, 60, 100);
        assert_eq!(consumed("logs", &[seventh, rest.clone()]), told("8", "key 7"));
        // Datapoints were repeated after somebody set progress back.
        assert_eq!(consumed("logs", &[rest, sixth]), told("8", "key 7"));
        assert_eq!(consumed("logs", &[pointer(7, 0, 0)]), told("7", "key 7"));
        assert_eq!(consumed("raw", &[raw(0, 40), raw(40, 41)]), told("41", "-"));
        assert_eq!(consumed("logs", &[raw(0, 40)]), None);
    }
}
