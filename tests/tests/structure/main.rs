//! The structure that ARCHITECTURE.md promises, held by what cargo resolves and what lies in the
//! tree. `cargo deny` (deny.toml) holds licences, sources and homes; here is what it cannot say.
//!
//! Each check is a function from a graph, or from files, to faults in words. Each test runs it
//! over this workspace, where it finds none, and over a planted fault, which it must find.

mod arrows;
mod decoders;
mod files;
mod graph;
mod homes;
mod map;
mod tree;
