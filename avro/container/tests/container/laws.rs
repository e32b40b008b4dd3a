//! What a container promises, over generated payloads and over damage of every kind.

use crate::payload::{Payload, datapoints, payload, read_all, read_from};
use cordon_container::{FaultKind, ReadLimits, SectionReader, SectionWriter};
use cordon_records::{Fingerprint, LogDatapoint, schema};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_written_is_read(payload in payload()) {
        let (read, fault) = read_all(&payload.bytes);
        prop_assert_eq!(fault, None);
        prop_assert_eq!(read, payload.lines);
    }

    #[test]
    fn the_same_datapoints_give_the_same_bytes(payload in payload()) {
        prop_assert_eq!(&Payload::write(&payload.lines, payload.section_datapoints), &payload);
    }

    #[test]
    fn resuming_anywhere_reads_the_suffix(payload in payload(), at in any::<prop::sample::Index>()) {
        let from = at.index(payload.lines.len() + 1);
        let (read, fault) = read_from(&payload.bytes, from as u64);
        prop_assert_eq!(fault, None);
        prop_assert_eq!(&read[..], &payload.lines[from..]);
    }

    #[test]
    fn a_truncated_payload_gives_a_prefix_and_a_fault(
        payload in payload(),
        at in any::<prop::sample::Index>(),
    ) {
        let (read, fault) = read_all(&payload.bytes[..at.index(payload.bytes.len())]);
        prop_assert!(payload.lines.starts_with(&read));
        // Only a cut between two blocks or sections goes unnoticed here; the pointer's digest
        // and count notice it.
        if let Some(fault) = fault {
            prop_assert_eq!(fault.index, read.len() as u64);
        }
    }

    #[test]
    fn a_flipped_bit_never_changes_a_datapoint(
        payload in payload(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let mut bytes = payload.bytes.clone();
        bytes[at.index(payload.bytes.len())] ^= 1 << bit;
        let (read, fault) = read_all(&bytes);
        prop_assert!(payload.lines.starts_with(&read));
        // A flip in the header that names the same schema otherwise (a doc text) is harmless.
        prop_assert!(fault.is_some() || read == payload.lines);
    }

    #[test]
    fn any_bytes_end_in_a_fault(bytes: Vec<u8>) {
        let (read, fault) = read_all(&bytes);
        prop_assert!(read.is_empty());
        prop_assert!(fault.is_some());
    }

    #[test]
    fn any_bytes_behind_a_header_end_in_a_fault(tail in prop::collection::vec(any::<u8>(), 1..300)) {
        let mut bytes = Payload::write(&[], 1).bytes;
        bytes.extend(tail);
        prop_assert!(read_all(&bytes).1.is_some());
    }
}

#[test]
fn a_section_is_readable_alone() {
    let lines: Vec<Vec<u8>> = (0..1000).map(|n| format!("{{\"n\":{n}}}").into_bytes()).collect();
    let mut writer = SectionWriter::new(schema::LOG_DATAPOINT.current(), Vec::new());
    let mut sections = Vec::new();
    for half in datapoints(&lines).chunks(500) {
        half.iter().for_each(|datapoint| writer.append(datapoint).unwrap());
        sections.push(writer.finish_section().unwrap());
    }
    let bytes = writer.into_inner();
    let first_len = sections[0].len_bytes as usize;
    assert_eq!(bytes.len() as u64, sections[0].len_bytes + sections[1].len_bytes);
    assert_eq!(read_all(&bytes[..first_len]), (lines[..500].to_vec(), None));
    assert_eq!(read_all(&bytes[first_len..]), (lines[500..].to_vec(), None));
    assert_eq!(read_all(&bytes), (lines, None));
}

#[test]
fn a_section_says_what_it_holds() {
    let payload = Payload::write(&[b"one".to_vec(), b"three".to_vec()], 2);
    assert_eq!(payload.sections.len(), 1);
    let section = payload.sections[0];
    assert_eq!(section.datapoints, 2);
    // A variant, a digest, a record number, and the line behind its length.
    assert_eq!(section.decoded_bytes, 2 * (1 + 32 + 1 + 1) + 3 + 5);
    assert_eq!(section.len_bytes, payload.bytes.len() as u64);
}

#[test]
fn resuming_decodes_only_the_block_it_lands_in() {
    let lines: Vec<Vec<u8>> = (0..64).map(|n| vec![n; 64 << 10]).collect();
    let payload = Payload::write(&lines, 64);
    // Two lines fill a block: the limit holds the last block, and one block more would pass it.
    let limits = ReadLimits { decoded_bytes_max: 140 << 10, ..ReadLimits::default() };
    let mut reader =
        SectionReader::open(&payload.bytes, &schema::LOG_DATAPOINT, None, limits).unwrap();
    reader.skip_to(63);
    let (index, datapoint) = reader.next::<LogDatapoint>().unwrap().unwrap();
    assert_eq!((index, datapoint.line), (63, &lines[63][..]));
    assert_eq!(reader.advance(), Ok(None));
}

#[test]
fn the_schema_is_pinned_to_the_pointers() {
    let payload = Payload::write(&[b"{}".to_vec()], 1);
    let open = |family, expected| {
        SectionReader::open(&payload.bytes, family, expected, ReadLimits::default())
            .map(|_| ())
            .map_err(|fault| (fault.kind, fault.index))
    };
    let right = schema::LOG_DATAPOINT.current().fingerprint;
    assert_eq!(open(&schema::LOG_DATAPOINT, Some(right)), Ok(()));
    assert_eq!(open(&schema::LOG_DATAPOINT, None), Ok(()));
    let refused = Err((FaultKind::Schema, 0));
    assert_eq!(open(&schema::LOG_DATAPOINT, Some(Fingerprint(1))), refused);
    assert_eq!(open(&schema::ELEMENT, Some(right)), refused);
    assert_eq!(open(&schema::ELEMENT, None), refused);
}

#[test]
fn a_fault_is_told_again_and_nothing_follows_it() {
    let lines: Vec<Vec<u8>> = (0..4).map(|n| vec![n; 100 << 10]).collect();
    let mut payload = Payload::write(&lines, 4);
    // The last block's marker.
    *payload.bytes.last_mut().unwrap() ^= 1;
    let mut reader =
        SectionReader::open(&payload.bytes, &schema::LOG_DATAPOINT, None, ReadLimits::default())
            .unwrap();
    for _ in 0..3 {
        reader.next::<LogDatapoint>().unwrap().unwrap();
    }
    let fault = reader.next::<LogDatapoint>().unwrap_err();
    assert_eq!((fault.kind, fault.index), (FaultKind::Corrupt, 3));
    assert_eq!(reader.advance(), Err(fault));
}
