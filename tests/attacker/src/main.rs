//! The released program with the attacker's body in the cells of generate, and the places from
//! which it is attacked.

use std::{io::Write as _, process::ExitCode};

use cordon_attacker::{attempts, body, old_kernel, play, works};
use cordon_cell::{
    CourierReach, JailMode, enter_courier_jail,
    zygote::{self, ZygoteSettings},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |at: usize| arguments.get(at).map_or("", String::as_str);
    match (argument(1), argument(2)) {
        ("zygote", "generate") => {
            let at = arguments.iter().position(|word| word == "--jail").unwrap_or_default();
            let settings = ZygoteSettings { jail: mode(argument(at + 1)), ..Default::default() };
            zygote::serve(&settings, body::body)
        }
        ("play", "cell") => told(play::in_cells(argument(3), argument(4))),
        ("play", "courier") => told(play::in_couriers(argument(3), argument(4))),
        ("play", "checks") => told(play::checks()),
        ("attempt", jail) => told(attempt(jail, argument(3), argument(4))),
        ("resolve", jail) => match works::resolve(mode(jail), argument(3), argument(4)) {
            Ok(false) => ExitCode::from(works::NO_MOUNT),
            resolved => told(resolved.map(drop)),
        },
        ("store", jail) => told(works::store(mode(jail), argument(3))),
        ("old-kernel", _) => told(old_kernel::exec(&arguments[2..])),
        ("victim", _) => told(play::be_a_victim()),
        _ => cordon::main(),
    }
}

fn mode(word: &str) -> JailMode {
    word.parse().unwrap_or(JailMode::Best)
}

/// One attempt of a courier that was taken over: jailed as all couriers are, and told by a word on
/// standard output.
fn attempt(jail: &str, name: &str, targets: &str) -> anyhow::Result<()> {
    let targets: attempts::Targets = serde_json::from_str(targets)?;
    let attempt = attempts::find(name).ok_or_else(|| anyhow::anyhow!("no attempt {name}"))?;
    let prepared = attempts::Prepared::new()?;
    let reach = CourierReach { ports: vec![targets.port_allowed], ..CourierReach::default() };
    enter_courier_jail(mode(jail), &reach)?;
    let answer = body::word(&attempt.run(&targets, &prepared));
    Ok(std::io::stdout().write_all(answer.as_bytes())?)
}

#[expect(clippy::print_stderr, reason = "the only place this program can complain")]
fn told(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("attacker: {error:#}");
            ExitCode::FAILURE
        }
    }
}
