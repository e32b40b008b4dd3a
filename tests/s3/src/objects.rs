//! `s3s-fs`, with its holes closed.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    sync::Arc,
};

use s3s::{
    Body, S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result,
    checksum::ChecksumHasher,
    dto::{
        CreateBucketInput, CreateBucketOutput, DeleteObjectInput, DeleteObjectOutput,
        GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput,
        HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, PutObjectInput, PutObjectOutput,
        StreamingBlob,
    },
    s3_error,
};
use s3s_fs::FileSystem;

use crate::{Action, Policy};

/// More than any object of a test; S3's own limit for one put is 5 GiB.
const OBJECT_BYTES_MAX: usize = 512 << 20;
/// Puts of different keys seldom wait for each other.
const LOCKS: usize = 256;

pub(crate) struct Objects {
    files: FileSystem,
    policy: Arc<Policy>,
    /// A put looks whether its key is taken and then writes: one lock per key, by hash, makes
    /// that one step.
    locks: Vec<tokio::sync::Mutex<()>>,
}

impl Objects {
    pub(crate) fn new(files: FileSystem, policy: Arc<Policy>) -> Self {
        let locks = (0..LOCKS).map(|_| tokio::sync::Mutex::default()).collect();
        Self { files, policy, locks }
    }

    fn lock_of(&self, bucket: &str, key: &str) -> &tokio::sync::Mutex<()> {
        let mut hasher = DefaultHasher::new();
        (bucket, key).hash(&mut hasher);
        &self.locks[hasher.finish() as usize % self.locks.len()]
    }

    /// Without the permission to list, S3 does not tell "missing" from "denied".
    fn hide_missing<T>(
        &self,
        answer: S3Result<S3Response<T>>,
        principal: &str,
        bucket: &str,
        key: &str,
    ) -> S3Result<S3Response<T>> {
        answer.map_err(|error| {
            let tells = self.policy.allows(principal, Action::ListBucket, bucket, key);
            if error.code().as_str() == "NoSuchKey" && !tells {
                s3_error!(AccessDenied)
            } else {
                error
            }
        })
    }
}

/// Reads the whole body and checks it, because `s3s-fs` would keep an upload that it refuses.
async fn verified_body(input: &mut PutObjectInput) -> S3Result<StreamingBlob> {
    let body = input.body.take().ok_or_else(|| s3_error!(IncompleteBody))?;
    let body = Body::from(body).store_all_limited(OBJECT_BYTES_MAX).await;
    let body = body.map_err(|error| S3Error::with_source(S3ErrorCode::IncompleteBody, error))?;
    if input.checksum_sha256.is_some() {
        let mut hasher = ChecksumHasher { sha256: Some(Default::default()), ..Default::default() };
        hasher.update(&body);
        if hasher.finalize().checksum_sha256 != input.checksum_sha256 {
            return Err(s3_error!(BadDigest, "the SHA-256 you specified did not match"));
        }
    }
    Ok(Body::from(body).into())
}

fn principal<T>(request: &S3Request<T>) -> String {
    request.credentials.as_ref().map_or_else(String::new, |c| c.access_key.clone())
}

#[async_trait::async_trait]
impl S3 for Objects {
    async fn put_object(
        &self,
        mut request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        request.input.body = Some(verified_body(&mut request.input).await?);
        let lock = self.lock_of(&request.input.bucket, &request.input.key);
        let _held = lock.lock().await;
        self.files.put_object(request).await
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let principal = principal(&request);
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        let answer = self.files.get_object(request).await;
        self.hide_missing(answer, &principal, &bucket, &key)
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let principal = principal(&request);
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        let answer = self.files.head_object(request).await;
        self.hide_missing(answer, &principal, &bucket, &key)
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.files.delete_object(request).await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.files.list_objects_v2(request).await
    }

    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        self.files.create_bucket(request).await
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.files.head_bucket(request).await
    }
}
