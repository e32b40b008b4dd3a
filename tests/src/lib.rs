//! What tests of the whole pipeline share: a world of real servers, and the binary running in it.

mod access;
pub mod audit;
pub mod bench;
pub mod checker;
pub mod diary;
pub mod figures;
pub mod flawed;
pub mod hostile;
pub mod patience;
pub mod ran;
pub mod stage;
pub mod supervisor;
pub mod telemetry;
pub mod world;

pub use cordon_test_s3 as s3;
