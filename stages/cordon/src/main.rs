//! The `cordon` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    cordon::main()
}
