//! Every datapoint has exactly one fate, whatever happens: each row of the table of fates, played on
//! the model log and on a real Kafka by the released couriers and cells.
//!
//! Key idea: a line of telemetry says what it does to whoever processes it ([`killer`]), and goes in
//! as any other does. The program is cordon but for the stage in the cells of `generate`. What must
//! come out is known line by line ([`plant`]): a letter with its reason, or the line's part of the
//! graph, and never both.

pub mod bytes;
pub mod cells;
pub mod killer;
pub mod letters;
pub mod model;
pub mod peaks;
pub mod place;
pub mod plant;
pub mod play;
pub mod report;
