//! cordon of a version with a bug: its `generate` refuses a shape of line.

use std::{env, process::ExitCode};

use cordon_cell::zygote::{self, ZygoteSettings};
use cordon_tests::flawed::{Flawed, VERSION};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ["zygote", "generate", "--jail", jail] = words[..] else { return cordon::main_as(VERSION) };
    let Ok(jail) = jail.parse() else { return cordon::main_as(VERSION) };
    let settings = ZygoteSettings { jail, ..ZygoteSettings::default() };
    zygote::serve(&settings, cordon_body::stage_body(Flawed))
}
