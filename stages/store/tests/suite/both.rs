//! What both stores promise: one suite, run on a directory and on S3.

use crate::fixture::{BUCKET, body, key, put};
use bytes::Bytes;
use cordon_records::Digest;
use cordon_store::{CanaryKey, GetError, PutError, Store};

macro_rules! suite {
    ($($case:ident,)*) => {
        mod directory {
            $(#[tokio::test]
            async fn $case() {
                let (store, _root) = crate::fixture::directory_store();
                super::$case(&store).await;
            })*
        }

        mod s3 {
            $(#[tokio::test]
            async fn $case() {
                let s3 = crate::fixture::S3Fixture::start();
                super::$case(&s3.store(crate::fixture::STAGE)).await;
            })*
        }
    };
}

suite! {
    a_range_comes_back_as_it_was_put,
    a_large_object_comes_back,
    an_empty_object_can_be_put,
    wrong_bytes_are_never_returned,
    bytes_without_their_digest_are_not_stored,
    an_object_is_written_once,
    one_of_many_writers_wins,
    a_range_beyond_the_object_is_truncated,
    an_empty_range_is_refused,
    a_missing_object_is_missing_or_denied,
    a_whole_object_is_bounded_and_verified,
    a_canary_tells_missing_from_denied,
    a_bucket_that_is_a_path_is_refused,
}

async fn a_range_comes_back_as_it_was_put(store: &Store) {
    let object = body(100_000);
    put(store, 1, &object).await;
    for (start, len) in [(0, 100_000), (0, 1), (99_999, 1), (1_000, 64 * 1024)] {
        let expected = object.slice(start..start + len);
        let range = (start as u64, len as u64);
        let got = store.get(BUCKET, &key(1), range.0, range.1, Digest::of(&expected)).await;
        assert_eq!(got.unwrap(), expected, "{range:?}");
    }
}

async fn a_large_object_comes_back(store: &Store) {
    let object = body(16 << 20);
    let digest = put(store, 1, &object).await;
    let got = store.get(BUCKET, &key(1), 0, object.len() as u64, digest).await.unwrap();
    assert!(got == object);
}

async fn an_empty_object_can_be_put(store: &Store) {
    put(store, 1, &Bytes::new()).await;
    assert_eq!(store.get_whole(BUCKET, &key(1), 0).await.unwrap(), Bytes::new());
}

async fn wrong_bytes_are_never_returned(store: &Store) {
    let object = body(1_000);
    put(store, 1, &object).await;
    let expected = Digest::of(b"other bytes");
    let got = store.get(BUCKET, &key(1), 10, 20, expected).await;
    assert_eq!(got, Err(GetError::Digest { expected, found: Digest::of(&object[10..30]) }));
}

async fn bytes_without_their_digest_are_not_stored(store: &Store) {
    let wrong = Digest::of(b"other bytes");
    let stored = store.put(BUCKET, &key(1), body(1_000), wrong).await;
    assert_eq!(stored, Err(PutError::Digest));
    assert_eq!(store.get(BUCKET, &key(1), 0, 1, wrong).await, Err(GetError::MissingOrDenied));
}

async fn an_object_is_written_once(store: &Store) {
    let first = body(1_000);
    let digest = put(store, 1, &first).await;
    let other = Bytes::from_static(b"other bytes");
    let stored = store.put(BUCKET, &key(1), other.clone(), Digest::of(&other)).await;
    assert_eq!(stored, Err(PutError::Conflict));
    assert_eq!(store.get(BUCKET, &key(1), 0, 1_000, digest).await.unwrap(), first);
    // This principal can see that what lies there is what it wanted to put.
    assert_eq!(store.put(BUCKET, &key(1), first, digest).await, Ok(()));
}

async fn one_of_many_writers_wins(store: &Store) {
    for round in 0..10 {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..8u8 {
            let store = store.clone();
            writers.spawn(async move {
                let body = Bytes::from(vec![writer; 10_000]);
                let digest = Digest::of(&body);
                store.put(BUCKET, &key(round), body, digest).await.map(|()| digest)
            });
        }
        let ends = writers.join_all().await;
        let (winners, losers): (Vec<_>, Vec<_>) = ends.into_iter().partition(Result::is_ok);
        assert_eq!(winners.len(), 1, "round {round}");
        assert!(losers.iter().all(|end| *end == Err(PutError::Conflict)), "{losers:?}");
        let digest = winners[0].clone().unwrap();
        let got = store.get(BUCKET, &key(round), 0, 10_000, digest).await;
        assert!(got.is_ok(), "the object is the winner's: {got:?}");
        let whole = store.get_whole(BUCKET, &key(round), 10_000).await;
        assert!(whole.is_ok(), "and so is its checksum: {whole:?}");
    }
}

async fn a_range_beyond_the_object_is_truncated(store: &Store) {
    let object = body(1_000);
    let digest = put(store, 1, &object).await;
    for (start, range_bytes, found_bytes) in
        [(0, 1_001, 1_000), (990, 20, 10), (1_000, 10, 0), (5_000, 10, 0), (u64::MAX, 10, 0)]
    {
        let got = store.get(BUCKET, &key(1), start, range_bytes, digest).await;
        assert_eq!(got, Err(GetError::Truncated { range_bytes, found_bytes }), "from {start}");
    }
}

async fn an_empty_range_is_refused(store: &Store) {
    put(store, 1, &body(1_000)).await;
    let got = store.get(BUCKET, &key(1), 10, 0, Digest::of(b"")).await;
    assert_eq!(got, Err(GetError::Truncated { range_bytes: 0, found_bytes: 0 }));
}

async fn a_missing_object_is_missing_or_denied(store: &Store) {
    let digest = Digest::of(b"");
    assert_eq!(store.get(BUCKET, &key(1), 0, 1, digest).await, Err(GetError::MissingOrDenied));
    assert_eq!(store.get_whole(BUCKET, &key(1), 10).await, Err(GetError::MissingOrDenied));
}

async fn a_whole_object_is_bounded_and_verified(store: &Store) {
    let object = body(1_000);
    put(store, 1, &object).await;
    assert_eq!(store.get_whole(BUCKET, &key(1), 1_000).await.unwrap(), object);
    let too_large = GetError::TooLarge { size_bytes: 1_000, size_bytes_max: 999 };
    assert_eq!(store.get_whole(BUCKET, &key(1), 999).await, Err(too_large));
}

async fn a_canary_tells_missing_from_denied(store: &Store) {
    let canary = CanaryKey::of("logs").unwrap();
    assert_eq!(store.get_canary(BUCKET, &canary).await, Err(GetError::MissingOrDenied));
    assert_eq!(store.put_canary(BUCKET, &canary).await, Ok(()));
    assert_eq!(store.put_canary(BUCKET, &canary).await, Ok(()), "a second time");
    assert_eq!(store.get_canary(BUCKET, &canary).await, Ok(()));
}

async fn a_bucket_that_is_a_path_is_refused(store: &Store) {
    for bucket in ["..", "../payloads", "payloads/..", "/tmp", ".incoming", "a/b"] {
        let stored = store.put(bucket, &key(1), body(10), Digest::of(&body(10))).await;
        assert!(matches!(stored, Err(PutError::Refused(_))), "{bucket:?}: {stored:?}");
        let got = store.get(bucket, &key(1), 0, 10, Digest::of(&body(10))).await;
        assert!(
            matches!(got, Err(GetError::Refused(_) | GetError::MissingOrDenied)),
            "{bucket:?}: {got:?}"
        );
    }
}
