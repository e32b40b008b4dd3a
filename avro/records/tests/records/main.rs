//! Laws of the records, and the promise that every committed schema stays readable.

mod arbitrary;
mod datums;
mod ids;
mod keys;
mod pointers;
mod raw;
mod runs;
mod schemas;
mod single_objects;
mod specimens;
