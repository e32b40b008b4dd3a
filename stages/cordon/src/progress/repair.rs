//! Where a stage must go on so that nothing is lost or done twice.

use cordon_records::Pointer;

use super::{consumed::Consumed, place::Place};

/// The place to go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repair {
    pub(crate) place: Place,
    pub(crate) basis: Basis,
}

/// How it is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Basis {
    /// Exact.
    #[error("its receipts end there")]
    Receipts,
    /// Nothing was processed yet.
    #[error("no receipt speaks of the partition, so it begins where the log does")]
    Untouched,
    /// Datapoints are lost whatever is done now.
    #[error(
        "its receipts end at {0}, but retention has deleted what lay there: whatever was between is \
         lost, and the audit will say so"
    )]
    Deleted(Place),
    /// The offsets of receipts mean nothing in this log.
    #[error(
        "its receipts end at {0}, but the log holds something else there: the topic was made anew, \
         and nothing of it was processed"
    )]
    Anew(Place),
}

impl Repair {
    /// What to do about a partition whose records lie at `start..end`. `last` is the pointer that
    /// lies where the receipts end, if there is one.
    pub(crate) fn of(
        consumed: Option<&Consumed>,
        (start, end): (i64, i64),
        last: Option<&Pointer>,
    ) -> Self {
        let from_start = |basis| Self { place: Place::start_of(start), basis };
        let Some(Consumed { next, last: told }) = consumed else {
            return from_start(Basis::Untouched);
        };
        if next.offset < start {
            return from_start(Basis::Deleted(*next));
        }
        let is_same = match told {
            Some(told) if told.offset >= start => last.is_some_and(|last| last.key == told.key),
            _ => true,
        };
        if next.offset <= end && is_same {
            Self { place: *next, basis: Basis::Receipts }
        } else {
            from_start(Basis::Anew(*next))
        }
    }

    /// Whether going on from there skips or repeats nothing that could be had.
    pub(crate) fn is_exact(&self) -> bool {
        matches!(self.basis, Basis::Receipts | Basis::Untouched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture::pointer, progress::consumed::LastPointer};

    /// Receipts that end within the pointer at an offset, or behind it.
    fn told(next: &str, offset: i64) -> Consumed {
        let last = LastPointer { offset, key: "a".to_owned() };
        Consumed { next: next.parse().unwrap(), last: Some(last) }
    }

    fn repair(consumed: Option<&Consumed>, key: Option<&str>) -> (String, bool) {
        let last = key.map(|key| Pointer { key: key.to_owned(), ..pointer() });
        let repair = Repair::of(consumed, (5, 10), last.as_ref());
        (repair.place.to_string(), repair.is_exact())
    }

    #[test]
    fn receipts_say_where_to_go_on_as_long_as_the_log_is_theirs() {
        let exactly = |place: &str| (place.to_owned(), true);
        let from_start = ("5".to_owned(), false);
        assert_eq!(repair(None, None), exactly("5"));
        assert_eq!(repair(Some(&told("7:60", 7)), Some("a")), exactly("7:60"));
        assert_eq!(repair(Some(&told("8", 7)), Some("a")), exactly("8"));
        assert_eq!(repair(Some(&told("10", 9)), Some("a")), exactly("10"));
        // Retention took the last payload, and nothing that was not done.
        assert_eq!(repair(Some(&told("5", 4)), None), exactly("5"));
        let raw = Consumed { next: Place::start_of(7), last: None };
        assert_eq!(repair(Some(&raw), None), exactly("7"));

        assert_eq!(repair(Some(&told("4:60", 4)), None), from_start);
        for other in [Some("b"), None] {
            assert_eq!(repair(Some(&told("7:60", 7)), other), from_start);
            assert_eq!(repair(Some(&told("8", 7)), other), from_start);
        }
        assert_eq!(repair(Some(&told("12", 11)), None), from_start);
    }
}
