//! Where a body meets the cell around it.

use cordon_cell::CellContext;
use cordon_flow::Stage;
use cordon_records::cell::Job;

use crate::{BodyFault, decode_job, run};

/// A stage over pointers as what a zygote serves.
pub fn stage_body<S: Stage>(stage: S) -> impl Fn(&CellContext) -> Result<(), String> {
    move |cell| drive(cell, |job, input, mut io| run(&stage, job, input, &mut io))
}

/// Runs a body on the job of a cell. An error is words for the client: no datapoint's fault.
pub fn drive<'a>(
    cell: &'a CellContext,
    body: impl FnOnce(&Job, &'a [u8], &'a CellContext) -> Result<(), BodyFault>,
) -> Result<(), String> {
    let job = decode_job(cell.header()).map_err(|fault| fault.to_string())?;
    body(&job, cell.input(), cell).map_err(|fault| fault.to_string())
}
