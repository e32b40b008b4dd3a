//! Who may do what: a table, as IAM would have it.

use serde::{Deserialize, Serialize};

/// The whole table; also the file format of the `test-s3` binary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Buckets that are made at start.
    pub buckets: Vec<String>,
    /// Everyone who has an access key.
    pub principals: Vec<Principal>,
}

/// One access key and what it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// The access key id, by which the server knows the principal.
    pub access_key_id: String,
    /// The secret it signs with.
    pub secret_access_key: String,
    /// What it may do; nothing else.
    pub grants: Vec<Grant>,
}

/// A permission on the keys of a bucket that begin with a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The permission.
    pub action: Action,
    /// The bucket.
    pub bucket: String,
    /// Beginning of the keys; empty for all.
    #[serde(default)]
    pub prefix: String,
}

/// A permission, as IAM names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Read an object, or its head.
    GetObject,
    /// Write an object.
    PutObject,
    /// Remove an object.
    DeleteObject,
    /// List keys, and be told that one is missing.
    ListBucket,
    /// Make a bucket.
    CreateBucket,
}

impl Action {
    /// The permission that an operation needs; `None` for one that nobody has.
    pub(crate) fn of_operation(name: &str) -> Option<Self> {
        match name {
            "GetObject" | "HeadObject" => Some(Self::GetObject),
            "PutObject" => Some(Self::PutObject),
            "DeleteObject" => Some(Self::DeleteObject),
            "ListObjectsV2" | "HeadBucket" => Some(Self::ListBucket),
            "CreateBucket" => Some(Self::CreateBucket),
            _ => None,
        }
    }
}

impl Policy {
    /// Gives a principal one more permission; a convenience for tables written in code.
    #[must_use]
    pub fn grant(
        mut self,
        access_key_id: &str,
        action: Action,
        bucket: &str,
        prefix: &str,
    ) -> Self {
        let grant = Grant { action, bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        match self.principals.iter_mut().find(|p| p.access_key_id == access_key_id) {
            Some(principal) => principal.grants.push(grant),
            None => self.principals.push(Principal {
                access_key_id: access_key_id.to_owned(),
                secret_access_key: format!("{access_key_id}-secret"),
                grants: vec![grant],
            }),
        }
        self
    }

    /// Whether a principal may do this to this key.
    pub(crate) fn allows(
        &self,
        access_key_id: &str,
        action: Action,
        bucket: &str,
        key: &str,
    ) -> bool {
        self.grants(access_key_id).any(|grant| {
            grant.action == action && grant.bucket == bucket && key.starts_with(&grant.prefix)
        })
    }

    /// Whether a principal may do this to any key of the bucket.
    pub(crate) fn allows_some(&self, access_key_id: &str, action: Action, bucket: &str) -> bool {
        self.grants(access_key_id).any(|grant| grant.action == action && grant.bucket == bucket)
    }

    fn grants<'a>(&'a self, access_key_id: &'a str) -> impl Iterator<Item = &'a Grant> {
        self.principals
            .iter()
            .filter(move |principal| principal.access_key_id == access_key_id)
            .flat_map(|principal| &principal.grants)
    }
}
