//! cordon-tests

pub use cordon_test_s3 as s3;
