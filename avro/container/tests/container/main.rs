//! Tests of the container, as laws, over hostile bytes, and against other implementations.

mod laws;
mod payload;
