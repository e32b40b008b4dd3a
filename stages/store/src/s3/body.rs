//! Reading an answer's body, no further than it was promised.

use aws_sdk_s3::{error::DisplayErrorContext, primitives::ByteStream};
use bytes::{Bytes, BytesMut};

use crate::GetError;

/// All of a body that must have exactly `body_bytes` bytes.
pub(super) async fn collect(mut body: ByteStream, body_bytes: u64) -> Result<Bytes, GetError> {
    let capacity = usize::try_from(body_bytes)
        .map_err(|_| GetError::Refused("the range does not fit into memory".to_owned()))?;
    let mut content = BytesMut::with_capacity(capacity);
    while let Some(chunk) = body.try_next().await.map_err(|error| broken_off(&error))? {
        if chunk.len() > capacity - content.len() {
            return Err(GetError::Unavailable("the body is longer than its head said".to_owned()));
        }
        content.extend_from_slice(&chunk);
    }
    if content.len() < capacity {
        return Err(GetError::Unavailable("the body is shorter than its head said".to_owned()));
    }
    Ok(content.freeze())
}

fn broken_off(error: &aws_sdk_s3::primitives::ByteStreamError) -> GetError {
    GetError::Unavailable(format!("the body broke off: {}", DisplayErrorContext(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_has_exactly_the_bytes_its_head_said() {
        let body = || ByteStream::from_static(b"0123456789");
        assert_eq!(collect(body(), 10).await.unwrap(), "0123456789");
        for odd in [0, 9, 11] {
            assert!(matches!(collect(body(), odd).await, Err(GetError::Unavailable(_))), "{odd}");
        }
    }
}
