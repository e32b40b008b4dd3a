//! What an S3 error means to a courier. Codes: AWS, "Amazon S3 API Reference", Error responses.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::{GetError, PutError};

/// What kind of answer a status and a code are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// No such object, or no permission for this one.
    MissingOrDenied,
    /// The key of a conditional put is taken.
    Taken,
    /// The object ends before the range begins.
    Range,
    /// May pass by itself.
    Passing,
    /// Will not.
    Lasting,
}

fn kind(status: u16, code: Option<&str>) -> Kind {
    match (status, code.unwrap_or_default()) {
        // Our identity or our view of the bucket is wrong, whatever the status: not one object's
        // fault, so that no object must be called missing for it.
        (
            _,
            "NoSuchBucket"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "NotSignedUp"
            | "ExpiredToken"
            | "InvalidToken"
            | "AccountProblem"
            | "AllAccessDisabled"
            | "AuthorizationHeaderMalformed",
        ) => Kind::Lasting,
        // Clocks, and bytes damaged or cut off on the way: what we sent was right.
        (
            _,
            "RequestTimeTooSkewed"
            | "RequestTimeout"
            | "BadDigest"
            | "XAmzContentSHA256Mismatch"
            | "XAmzContentChecksumMismatch"
            | "IncompleteBody"
            | "SlowDown"
            | "Throttling",
        ) => Kind::Passing,
        (403 | 404, _) => Kind::MissingOrDenied,
        (412, _) => Kind::Taken,
        (416, _) => Kind::Range,
        // Two conditional puts at once (409): one of them wins, so ask again.
        (408 | 409 | 425 | 429 | 500 | 502.., _) => Kind::Passing,
        _ => Kind::Lasting,
    }
}

/// What a person can do about an answer, where its code does not say so by itself.
fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "NoSuchBucket" => "make the bucket, or name another one in the topology",
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "NotSignedUp"
        | "ExpiredToken"
        | "InvalidToken" => "look at the credentials file",
        "AuthorizationHeaderMalformed" | "PermanentRedirect" => "look at the region",
        "RequestTimeTooSkewed" => "look at this machine's clock",
        _ => return None,
    })
}

/// The kind of any failure of a call, and its words.
fn explain<E>(error: &SdkError<E>) -> (Kind, String)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let (code, message) = (service.err().code(), service.err().message());
            let advice = code.and_then(advice).map(|advice| format!("; {advice}"));
            let words = format!(
                "HTTP {status} {}{}{}",
                code.unwrap_or("without a code"),
                message.map(|message| format!(": {message}")).unwrap_or_default(),
                advice.unwrap_or_default()
            );
            (kind(status, code), words)
        }
        // A request that could not even be built.
        SdkError::ConstructionFailure(_) => (Kind::Lasting, with_causes(error)),
        // No connection, no answer, or one that is not HTTP.
        _ => (Kind::Passing, with_causes(error)),
    }
}

/// An error with all its causes: the outermost only says that a request failed.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
}

pub(super) fn put_error<E>(error: &SdkError<E>) -> PutError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match explain(error) {
        (Kind::Taken, _) => PutError::Conflict,
        (Kind::Passing, words) => PutError::Unavailable(words),
        (Kind::MissingOrDenied, words) => {
            PutError::Refused(format!("{words}; allow s3:PutObject on the prefix of this key"))
        }
        (Kind::Range | Kind::Lasting, words) => PutError::Refused(words),
    }
}

/// `range_bytes` is how much was asked for.
pub(super) fn get_error<E>(error: &SdkError<E>, range_bytes: u64) -> GetError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match explain(error) {
        (Kind::MissingOrDenied, _) => GetError::MissingOrDenied,
        (Kind::Range, _) => GetError::Truncated { range_bytes, found_bytes: 0 },
        (Kind::Passing, words) => GetError::Unavailable(words),
        (Kind::Taken | Kind::Lasting, words) => GetError::Refused(words),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind::*, *};

    #[test]
    fn every_answer_has_its_kind() {
        for (status, code, expected) in [
            (404, "NoSuchKey", MissingOrDenied),
            (404, "", MissingOrDenied),
            (403, "AccessDenied", MissingOrDenied),
            (403, "", MissingOrDenied),
            (404, "NoSuchBucket", Lasting),
            (403, "InvalidAccessKeyId", Lasting),
            (403, "SignatureDoesNotMatch", Lasting),
            (400, "ExpiredToken", Lasting),
            (400, "InvalidArgument", Lasting),
            (301, "PermanentRedirect", Lasting),
            (501, "NotImplemented", Lasting),
            (412, "PreconditionFailed", Taken),
            (409, "ConditionalRequestConflict", Passing),
            (416, "InvalidRange", Range),
            (400, "BadDigest", Passing),
            (400, "RequestTimeout", Passing),
            (403, "RequestTimeTooSkewed", Passing),
            (429, "", Passing),
            (500, "InternalError", Passing),
            (503, "SlowDown", Passing),
            (504, "", Passing),
        ] {
            let code = Some(code).filter(|code| !code.is_empty());
            assert_eq!(kind(status, code), expected, "{status} {code:?}");
        }
    }
}
