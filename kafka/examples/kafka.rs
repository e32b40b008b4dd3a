//! One Apache Kafka on loopback for the whole workspace: `make kafka`, `make kafka-stop`.
//!
//! Its files are in `.cache/kafka/run`: `bootstrap`, `admin.password` and `client.properties`
//! (mode 600), `pid`, `server.log`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use cordon_kafka::local::{Broker, Options};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]
fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        Some("start") => start(),
        Some("stop") => stop(),
        Some("status") => Ok(running().map_or_else(
            || "not running".to_owned(),
            |pid| format!("running as process {pid} on {}", read("bootstrap")),
        )),
        _ => Err("usage: kafka start|stop|status".to_owned()),
    };
    match done {
        Ok(words) => {
            println!("{words}");
            ExitCode::SUCCESS
        }
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<String, String> {
    if let Some(pid) = running() {
        return Ok(format!("already running as process {pid} on {}", read("bootstrap")));
    }
    let options = Options { dir: Some(dir()), heap_mib: 512, ..Options::default() };
    let broker = Broker::start_detached(&options).map_err(|error| error.to_string())?;
    fs::write(dir().join("bootstrap"), format!("{}\n", broker.bootstrap()))
        .map_err(|error| error.to_string())?;
    Ok(format!(
        "Kafka serves {}\nadmin's password and client.properties are in {}",
        broker.bootstrap(),
        dir().display()
    ))
}

fn stop() -> Result<String, String> {
    let Some(pid) = running() else { return Ok("not running".to_owned()) };
    let killed = Command::new("kill").arg(&pid).status();
    if !killed.is_ok_and(|status| status.success()) {
        return Err(format!("cannot stop process {pid}"));
    }
    Ok(format!("stopped process {pid}"))
}

/// The broker's process id, if it runs. A process id may have been given to another program
/// since, so that its command line is looked at.
fn running() -> Option<String> {
    let pid = read("pid");
    let command = fs::read(Path::new("/proc").join(&pid).join("cmdline")).ok()?;
    let is_ours = String::from_utf8_lossy(&command).contains("kafka.Kafka");
    (!pid.is_empty() && is_ours).then_some(pid)
}

fn read(name: &str) -> String {
    fs::read_to_string(dir().join(name)).unwrap_or_default().trim().to_owned()
}

fn dir() -> PathBuf {
    // Absolute, because the broker changes its directory.
    std::path::absolute(".cache/kafka/run").unwrap_or_else(|_| PathBuf::from(".cache/kafka/run"))
}
