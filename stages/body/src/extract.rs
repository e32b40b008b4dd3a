//! Copies the excerpt of one datapoint that killed its cell, and does nothing else with it.

use cordon_flow::Stage;
use cordon_records::{
    Reason,
    cell::{Job, PartReport, Report},
};

use crate::{BodyFault, CellIo, Intake, chunk, fates::letter, job::part_bytes, seal};

/// The report names no fate: one letter carries the excerpt, and none means that the payload
/// cannot even be read up to the datapoint.
pub(crate) fn run<'a, S: Stage, I: Intake<'a, S>>(
    stage: &S,
    job: &Job,
    input: &'a [u8],
    io: &mut impl CellIo,
) -> Result<(), BodyFault> {
    let [part] = &job.parts[..] else {
        return Err(BodyFault::Job("an extract has one part"));
    };
    let bytes = part_bytes(part, input)?;
    let index = part.from;
    io.mark(0, index.cast_unsigned());
    let mut report = PartReport { from: index, to: index, ..PartReport::default() };
    if let Ok(mut intake) = I::open(stage, part, bytes) {
        intake.skip_to(index.cast_unsigned());
        let is_found = intake.advance() == Ok(Some(index.cast_unsigned()));
        if let (true, Ok(input)) = (is_found, intake.read()) {
            let excerpt = chunk::excerpt(stage, &input);
            report.letters.push(letter((index, index + 1), Reason::Crash, "", &excerpt));
        }
    }
    seal::hand_over(&Report { parts: vec![report], ..Report::default() }, io)
}
