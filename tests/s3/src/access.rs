//! Whether a request may go on; asked before its input is read.

use std::{path::PathBuf, sync::Arc};

use s3s::{
    S3Request, S3Result,
    access::{S3Access, S3AccessContext},
    dto::ListObjectsV2Input,
    path::S3Path,
    s3_error,
};

use crate::{Action, Policy, requests::Counter};

pub(crate) struct Access {
    pub(crate) root: PathBuf,
    pub(crate) policy: Arc<Policy>,
    pub(crate) requests: Counter,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let principal = context.credentials().map_or("", |c| c.access_key.as_str());
        let operation = context.s3_op().name();
        let action = Action::of_operation(operation);
        if let Some(bucket) = context.s3_path().get_bucket_name()
            && action != Some(Action::CreateBucket)
            && !self.root.join(bucket).is_dir()
        {
            return Err(s3_error!(NoSuchBucket));
        }
        let allowed =
            action.is_some_and(|action| self.allows(principal, action, context.s3_path()));
        if !allowed {
            self.requests.denied(principal, operation);
            return Err(s3_error!(AccessDenied));
        }
        self.requests.allowed(principal, operation, context.s3_path().as_object());
        Ok(())
    }

    /// A listing's prefix is known only here.
    async fn list_objects_v2(&self, request: &mut S3Request<ListObjectsV2Input>) -> S3Result<()> {
        let principal = request.credentials.as_ref().map_or("", |c| c.access_key.as_str());
        let input = &request.input;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        if self.policy.allows(principal, Action::ListBucket, &input.bucket, prefix) {
            Ok(())
        } else {
            self.requests.denied(principal, "ListObjectsV2");
            Err(s3_error!(AccessDenied))
        }
    }
}

impl Access {
    fn allows(&self, principal: &str, action: Action, path: &S3Path) -> bool {
        match path {
            S3Path::Root => false,
            S3Path::Bucket { bucket } => self.policy.allows_some(principal, action, bucket),
            // A path trick is nobody's prefix: `logs/../dead/x` is not a key of `logs/`.
            S3Path::Object { key, .. } if !stays_inside(key) => false,
            S3Path::Object { bucket, key } => self.policy.allows(principal, action, bucket, key),
        }
    }
}

/// Whether a key means the same to S3, where it is one name, and to a file system.
fn stays_inside(key: &str) -> bool {
    key.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_tricks_are_no_keys() {
        assert!(stays_inside("logs/shard-1/1-x") && stays_inside("logs/..x"));
        for key in ["../x", "logs/../dead/x", "logs//x", "/logs", "logs/", "logs/./x", ""] {
            assert!(!stays_inside(key), "{key:?}");
        }
    }
}
