//! cordon as it is released, but for the stage `generate`: its input may kill its cells.

use std::{env, process::ExitCode};

use cordon_cell::zygote::{self, ZygoteSettings};
use cordon_fate::killer::Killer;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ["zygote", "generate", "--jail", jail] = words[..] else { return cordon::main() };
    let Ok(jail) = jail.parse() else { return cordon::main() };
    let settings = ZygoteSettings { jail, ..ZygoteSettings::default() };
    zygote::serve(&settings, cordon_body::stage_body(Killer))
}
