//! Cells: jailed processes that are forked fresh for a batch and thrown away.

mod api;

pub use api::{CellEnd, CellJob, CellLimits, CellResult, CellUsage, DeadlineKind};
