//! What tests of the whole pipeline share: a world of real servers, and the binary running in it.

pub mod bench;
pub mod diary;
pub mod hostile;
pub mod patience;
pub mod ran;
pub mod stage;
pub mod world;

pub use cordon_test_s3 as s3;
