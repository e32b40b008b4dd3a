//! Forged pointers are refused before any GET.

use cordon_records::{Digest, KeyFault, Pointer, PointerFault, PointerLimits, Runs};

use crate::{runs, specimens};

fn limits(topics: &[String]) -> PointerLimits<'_> {
    PointerLimits {
        bucket: "payloads",
        topics,
        range_bytes_max: 1000,
        decoded_bytes_max: 10_000,
        datapoints_max: 100,
    }
}

/// Checks a good pointer after `forge` changed it.
fn check(forge: impl FnOnce(&mut Pointer)) -> Result<String, PointerFault> {
    let topics = ["logs".to_owned(), "other".to_owned()];
    let mut pointer = specimens::pointer();
    forge(&mut pointer);
    pointer.check(&limits(&topics)).map(|key| key.to_string())
}

#[test]
fn a_good_pointer_gives_its_key() {
    assert_eq!(check(|_| {}), Ok(specimens::pointer().key));
    assert!(check(|p| p.selection = None).is_ok());
    assert!(check(|p| (p.digest, p.datapoints) = (None, None)).is_ok());
    assert!(check(|p| p.decoded_bytes = 0).is_ok());
    assert!(check(|p| p.selection = Some(Runs::range(0, p.datapoints.unwrap()))).is_ok());
}

#[test]
fn forged_places_are_refused() {
    use PointerFault::{Bucket, Key, Prefix};
    type Forge = fn(&mut Pointer);
    let name = "1700000000000-7f3f2b1e-9c4d-4a8b-8e21-0123456789ab";
    assert!(specimens::pointer().key.ends_with(name));
    let forged: &[(Forge, PointerFault)] = &[
        (|p| p.bucket = "theirs".into(), Bucket),
        (|p| p.bucket = String::new(), Bucket),
        (|p| p.bucket = "payloads/".into(), Bucket),
        (|p| p.key = p.key.replace("logs", "merged"), Prefix),
        (|p| p.key = p.key.replace("logs", "LOGS"), Prefix),
        (|p| p.key = p.key.replace("logs/", "logs.replay/"), Prefix),
        (|p| p.key = p.key.replace("logs/", "dead/logs/"), Prefix),
        (|p| p.key = p.key.replace("logs/", "logs/../merged/"), Key(KeyFault::Shape)),
        (|p| p.key = p.key.replace("logs/", "logs/../"), Key(KeyFault::Segment)),
        (|p| p.key = "logs/canary".into(), Key(KeyFault::Name)),
        (|p| p.key = "a".repeat(1 << 20), Key(KeyFault::TooLong)),
        (|p| p.key = String::new(), Key(KeyFault::Shape)),
    ];
    for (forge, fault) in forged {
        assert_eq!(check(forge), Err(fault.clone()));
    }
}

#[test]
fn forged_numbers_are_refused() {
    type Forge = fn(&mut Pointer);
    let forged: &[(Forge, &str)] = &[
        (|p| p.range_bytes = 0, "range_bytes"),
        (|p| p.range_bytes = -1, "range_bytes"),
        (|p| p.range_bytes = 1001, "range_bytes"),
        (|p| p.range_bytes = i64::MAX, "range_bytes"),
        (|p| p.range_start_bytes = -1, "range_start_bytes"),
        (|p| p.range_start_bytes = i64::MIN, "range_start_bytes"),
        (|p| p.range_start_bytes = i64::MAX, "range_start_bytes"),
        (|p| p.range_start_bytes = i64::MAX - 999, "range_start_bytes"),
        (|p| p.decoded_bytes = -1, "decoded_bytes"),
        (|p| p.decoded_bytes = 10_001, "decoded_bytes"),
        (|p| p.datapoints = Some(-1), "datapoints"),
        (|p| p.datapoints = Some(101), "datapoints"),
        (|p| p.datapoints = Some(i64::MAX), "datapoints"),
    ];
    for (forge, name) in forged {
        assert_eq!(check(forge), Err(PointerFault::Limit(name)));
    }
}

#[test]
fn digest_and_count_go_together() {
    assert_eq!(check(|p| p.digest = None), Err(PointerFault::Digestless));
    assert_eq!(check(|p| p.datapoints = None), Err(PointerFault::Digestless));
    assert!(check(|p| p.digest = Some(Digest::default())).is_ok(), "the bytes will tell");
}

#[test]
fn forged_selections_are_refused() {
    let n = specimens::pointer().datapoints.unwrap();
    for selection in [
        vec![(0, n + 1)],
        vec![(n, 1)],
        vec![(-1, 1)],
        vec![(0, 0)],
        vec![(0, -1)],
        vec![(5, 1), (3, 1)],
        vec![(0, 3), (2, 3)],
        vec![(0, i64::MAX)],
        vec![(i64::MAX, i64::MAX)],
    ] {
        let forged = check(|p| p.selection = Some(runs::raw(&selection)));
        assert_eq!(forged, Err(PointerFault::Selection), "{selection:?}");
    }
}
