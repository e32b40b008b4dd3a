//! The body of a cell: drives a stage over the datapoints of a batch.
//!
//! [`run`] decodes each part of a [`Job`](cordon_records::cell::Job), gives every datapoint to
//! the stage, and notes its fate. It works in chunks: the result of a chunk is appended as a
//! [frame](frames), which outlives the cell, before the next is begun. When all datapoints are
//! done, or the time is spent, the merged results are sealed into containers, one or more for
//! each target partition, and a report says what became of every index.
//!
//! If the cell dies, the next one gets the frames and goes on behind them; what the two give
//! together is what one cell would have given. Payload and frames are both hostile: a payload,
//! because anyone may have written it, a frame, because a dead cell had read such a payload.
//!
//! Nothing here knows of processes, memfds or Kafka: whatever leaves goes through [`CellIo`].

mod cell;
mod chunk;
mod extract;
mod fates;
mod fault;
pub mod frames;
mod intake;
mod io;
mod job;
mod render;
mod run;
mod seal;

pub use cell::{drive, stage_body};
pub use fault::BodyFault;
pub use intake::{Intake, RawIntake};
pub use io::{CellIo, IoFault};
pub use job::decode_job;
pub use render::{DIFF_OPTION, EXACT_OPTION, RECORD_OPTION, UNITE_OPTION, render};
pub use run::{run, run_with};
pub use seal::{SECTION_DATAPOINTS_MAX, SECTION_DECODED_BYTES_MAX, Sealer, hand_over};
