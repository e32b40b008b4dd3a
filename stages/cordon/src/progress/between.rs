//! How many datapoints lie between two places of a partition.

use cordon_records::{Pointer, Runs};

use super::{judge::Input, place::Place};

/// A count, which may be short of payloads that do not say how much they hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) datapoints: i64,
    /// Payloads whose pointers name no count.
    pub(crate) uncounted_payloads: i64,
}

impl Count {
    pub(crate) fn is_zero(self) -> bool {
        self == Self::default()
    }

    /// Adds what a record holds from one place to another.
    pub(crate) fn add(&mut self, offset: i64, value: &[u8], from: Place, to: Place, input: &Input) {
        let first = if offset == from.offset { from.position } else { 0 };
        let last = if offset == to.offset { to.position } else { i64::MAX };
        match input.pointer(value) {
            // A raw record is a datapoint, and so is a record that is no pointer to follow.
            None => self.datapoints += i64::from(first == 0 && last > 0),
            Some(pointer) => match wanted(&pointer, first, last) {
                Some(count) => self.datapoints += count,
                None => self.uncounted_payloads += 1,
            },
        }
    }
}

/// Datapoints of a payload from one index to another that a stage has to process.
fn wanted(pointer: &Pointer, first: i64, last: i64) -> Option<i64> {
    match (&pointer.selection, pointer.datapoints) {
        (Some(selection), _) => Some(selection.clip(first, last).count()),
        (None, Some(n)) => Some(Runs::range(first.min(n), last.min(n)).count()),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use cordon_records::{Digest, PointerLimits, single_object};

    use super::*;

    fn input(topics: &[String]) -> Input<'_> {
        Input::Pointers(PointerLimits {
            bucket: "cordon",
            topics,
            range_bytes_max: 100,
            decoded_bytes_max: 100,
            datapoints_max: 1000,
        })
    }

    fn pointer(n: Option<i64>, selection: Option<Runs>) -> Vec<u8> {
        let pointer = Pointer {
            bucket: "cordon".to_owned(),
            key: "logs/1700000000000-6f1ddc2a-58a4-4f0c-8d5d-3c1e0b8a9f10".to_owned(),
            range_start_bytes: 0,
            range_bytes: 1,
            digest: n.map(|_| Digest::of(b"")),
            datapoints: n,
            decoded_bytes: 0,
            schema: 0,
            time_min_ms: None,
            time_max_ms: None,
            stage: String::new(),
            stage_version: String::new(),
            selection,
            redrives: Vec::new(),
        };
        single_object::encode(&pointer).unwrap()
    }

    fn count(records: &[(i64, Vec<u8>)], from: &str, to: &str) -> (i64, i64) {
        let topics = ["logs".to_owned()];
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let mut count = Count::default();
        for (offset, value) in records {
            count.add(*offset, value, from, to, &input(&topics));
        }
        (count.datapoints, count.uncounted_payloads)
    }

    #[test]
    fn only_what_lies_between_counts() {
        let whole = |offset| (offset, pointer(Some(100), None));
        assert_eq!(count(&[whole(7)], "7", "8"), (100, 0));
        assert_eq!(count(&[whole(7), whole(9)], "7:60", "9:30"), (70, 0));
        assert_eq!(count(&[whole(7)], "7:20", "7:60"), (40, 0));
        assert_eq!(count(&[whole(7)], "7:100", "8"), (0, 0));
        let selected = pointer(Some(100), Some(Runs::range(50, 70)));
        assert_eq!(count(&[(7, selected)], "7:60", "8"), (10, 0));
        assert_eq!(count(&[(7, pointer(None, None)), whole(8)], "7", "9"), (100, 1));
        assert_eq!(count(&[(7, b"no pointer".to_vec())], "7", "8"), (1, 0));
    }

    #[test]
    fn a_raw_record_is_one() {
        let (from, to) = ("7".parse().unwrap(), "9".parse().unwrap());
        let mut count = Count::default();
        count.add(7, b"{}", from, to, &Input::Raw);
        count.add(8, b"", from, to, &Input::Raw);
        assert_eq!(count, Count { datapoints: 2, uncounted_payloads: 0 });
    }
}
