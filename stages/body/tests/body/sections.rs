//! The output: self-contained sections, one or more for each partition.

use std::collections::BTreeSet;

use cordon_body::{SECTION_DATAPOINTS_MAX, SECTION_DECODED_BYTES_MAX};
use cordon_flow::partition_of;
use cordon_records::Element;
use proptest::prelude::*;

use crate::{
    bench::{Batch, lines, payload},
    fates::batch,
};

proptest! {
    #[test]
    fn every_section_reads_alone_and_holds_its_partition(batch in batch()) {
        let done = batch.run();
        let mut seen = BTreeSet::new();
        for section in &done.report().sections {
            let elements = done.elements(section);
            prop_assert_eq!(elements.len() as i64, section.datapoints);
            for element in &elements {
                prop_assert_eq!(partition_of(element.home, batch.job.partitions), section.partition);
                prop_assert!(seen.insert(element.body.clone()), "each element comes once");
            }
            let first = elements.iter().map(|element| element.first_seen_ms).min();
            let last = elements.iter().map(|element| element.last_seen_ms).max();
            prop_assert_eq!((section.time_min_ms, section.time_max_ms), (first, last));
        }
    }
}

#[test]
fn a_section_is_cut_at_its_datapoints() {
    let words: Vec<String> = (0..10_000).map(|n| format!("w{n}")).collect();
    let said = format!("nodes {}", words.join(" "));
    let mut batch = Batch::of(&[&said]);
    batch.job.partitions = 1;
    let done = batch.run();
    done.check(&batch.job);
    let counts: Vec<i64> = done.report().sections.iter().map(|s| s.datapoints).collect();
    let most = SECTION_DATAPOINTS_MAX as i64;
    assert_eq!(counts, [most, most, 10_000 - 2 * most]);
    assert_eq!(done.all_elements().len(), 10_000);
    let bodies: Vec<_> = done.all_elements().into_iter().map(|element| element.body).collect();
    assert!(bodies.is_sorted(), "the order runs through");
}

#[test]
fn a_section_is_cut_at_its_size() {
    let long: Vec<String> = (0..2_500).map(|n| format!("nodes {n:x>8000}")).collect();
    let mut batch = Batch::new().part(&payload(&long, 2_500), 2_500);
    batch.job.partitions = 1;
    let done = batch.run();
    done.check(&batch.job);
    let sections = &done.report().sections;
    assert_eq!(sections.len(), 3);
    assert!(sections.iter().all(|s| s.decoded_bytes <= SECTION_DECODED_BYTES_MAX as i64));
    let elements: Vec<Element> = done.all_elements();
    assert_eq!(elements.len(), 2_500);
}

#[test]
fn a_batch_without_output_has_no_section() {
    let done = Batch::new().part(&payload(&lines(&["skip", "panic"]), 2), 2).run();
    assert!(done.report().sections.is_empty());
    assert!(done.output.is_empty());
}
