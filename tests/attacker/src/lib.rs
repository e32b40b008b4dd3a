//! Whoever took over a cell or a courier: what they try, and what the program that they are in
//! looks like.
//!
//! The program `attacker` is the released one with another body in the cells of generate. What it
//! does there is chosen by its input: a line of telemetry with a field `attack`, or, where a test
//! speaks to a cell directly, an [`Order`](body::Order).

pub mod attempts;
pub mod body;
pub mod lies;
pub mod old_kernel;
pub mod play;
pub mod table;
pub mod works;
pub mod zygote;
