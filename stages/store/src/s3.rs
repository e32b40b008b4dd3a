//! S3, or anything that speaks its API.

mod body;
mod credentials;
mod fault;
mod settings;

use std::{fmt, sync::Arc};

use aws_sdk_s3::{
    Client,
    config::{RequestChecksumCalculation, ResponseChecksumValidation},
    operation::get_object::GetObjectOutput,
    primitives::ByteStream,
    types::ChecksumMode,
};
use bytes::Bytes;
use cordon_records::Digest;

use crate::{
    GetError, PutError, RetryPolicy,
    range::ByteRange,
    requests::{Meter, Requests},
};

pub use credentials::{Credentials, CredentialsFault};
pub use settings::{S3Settings, SettingsFault};

/// A client for one principal. Clones share its connections.
#[derive(Clone)]
pub struct S3Store {
    client: Client,
    retry: RetryPolicy,
    /// Where it looks, for messages.
    place: Arc<str>,
    meter: Arc<Meter>,
}

impl S3Store {
    /// Makes a client. Nothing is sent before the first call.
    pub fn new(settings: &S3Settings) -> Result<Self, SettingsFault> {
        let config = settings
            .sdk_config()?
            // Every request carries our SHA-256 or no body; the SDK would add a CRC-32.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            // Every body is verified here, by digest; the SDK would report damage as a broken
            // connection.
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Ok(Self {
            client: Client::from_conf(config),
            retry: settings.retry,
            place: settings.place().into(),
            meter: Arc::default(),
        })
    }

    pub(crate) fn counted(&self) -> Self {
        Self { meter: Arc::default(), ..self.clone() }
    }

    pub(crate) fn requests(&self) -> Requests {
        self.meter.read()
    }

    pub(crate) async fn put(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        digest: Digest,
    ) -> Result<(), PutError> {
        // Checked here, so that a server's `BadDigest` can only mean damage on the way.
        if Digest::of(&body) != digest {
            return Err(PutError::Digest);
        }
        let put = self.retry.run(async || self.put_once(bucket, key, body.clone(), digest).await);
        match put.await {
            // Most likely an earlier attempt of ours whose answer was lost.
            Err(PutError::Conflict) if self.holds(bucket, key, digest).await => Ok(()),
            put => put.map_err(|error| error.at(&self.place)),
        }
    }

    async fn put_once(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        digest: Digest,
    ) -> Result<(), PutError> {
        self.meter.put(body.len());
        self.client
            .put_object()
            .bucket(bucket)
            .key(key)
            .if_none_match("*")
            .checksum_sha256(base64(digest))
            .body(ByteStream::from(body))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| fault::put_error(&error))
    }

    /// Whether the object under `key` is known to have this digest. A stage may not read its own
    /// output, so that the usual answer to a stage is "not known": it draws another key.
    async fn holds(&self, bucket: &str, key: &str, digest: Digest) -> bool {
        self.meter.get();
        let head =
            self.client.head_object().bucket(bucket).key(key).checksum_mode(ChecksumMode::Enabled);
        match tokio::time::timeout(self.retry.attempt_timeout, head.send()).await {
            Ok(Ok(head)) => head.checksum_sha256() == Some(base64(digest).as_str()),
            Ok(Err(_)) | Err(_) => false,
        }
    }

    pub(crate) async fn get(
        &self,
        bucket: &str,
        key: &str,
        range: ByteRange,
    ) -> Result<Bytes, GetError> {
        let got = self.retry.run(async || self.get_once(bucket, key, range).await).await;
        got.map_err(|error| error.at(&self.place))
    }

    async fn get_once(&self, bucket: &str, key: &str, range: ByteRange) -> Result<Bytes, GetError> {
        self.meter.get();
        let answer = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .range(range.header())
            .send()
            .await
            .map_err(|error| fault::get_error(&error, range.bytes))?;
        range.check_answer(answer.content_range(), content_bytes(&answer))?;
        let bytes = body::collect(answer.body, range.bytes).await?;
        self.meter.got(bytes.len());
        Ok(bytes)
    }

    /// The object and its stored checksum, not yet compared.
    pub(crate) async fn get_whole(
        &self,
        bucket: &str,
        key: &str,
        size_bytes_max: u64,
    ) -> Result<(Bytes, Digest), GetError> {
        let got = self.retry.run(async || self.get_whole_once(bucket, key, size_bytes_max).await);
        got.await.map_err(|error| error.at(&self.place))
    }

    async fn get_whole_once(
        &self,
        bucket: &str,
        key: &str,
        size_bytes_max: u64,
    ) -> Result<(Bytes, Digest), GetError> {
        self.meter.get();
        let answer = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .customize()
            // The input's own `checksum_mode` would also switch on the SDK's validation.
            .mutate_request(|request| {
                request.headers_mut().insert("x-amz-checksum-mode", "ENABLED");
            })
            .send()
            .await
            .map_err(|error| fault::get_error(&error, size_bytes_max))?;
        let size_bytes = content_bytes(&answer)
            .ok_or_else(|| GetError::Unavailable("the answer names no length".to_owned()))?;
        if size_bytes > size_bytes_max {
            return Err(GetError::TooLarge { size_bytes, size_bytes_max });
        }
        let stored = answer.checksum_sha256().and_then(from_base64);
        let stored = stored.ok_or(GetError::Unverifiable)?;
        let bytes = body::collect(answer.body, size_bytes).await?;
        self.meter.got(bytes.len());
        Ok((bytes, stored))
    }
}

impl fmt::Debug for S3Store {
    /// The client's own `Debug` is long, and one step away from credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store").field("retry", &self.retry).finish_non_exhaustive()
    }
}

fn content_bytes(answer: &GetObjectOutput) -> Option<u64> {
    answer.content_length().and_then(|bytes| u64::try_from(bytes).ok())
}

/// A digest as S3 spells checksums.
fn base64(digest: Digest) -> String {
    aws_smithy_types::base64::encode(digest.0)
}

/// `None` for the checksum of checksums that a multipart upload leaves (`<base64>-<parts>`).
fn from_base64(checksum: &str) -> Option<Digest> {
    let bytes = aws_smithy_types::base64::decode(checksum).ok()?;
    bytes.try_into().ok().map(Digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_a_digest_in_base64() {
        let empty = Digest::of(b"");
        let checksum = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(base64(empty), checksum);
        assert_eq!(from_base64(checksum), Some(empty));
        assert_eq!(from_base64(&format!("{checksum}-3")), None, "of a multipart upload");
        assert_eq!(from_base64("AAAA"), None);
    }
}
