//! Both stores, ready to be used.

use std::time::Duration;

use bytes::Bytes;
use cordon_records::{Digest, ObjectKey};
use cordon_store::{Credentials, DirectoryStore, RetryPolicy, S3Settings, S3Store, Store};
use cordon_test_s3::{Action, Policy, TestS3};

/// The bucket that exists.
pub(crate) const BUCKET: &str = "payloads";

/// May read, write, and not list.
pub(crate) const STAGE: &str = "stage";
/// May only write: what a stage may do to its output.
pub(crate) const WRITER: &str = "writer";
/// May read another prefix than the one the tests use.
pub(crate) const STRANGER: &str = "stranger";

/// An S3 server with the principals above, on objects of its own.
pub(crate) struct S3Fixture {
    pub(crate) server: TestS3,
    pub(crate) objects: tempfile::TempDir,
}

impl S3Fixture {
    pub(crate) fn start() -> Self {
        let objects = tempfile::tempdir().unwrap();
        let policy = Policy { buckets: vec![BUCKET.to_owned()], ..Policy::default() }
            .grant(STAGE, Action::GetObject, BUCKET, "logs/")
            .grant(STAGE, Action::PutObject, BUCKET, "logs/")
            .grant(WRITER, Action::PutObject, BUCKET, "logs/")
            .grant(STRANGER, Action::GetObject, BUCKET, "merged/");
        let server = TestS3::start(objects.path(), policy).unwrap();
        Self { server, objects }
    }

    pub(crate) fn store(&self, principal: &str) -> Store {
        s3_store(self.server.endpoint(), principal)
    }
}

/// A client with delays that a test can wait for.
pub(crate) fn s3_store(endpoint: &str, principal: &str) -> Store {
    let secret = format!("{principal}-secret");
    Store::S3(S3Store::new(&settings(endpoint, principal, &secret)).unwrap())
}

pub(crate) fn settings(endpoint: &str, access_key_id: &str, secret: &str) -> S3Settings {
    let file = format!("aws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}\n");
    S3Settings {
        endpoint: Some(endpoint.to_owned()),
        region: "us-east-1".to_owned(),
        path_style: true,
        credentials: Credentials::parse(&file).unwrap(),
        retry: RetryPolicy {
            delay_base: Duration::from_millis(1),
            delay_max: Duration::from_millis(4),
            ..RetryPolicy::default()
        },
    }
}

/// A store in a directory of its own.
pub(crate) fn directory_store() -> (Store, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    (Store::Directory(DirectoryStore::open(root.path()).unwrap()), root)
}

/// The nth key.
pub(crate) fn key(n: u32) -> ObjectKey {
    ObjectKey::parse(&format!("logs/1700000000000-6f1ddc2a-58a4-4f0c-8d5d-{n:012x}")).unwrap()
}

/// Bytes that no compressor or off-by-one can hide in.
pub(crate) fn body(bytes: usize) -> Bytes {
    (0..bytes).map(|i| (i * 31 % 251) as u8).collect()
}

/// Puts a body under the nth key and returns its digest.
pub(crate) async fn put(store: &Store, n: u32, body: &Bytes) -> Digest {
    let digest = Digest::of(body);
    store.put(BUCKET, &key(n), body.clone(), digest).await.unwrap();
    digest
}
