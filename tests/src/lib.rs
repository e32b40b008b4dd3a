//! cordon-tests

pub mod bench;

pub use cordon_test_s3 as s3;
