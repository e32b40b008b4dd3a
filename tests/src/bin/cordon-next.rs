//! cordon of the next version, which differs by its name alone.

use std::process::ExitCode;

fn main() -> ExitCode {
    cordon::main_as(cordon_tests::flawed::NEXT_VERSION)
}
