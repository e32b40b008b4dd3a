//! Identifiers and reasons.

use cordon_records::{Digest, NodeKey, Reason};
use proptest::prelude::*;

proptest! {
    #[test]
    fn hex_goes_both_ways(bytes: [u8; 16]) {
        let key = NodeKey(bytes);
        let hex = key.to_string();
        prop_assert_eq!(hex.len(), 32);
        prop_assert_eq!(hex.to_lowercase(), hex.clone());
        prop_assert_eq!(NodeKey::from_hex(&hex), Some(key));
    }

    #[test]
    fn any_text_is_an_identifier_or_none(text: String) {
        let parsed = NodeKey::from_hex(&text);
        prop_assert!(parsed.is_none_or(|key| key.to_string() == text.to_lowercase()));
    }
}

#[test]
fn other_lengths_are_none() {
    assert_eq!(NodeKey::from_hex(""), None);
    assert_eq!(NodeKey::from_hex(&"0".repeat(31)), None);
    assert_eq!(NodeKey::from_hex(&"0".repeat(34)), None);
    assert_eq!(NodeKey::from_hex(&"g".repeat(32)), None);
}

/// The example of FIPS 180-2.
#[test]
fn a_digest_is_sha_256() {
    assert_eq!(
        Digest::of(b"abc").to_string(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn each_reason_has_its_word() {
    for reason in Reason::ALL {
        assert_eq!(Reason::from_word(reason.word()), Some(*reason));
    }
    assert_eq!(Reason::from_word("whim"), None);
    assert_eq!(Reason::from_word("Panic"), None);
}
