//! Tests of the container, as laws, over hostile bytes, and against other implementations.

mod hostile;
mod interop;
mod laws;
mod payload;
