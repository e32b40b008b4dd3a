//! Apache Kafka from its jars, in a process of this machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{
    LocalError, Options, POLL_EVERY, START_MAX,
    files::Home,
    process::{self, Child},
};
use crate::deadline::Deadline;

/// Formatting is one JVM start.
const FORMAT_MAX: Duration = Duration::from_secs(120);

/// The jars, and the process that runs them.
#[derive(Debug)]
pub(super) struct Jars {
    libs: PathBuf,
    heap_mib: u32,
    /// Whether the broker is to outlive this process.
    is_detached: bool,
    child: Option<Child>,
}

impl Jars {
    /// Formats the data directory where it is new, and serves.
    pub(super) fn start(home: &Home, options: &Options) -> Result<Self, LocalError> {
        let mut jars = Self {
            libs: find_libs()?,
            heap_mib: options.heap_mib,
            is_detached: options.dir.is_some(),
            child: None,
        };
        if !home.is_formatted() {
            jars.format(home)?;
        }
        jars.serve(home)?;
        Ok(jars)
    }

    /// Starts the broker, and waits until it serves.
    pub(super) fn serve(&mut self, home: &Home) -> Result<(), LocalError> {
        let log = home.server_log();
        let child = Child::spawn(self.serve_command(home), &log)?;
        let deadline = Deadline::after(START_MAX);
        while !process::log_contains(&log, "Kafka Server started") {
            if child.has_ended() || deadline.passed() {
                child.kill();
                let log = process::log_end(&log);
                return Err(LocalError::Kafka { step: "starting Kafka", log });
            }
            std::thread::sleep(POLL_EVERY);
        }
        self.child = Some(child);
        Ok(())
    }

    pub(super) fn kill(&mut self) {
        if let Some(child) = self.child.take() {
            child.kill();
        }
    }

    /// Lets the broker run on without an owner.
    pub(super) fn release(&mut self, home: &Home) -> Result<(), LocalError> {
        if let Some(child) = self.child.take() {
            home.write_pid(child.pid())?;
            child.release();
        }
        Ok(())
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::pid)
    }

    fn format(&self, home: &Home) -> Result<(), LocalError> {
        let log = home.format_log();
        let child = Child::spawn(self.format_command(home), &log)?;
        let deadline = Deadline::after(FORMAT_MAX);
        while !child.has_ended() && !deadline.passed() {
            std::thread::sleep(POLL_EVERY);
        }
        child.kill();
        if home.is_formatted() {
            return Ok(());
        }
        let log = process::log_end(&log);
        Err(LocalError::Kafka { step: "formatting the data directory", log })
    }

    /// Formats the data directory with the admin's credentials in its first record.
    ///
    /// The tool takes the password only as an argument, so that other users of this machine may
    /// see it for the seconds it runs. It is good for this loopback broker alone.
    fn format_command(&self, home: &Home) -> Command {
        let mut command = self.java(home, &["-Xmx128m", "-XX:TieredStopAtLevel=1"]);
        command
            .args(["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "-c"])
            .arg(home.server_properties())
            .args(["--add-scram", &home.admin_scram()]);
        command
    }

    fn serve_command(&self, home: &Home) -> Command {
        let heap_mib = self.heap_mib;
        let heap = [format!("-Xms{heap_mib}m"), format!("-Xmx{heap_mib}m")];
        let mut command = self.java(home, &heap.each_ref().map(String::as_str));
        command.arg("kafka.Kafka").arg(home.server_properties());
        command
    }

    fn java(&self, home: &Home, options: &[&str]) -> Command {
        let mut command = if self.is_detached {
            // A session of its own: Ctrl-C in the terminal that started it is not for the broker.
            let mut command = Command::new("setsid");
            command.arg("java");
            command
        } else if Path::new(SETPRIV).exists() {
            let mut command = Command::new(SETPRIV);
            command.args(["--pdeathsig", "KILL", "java"]);
            command
        } else {
            Command::new("java")
        };
        command
            // Serial: a quarter of G1's threads and memory, and no slower on two cores.
            .arg("-XX:+UseSerialGC")
            .args(options)
            .arg(format!("-Dlog4j2.configurationFile={}/log4j2.properties", home.dir().display()))
            .arg("-cp")
            .arg(self.libs.join("*"));
        command
    }
}

/// From util-linux, so that it is on every Debian.
const SETPRIV: &str = "/usr/bin/setpriv";

/// A KRaft cluster id is a base64 UUID; every local cluster may have the same.
pub(super) const CLUSTER_ID: &str = "cordonAAAAAAAAAAAAAAAA";

/// The directory of jars: `CORDON_KAFKA_LIBS`, else `.cache/kafka/libs` of the workspace that
/// this process runs in.
fn find_libs() -> Result<PathBuf, LocalError> {
    let named = std::env::var_os("CORDON_KAFKA_LIBS").map(PathBuf::from);
    let here = std::env::current_dir().unwrap_or_default();
    let cached = || here.ancestors().map(|dir| dir.join(".cache/kafka/libs")).find(|d| d.is_dir());
    let libs = named.or_else(cached).unwrap_or_else(|| here.join(".cache/kafka/libs"));
    let has_kafka = fs::read_dir(&libs).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("kafka_"))
    });
    if has_kafka { Ok(libs) } else { Err(LocalError::NoJars(libs)) }
}
