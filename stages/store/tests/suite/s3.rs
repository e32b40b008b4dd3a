//! What only S3 does: principals, and the faults of networks and servers.

use std::time::Duration;

use crate::fixture::{
    BUCKET, S3Fixture, STAGE, STRANGER, WRITER, body, key, put, s3_store, settings,
};
use cordon_records::Digest;
use cordon_store::{CanaryKey, GetError, PutError, RetryPolicy, S3Settings, S3Store, Store};
use cordon_test_s3::{Fault, FaultProxy};

const SLOW_DOWN: Fault = Fault::Answer(503, "SlowDown");
const INTERNAL_ERROR: Fault = Fault::Answer(500, "InternalError");

/// A client behind a proxy with a script.
fn behind(s3: &S3Fixture, principal: &str, script: &[Fault]) -> (Store, FaultProxy) {
    let proxy = FaultProxy::start(s3.server.endpoint(), script.iter().copied()).unwrap();
    (s3_store(proxy.endpoint(), principal), proxy)
}

#[tokio::test]
async fn what_a_policy_does_not_name_is_denied() {
    let s3 = S3Fixture::start();
    let object = body(1_000);
    let digest = put(&s3.store(STAGE), 1, &object).await;
    for principal in [WRITER, STRANGER] {
        let got = s3.store(principal).get(BUCKET, &key(1), 0, 1_000, digest).await;
        assert_eq!(got, Err(GetError::MissingOrDenied), "{principal}");
    }
    let stored = s3.store(STRANGER).put(BUCKET, &key(2), object, digest).await;
    let Err(PutError::Refused(why)) = stored else { panic!("{stored:?}") };
    let told = "HTTP 403 AccessDenied; allow s3:PutObject on the prefix of this key";
    assert_eq!(why, format!("{}: {told}", s3.server.endpoint()));
    let denied = s3.server.requests().denied;
    assert_eq!(denied["stranger PutObject"], 1);
    assert_eq!(denied["stranger GetObject"], 1);
}

#[tokio::test]
async fn a_canary_is_denied_with_its_prefix() {
    let s3 = S3Fixture::start();
    let canary = CanaryKey::of("logs").unwrap();
    s3.store(WRITER).put_canary(BUCKET, &canary).await.unwrap();
    assert_eq!(s3.store(STAGE).get_canary(BUCKET, &canary).await, Ok(()));
    let denied = s3.store(STRANGER).get_canary(BUCKET, &canary).await;
    assert_eq!(denied, Err(GetError::MissingOrDenied));
}

#[tokio::test]
async fn wrong_credentials_are_no_missing_object() {
    let s3 = S3Fixture::start();
    let endpoint = s3.server.endpoint();
    for (access_key_id, secret) in [(STAGE, "wrong"), ("nobody", "nobody-secret")] {
        let settings = settings(endpoint, access_key_id, secret);
        let store = Store::S3(S3Store::new(&settings).unwrap());
        let got = store.get(BUCKET, &key(1), 0, 1, Digest::of(b"")).await;
        let Err(GetError::Refused(why)) = got else { panic!("{access_key_id}: {got:?}") };
        assert!(why.ends_with("; look at the credentials file"), "{why}");
    }
}

#[tokio::test]
async fn a_missing_bucket_is_no_missing_object() {
    let s3 = S3Fixture::start();
    let store = s3.store(STAGE);
    let got = store.get("nowhere", &key(1), 0, 1, Digest::of(b"")).await;
    let Err(GetError::Refused(why)) = got else { panic!("{got:?}") };
    assert!(why.contains("NoSuchBucket; make the bucket, or name another"), "{why}");
    let stored = store.put("nowhere", &key(1), body(1), Digest::of(&body(1))).await;
    assert!(matches!(&stored, Err(PutError::Refused(why)) if why.contains("NoSuchBucket")));
}

#[tokio::test]
async fn an_absent_server_is_unavailable() {
    let endpoint = S3Fixture::start().server.endpoint().to_owned();
    let got = s3_store(&endpoint, STAGE).get(BUCKET, &key(1), 0, 1, Digest::of(b"")).await;
    let Err(GetError::Unavailable(why)) = got else { panic!("{got:?}") };
    assert!(why.starts_with(&format!("{endpoint}: ")), "{why}");
    assert!(why.ends_with(": Connection refused (os error 111)"), "{why}");
}

#[tokio::test]
async fn a_get_rides_out_what_passes() {
    let s3 = S3Fixture::start();
    let object = body(100_000);
    let digest = put(&s3.store(STAGE), 1, &object).await;
    for fault in [SLOW_DOWN, INTERNAL_ERROR, Fault::LoseAnswer, Fault::CutBody] {
        let (store, proxy) = behind(&s3, STAGE, &[fault; 3]);
        let got = store.get(BUCKET, &key(1), 0, 100_000, digest).await;
        assert_eq!(got.unwrap(), object, "{fault:?}");
        assert_eq!(proxy.pending(), [], "{fault:?}: each attempt met its fault");
        proxy.inject([fault; 3]);
        assert_eq!(store.get_whole(BUCKET, &key(1), 100_000).await.unwrap(), object, "{fault:?}");
        assert_eq!(proxy.pending(), [], "{fault:?}: each attempt met its fault");
    }
}

#[tokio::test]
async fn a_get_gives_up_after_its_last_attempt() {
    let s3 = S3Fixture::start();
    let digest = put(&s3.store(STAGE), 1, &body(1_000)).await;
    for fault in [SLOW_DOWN, INTERNAL_ERROR, Fault::LoseAnswer, Fault::CutBody] {
        let (store, proxy) = behind(&s3, STAGE, &[fault; 5]);
        let got = store.get(BUCKET, &key(1), 0, 1_000, digest).await;
        assert!(matches!(got, Err(GetError::Unavailable(_))), "{fault:?}: {got:?}");
        assert_eq!(proxy.pending().len(), 1, "{fault:?}: four attempts, not five");
    }
}

#[tokio::test]
async fn an_attempt_without_an_answer_is_given_up() {
    let s3 = S3Fixture::start();
    let object = body(1_000);
    let digest = put(&s3.store(STAGE), 1, &object).await;
    let proxy = FaultProxy::start(s3.server.endpoint(), [Fault::Hang, Fault::Hang]).unwrap();
    let patient = settings(proxy.endpoint(), STAGE, "stage-secret");
    let retry = RetryPolicy { attempt_timeout: Duration::from_secs(1), ..patient.retry };
    let store = Store::S3(S3Store::new(&S3Settings { retry, ..patient }).unwrap());
    assert_eq!(store.get(BUCKET, &key(1), 0, 1_000, digest).await.unwrap(), object);
    assert_eq!(proxy.pending(), []);
}

#[tokio::test]
async fn damage_on_the_way_is_told_from_absence() {
    let s3 = S3Fixture::start();
    let object = body(1_000);
    let expected = put(&s3.store(STAGE), 1, &object).await;
    let (store, _proxy) = behind(&s3, STAGE, &[Fault::FlipAnswerBit, Fault::FlipAnswerBit]);
    let got = store.get(BUCKET, &key(1), 0, 1_000, expected).await;
    assert!(matches!(got, Err(GetError::Digest { .. })), "{got:?}");
    let got = store.get_whole(BUCKET, &key(1), 1_000).await;
    assert!(matches!(got, Err(GetError::Digest { .. })), "{got:?}");
}

#[tokio::test]
async fn a_put_rides_out_what_passes() {
    let s3 = S3Fixture::start();
    let object = body(100_000);
    for (n, fault) in [(1, SLOW_DOWN), (2, INTERNAL_ERROR)] {
        let (store, proxy) = behind(&s3, WRITER, &[fault; 3]);
        let digest = put(&store, n, &object).await;
        assert_eq!(proxy.pending(), []);
        let got = s3.store(STAGE).get(BUCKET, &key(n), 0, 100_000, digest).await;
        assert_eq!(got.unwrap(), object);
    }
}

#[tokio::test]
async fn a_put_whose_answer_was_lost_succeeds_for_whoever_can_read_it() {
    let s3 = S3Fixture::start();
    let (store, proxy) = behind(&s3, STAGE, &[Fault::LoseAnswer]);
    put(&store, 1, &body(1_000)).await;
    assert_eq!(proxy.pending(), []);
    assert_eq!(s3.server.requests().allowed["HeadObject"], 1, "it looked");
}

#[tokio::test]
async fn a_put_whose_answer_was_lost_is_a_conflict_for_whoever_cannot() {
    let s3 = S3Fixture::start();
    let (store, proxy) = behind(&s3, WRITER, &[Fault::LoseAnswer]);
    let object = body(1_000);
    let digest = Digest::of(&object);
    let stored = store.put(BUCKET, &key(1), object.clone(), digest).await;
    assert_eq!(stored, Err(PutError::Conflict));
    assert_eq!(proxy.pending(), []);
    // Another key ends it; the first object is an orphan.
    assert_eq!(store.put(BUCKET, &key(2), object, digest).await, Ok(()));
}

#[tokio::test]
async fn an_upload_that_is_damaged_on_the_way_is_repeated() {
    let s3 = S3Fixture::start();
    let object = body(1_000);
    let (store, proxy) = behind(&s3, WRITER, &[Fault::FlipUploadBit; 2]);
    let digest = put(&store, 1, &object).await;
    assert_eq!(proxy.pending(), []);
    assert_eq!(s3.store(STAGE).get(BUCKET, &key(1), 0, 1_000, digest).await.unwrap(), object);
}

#[tokio::test]
async fn an_upload_that_stays_damaged_leaves_nothing() {
    let s3 = S3Fixture::start();
    let (store, _proxy) = behind(&s3, WRITER, &[Fault::FlipUploadBit; 4]);
    let stored = store.put(BUCKET, &key(1), body(1_000), Digest::of(&body(1_000))).await;
    assert!(matches!(stored, Err(PutError::Unavailable(_))), "{stored:?}");
    assert_eq!(std::fs::read_dir(s3.objects.path().join(BUCKET)).unwrap().count(), 0);
}

#[tokio::test]
async fn a_request_carries_our_checksum_and_no_other() {
    let s3 = S3Fixture::start();
    let digest = put(&s3.store(WRITER), 1, &body(1_000)).await;
    let internal = std::fs::read_dir(s3.objects.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with(".internal.json"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .expect("the server keeps what it was sent");
    assert!(internal.contains("sha256"), "{internal} holds {digest}");
    assert!(!internal.contains("crc"), "{internal}");
}
