//! The driver, with a stage whose every datapoint says what it will do to its cell.

mod bench;
mod fates;
mod faults;
mod hostile;
mod memory;
mod raw;
mod reading;
mod replay;
mod sections;
mod toy;
