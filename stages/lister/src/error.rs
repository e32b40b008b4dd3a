//! Why a page of keys did not come.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use cordon_store::Passing;

/// Why a page of keys did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// It may pass by itself: throttling, a 5xx, a timeout, the network.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It will not pass by itself: denied, no such bucket, wrong credentials or region.
    #[error("the store refuses: {0}")]
    Refused(String),
}

impl Passing for ListError {
    fn passes(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    fn unavailable(detail: String) -> Self {
        Self::Unavailable(detail)
    }
}

impl ListError {
    /// What an error of the SDK means. Codes: AWS, "Amazon S3 API Reference", Error responses.
    pub(crate) fn of<E>(error: &SdkError<E>, bucket: &str) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let Some(response) = error.raw_response() else {
            return Self::Unavailable(words(error));
        };
        let status = response.status().as_u16();
        let code = error.code().unwrap_or_default();
        match (status, code) {
            (_, "SlowDown" | "Throttling" | "RequestTimeout" | "RequestTimeTooSkewed")
            | (408 | 425 | 429 | 500.., _) => Self::Unavailable(format!("{status} {code}")),
            (403, "AccessDenied" | "") => {
                Self::Refused(format!("{status} {code}; allow s3:ListBucket on {bucket}"))
            }
            _ => Self::Refused(format!("{status} {code}")),
        }
    }
}

/// The error with its causes: on their own the SDK's words say little.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
}
