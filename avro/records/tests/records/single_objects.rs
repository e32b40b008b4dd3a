//! Single-object encoding: every record survives, and hostile bytes are refused.

use cordon_records::{
    DecodeError, Letter, Pointer, Receipt,
    cell::{Frame, PartReport, Report},
    single_object::{Record, decode, encode, encode_into},
};
use proptest::prelude::*;

use crate::{arbitrary, runs, specimens};

fn check<R: Record + PartialEq + std::fmt::Debug>(record: &R) -> Result<(), TestCaseError> {
    let bytes = encode(record).unwrap();
    prop_assert_eq!(&decode::<R>(&bytes).unwrap(), record);
    let mut appended = b"before".to_vec();
    encode_into(record, &mut appended).unwrap();
    prop_assert_eq!(&appended[6..], &bytes[..]);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pointers_survive(record in arbitrary::pointer()) { check(&record)?; }

    #[test]
    fn receipts_survive(record in arbitrary::receipt()) { check(&record)?; }

    #[test]
    fn letters_survive(record in arbitrary::letter()) { check(&record)?; }

    #[test]
    fn metrics_survive(record in arbitrary::metrics()) { check(&record)?; }

    #[test]
    fn jobs_survive(record in arbitrary::job()) { check(&record)?; }

    #[test]
    fn reports_survive(record in arbitrary::report()) { check(&record)?; }

    #[test]
    fn frames_survive(record in arbitrary::frame()) { check(&record)?; }

    #[test]
    fn any_bytes_are_refused(bytes: Vec<u8>) {
        prop_assert!(decode::<Receipt>(&bytes).is_err());
    }

    #[test]
    fn damage_is_refused_or_decodes_to_something(
        record in arbitrary::receipt(),
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let mut bytes = encode(&record).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(other) = decode::<Receipt>(&bytes) {
            prop_assert!(encode(&other).is_ok());
        }
        prop_assert!(decode::<Receipt>(&bytes[..at]).is_err());
    }
}

#[test]
fn each_refusal_says_why() {
    let bytes = encode(&specimens::pointer()).unwrap();
    let refused = |bytes: &[u8]| decode::<Pointer>(bytes).expect_err("it is refused");
    assert!(matches!(refused(b""), DecodeError::Marker));
    assert!(matches!(refused(&bytes[..9]), DecodeError::Marker));
    assert!(matches!(refused(b"{\"bucket\":\"x\"}"), DecodeError::Marker));
    assert!(matches!(refused(&bytes[..20]), DecodeError::Body(_)));
    let mut longer = bytes.clone();
    longer.extend(b"xyz");
    assert!(matches!(refused(&longer), DecodeError::Surplus(3)));
    let mut unknown = bytes.clone();
    unknown[2..10].copy_from_slice(&7_u64.to_le_bytes());
    assert!(matches!(refused(&unknown), DecodeError::Schema(7)));
    assert!(matches!(decode::<Letter>(&bytes), Err(DecodeError::Schema(_))));
}

/// A list that claims 2^62 items is refused at once, not after 2^62 steps.
#[test]
fn a_sequence_that_claims_too_much_is_refused() {
    let mut report = Report::default();
    report.parts.push(PartReport::default());
    let mut bytes = encode(&report).unwrap();
    let claim_at = 10;
    assert_eq!(bytes[claim_at], 2, "one part");
    let claim: &[u8] = &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    bytes.splice(claim_at..=claim_at, claim.iter().copied());
    assert!(matches!(decode::<Report>(&bytes), Err(DecodeError::Body(_))));
}

/// A full batch whose every other datapoint is dead or not mapped still fits.
#[test]
fn the_longest_run_lists_survive() {
    let every_other = arbitrary::long_runs(32_768 / 2);
    let part = PartReport { output: every_other, ..PartReport::default() };
    let report = Report { parts: vec![part], ..Report::default() };
    assert_eq!(decode::<Report>(&encode(&report).unwrap()).unwrap(), report);
}

#[test]
fn a_frame_with_hostile_runs_decodes_and_is_judged_later() {
    let mut frame = Frame {
        part: -1,
        from: i64::MAX,
        to: i64::MIN,
        output: runs::raw(&[(i64::MAX, i64::MAX)]),
        not_mapped: runs::raw(&[(0, -1)]),
        letters: Vec::new(),
        elements_in: -1,
        items: -1,
        encoded: Vec::new(),
    };
    frame.encoded = vec![0; 1 << 20];
    assert_eq!(decode::<Frame>(&encode(&frame).unwrap()).unwrap(), frame);
}
