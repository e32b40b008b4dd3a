//! Object keys: the one shape, and everything that only looks like it.

use cordon_records::{KeyFault, ObjectKey};

const NAME: &str = "1700000000000-7f3f2b1e-9c4d-4a8b-8e21-0123456789ab";

fn refused(text: &str) -> KeyFault {
    ObjectKey::parse(text).expect_err(text)
}

#[test]
fn a_key_has_a_topic_and_perhaps_a_shard() {
    for prefix in ["logs", "logs.replay", "logs/07", "dead/generate", "a_B-9.z", "..."] {
        let text = format!("{prefix}/{NAME}");
        let key = ObjectKey::parse(&text).unwrap();
        assert_eq!(key.as_str(), text);
        assert_eq!(key.to_string(), text);
        assert_eq!(key.topic(), prefix.split('/').next().unwrap());
    }
}

#[test]
fn a_made_key_is_a_key() {
    let id = uuid::Uuid::from_u128(0x7f3f2b1e_9c4d_4a8b_8e21_0123456789ab);
    let key = ObjectKey::new("logs", 1_700_000_000_000, id).unwrap();
    assert_eq!(key.as_str(), format!("logs/{NAME}"));
    assert_eq!(ObjectKey::new("logs", -1, id), Err(KeyFault::Name));
    assert_eq!(ObjectKey::new("logs/a/b", 1, id), Err(KeyFault::Shape));
    assert_eq!(ObjectKey::new("logs", 1, uuid::Uuid::nil()), Err(KeyFault::Name));
}

#[test]
fn prefixes_that_escape_are_refused() {
    assert_eq!(refused(NAME), KeyFault::Shape);
    assert_eq!(refused(&format!("a/b/c/{NAME}")), KeyFault::Shape);
    assert_eq!(refused(""), KeyFault::Shape);
    for prefix in [
        "", ".", "..", "logs/..", "../logs", "logs/.", "logs/", "/logs", "lo gs", "logs\\x",
        "lögs", "logs\0", "logs%2f", "~", "logs\n", "a:b",
    ] {
        assert_eq!(refused(&format!("{prefix}/{NAME}")), KeyFault::Segment, "{prefix:?}");
    }
}

#[test]
fn names_that_are_none_are_refused() {
    for name in [
        "",
        "..",
        "1700000000000",
        "-7f3f2b1e-9c4d-4a8b-8e21-0123456789ab",
        "17x-7f3f2b1e-9c4d-4a8b-8e21-0123456789ab",
        "+1-7f3f2b1e-9c4d-4a8b-8e21-0123456789ab",
        "1700000000000000-7f3f2b1e-9c4d-4a8b-8e21-0123456789ab",
        "1700000000000-7F3F2B1E-9C4D-4A8B-8E21-0123456789AB",
        "1700000000000-7f3f2b1e9c4d4a8b8e210123456789ab",
        "1700000000000-7f3f2b1e-9c4d-1a8b-8e21-0123456789ab",
        "1700000000000-7f3f2b1e-9c4d-4a8b-8e21-0123456789a",
        "1700000000000-7f3f2b1e-9c4d-4a8b-8e21-0123456789abc",
        "1700000000000-7f3f2b1e-9c4d-4a8b-8e210-123456789ab",
        "1700000000000-{7f3f2b1e9c4d4a8b8e210123456789ab}--",
        "1700000000000-7f3f2b1e-9c4d-4a8b-8e21-0123456789ab.bak",
        "canary",
    ] {
        assert_eq!(refused(&format!("logs/{name}")), KeyFault::Name, "{name:?}");
    }
}

#[test]
fn a_key_has_a_longest_form() {
    let longest = "a".repeat(ObjectKey::BYTES_MAX - NAME.len() - 1);
    assert!(ObjectKey::parse(&format!("{longest}/{NAME}")).is_ok());
    assert_eq!(refused(&format!("{longest}a/{NAME}")), KeyFault::TooLong);
}
