//! The stores at work: a directory, and S3 over HTTP with signatures and policies.

mod both;
mod directory;
mod fixture;
mod s3;
