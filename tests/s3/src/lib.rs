//! An S3 server for tests: real HTTP, real signatures, files below a directory.
//!
//! The key idea: what a stage may do to objects is half of what isolates it, so the tests' S3
//! must refuse as S3 does. Each principal has its own access key and [`Grant`]s; whatever they do
//! not name is `AccessDenied`, and a missing object is 403 to whoever may not list, as on AWS.
//!
//! Built on `s3s` and `s3s-fs`, whose holes are closed here: `If-None-Match` is atomic, keys
//! cannot leave their bucket, a bucket must exist, and an upload that does not match its checksum
//! leaves nothing behind.
//!
//! Restrictions: one server per directory; keys up to 180 bytes, because `s3s-fs` makes a file
//! name of bucket and key in base64. [`FaultProxy`] stands before it, or before AWS, and breaks
//! requests as it is told.

mod access;
mod faults;
mod objects;
mod policy;
mod requests;
mod server;

pub use faults::{Fault, FaultProxy};
pub use policy::{Action, Grant, Policy, Principal};
pub use requests::Requests;
pub use server::TestS3;
