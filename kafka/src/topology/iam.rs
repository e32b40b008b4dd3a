//! What AWS is told: a policy document for each principal, and the bucket's own.
//!
//! A principal's document has no conditions. What holds for everyone alike is the bucket's.

use std::collections::BTreeMap;

use cordon_records::Digest;
use serde::Serialize;

use super::{Ability, Topology};

/// All documents of one topology. Terraform reads them as `cordon topology show --iam` prints them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policies {
    /// SHA-256 of the topology file, so that documents of another one are found out.
    pub topology_sha256: String,
    /// What the bucket refuses, whoever asks.
    pub bucket: Document,
    /// What each principal may do with objects. Those that may nothing are left out.
    pub principals: BTreeMap<String, Document>,
}

/// A policy document, in AWS's own names:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'static str>,
    effect: Effect,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'static str>,
    action: [&'static str; 1],
    resource: Vec<String>,
    /// Operator, key, value.
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<BTreeMap<&'static str, BTreeMap<&'static str, &'static str>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Effect {
    Allow,
    Deny,
}

impl Topology {
    /// All policy documents.
    pub fn policies(&self) -> Policies {
        let Digest(sha256) = self.digest;
        let abilities = self.abilities().into_iter();
        Policies {
            topology_sha256: hex::encode(sha256),
            bucket: bucket_policy(&self.bucket),
            principals: abilities
                .map(|(name, a)| (name, identity_policy(&self.bucket, &a)))
                .collect(),
        }
    }
}

pub(super) fn identity_policy(bucket: &str, ability: &Ability) -> Document {
    let arns = |prefixes: &[String]| prefixes.iter().map(|p| objects(bucket, p)).collect();
    let listed = ability.list.then(|| arn(bucket)).into_iter().collect();
    let grants: [(_, Vec<String>); 3] = [
        ("s3:GetObject", arns(&ability.get)),
        ("s3:PutObject", arns(&ability.put)),
        ("s3:ListBucket", listed),
    ];
    let grants = grants.into_iter().filter(|(_, resources)| !resources.is_empty());
    Document::of(grants.map(|(action, resource)| Statement {
        sid: None,
        effect: Effect::Allow,
        principal: None,
        action: [action],
        resource,
        condition: None,
    }))
}

/// A put without `If-None-Match` could overwrite, and that is also how a multipart upload begins:
/// cordon makes none, so that every object is one put of known bytes.
fn bucket_policy(bucket: &str) -> Document {
    let (bucket, objects) = (arn(bucket), format!("{}/*", arn(bucket)));
    let deny = |sid, action, resource, operator, key, value| Statement {
        sid: Some(sid),
        effect: Effect::Deny,
        principal: Some("*"),
        action: [action],
        resource,
        condition: Some(BTreeMap::from([(operator, BTreeMap::from([(key, value)]))])),
    };
    let everything = vec![bucket, objects.clone()];
    Document::of([
        deny("TlsOnly", "s3:*", everything, "Bool", "aws:SecureTransport", "false"),
        deny("NeverOverwrite", "s3:PutObject", vec![objects], "Null", "s3:if-none-match", "true"),
    ])
}

impl Document {
    fn of(statements: impl IntoIterator<Item = Statement>) -> Self {
        // Of the policy language, not of this document.
        Self { version: "2012-10-17", statement: statements.into_iter().collect() }
    }
}

fn arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

/// The objects below a prefix; a canary is one object, not a prefix.
fn objects(bucket: &str, prefix: &str) -> String {
    let star = if prefix.ends_with("/canary") { "" } else { "/*" };
    format!("{}/{prefix}{star}", arn(bucket))
}
