//! Raw records on their way into a cell.

use cordon_records::raw::{RawRecords, frame};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> (Vec<(i64, Vec<u8>)>, bool) {
    let Ok(records) = RawRecords::parse(bytes) else { return (Vec::new(), true) };
    let mut read = Vec::new();
    for record in records {
        match record {
            Ok(record) => read.push((record.offset, record.value.to_vec())),
            Err(_) => return (read, true),
        }
    }
    (read, false)
}

proptest! {
    #[test]
    fn records_survive(
        topic in "[a-z.]{0,20}",
        partition: i32,
        records: Vec<(i64, Vec<u8>)>,
    ) {
        let bytes = frame(&topic, partition, records.iter().map(|(o, v)| (*o, &v[..])));
        let parsed = RawRecords::parse(&bytes).unwrap();
        prop_assert_eq!((parsed.topic, parsed.partition), (&topic[..], partition));
        prop_assert_eq!(read(&bytes), (records, false));
    }

    #[test]
    fn a_cut_gives_a_prefix(records: Vec<(i64, Vec<u8>)>, at in any::<prop::sample::Index>()) {
        let bytes = frame("raw", 0, records.iter().map(|(o, v)| (*o, &v[..])));
        let (read, is_cut) = read(&bytes[..at.index(bytes.len())]);
        prop_assert!(records.starts_with(&read));
        prop_assert!(is_cut || read.len() < records.len());
    }

    #[test]
    fn any_bytes_are_records_or_cut_short(bytes: Vec<u8>) {
        let (read, _) = read(&bytes);
        prop_assert!(read.iter().map(|(_, value)| value.len()).sum::<usize>() <= bytes.len());
    }
}
