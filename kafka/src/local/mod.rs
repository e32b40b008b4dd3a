//! A real Apache Kafka on loopback, for tests and for trying things out.
//!
//! One KRaft node, secured like a production cluster: SCRAM-SHA-512 for clients, the standard
//! authorizer, deny by default, `super.users` admin alone. The controller's listener asks for a
//! password too (SASL/PLAIN on loopback: SCRAM credentials live in the metadata that only a
//! working controller can serve).
//!
//! The broker dies with the [`Broker`] that started it, or with its process.

mod files;
mod process;

use std::{io, net::TcpListener, path::PathBuf, time::Duration};

use crate::{connection::Connection, deadline::Deadline, secret::Password};
use files::Home;
use process::Child;

/// The one super user.
pub const ADMIN: &str = "admin";

/// A loaded 2-core machine needs up to a minute for two JVM starts.
const START_MAX: Duration = Duration::from_secs(180);

/// Formatting is one JVM start.
const FORMAT_MAX: Duration = Duration::from_secs(120);

/// Ports are picked free and may be taken before the broker binds them.
const PORT_ATTEMPTS_MAX: usize = 3;

/// Between looks at the broker's log while it starts.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The jars are not in the cache.
    #[error(
        "no Kafka jars in {0}: run `kafka/local/fetch`, or set CORDON_KAFKA_LIBS to a directory that holds them"
    )]
    NoJars(PathBuf),
    /// `java` could not be run.
    #[error("java cannot be run (Debian: apt-get install openjdk-17-jre-headless)")]
    NoJava(#[source] io::Error),
    /// A file or process could not be made.
    #[error("{0}")]
    Io(String, #[source] io::Error),
    /// Kafka started and gave up, or did not come up in time.
    #[error("{step} failed; the end of its log:\n{log}")]
    Kafka {
        /// What it was doing.
        step: &'static str,
        /// The last lines of its log.
        log: String,
    },
}

/// How to start a broker.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its files go, kept afterwards. `None` makes a directory that goes with the broker.
    pub dir: Option<PathBuf>,
    /// Java heap. 384 is enough for tests; benchmarks want 512 and more.
    pub heap_mib: u32,
    /// Further broker properties; a later one overrides an earlier one.
    pub properties: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { dir: None, heap_mib: 384, properties: Vec::new() }
    }
}

/// A running broker.
#[derive(Debug)]
pub struct Broker {
    home: Home,
    heap_mib: u32,
    child: Option<Child>,
}

impl Broker {
    /// Starts one with the defaults, which suit tests.
    pub fn start() -> Result<Self, LocalError> {
        Self::start_with(&Options::default())
    }

    /// Starts one. Ten to thirty seconds: Java starts twice.
    pub fn start_with(options: &Options) -> Result<Self, LocalError> {
        let mut attempt = 1;
        loop {
            let started = Self::try_start(options);
            match &started {
                Err(LocalError::Kafka { log, .. })
                    if log.contains("Address already in use") && attempt < PORT_ATTEMPTS_MAX =>
                {
                    attempt += 1;
                }
                _ => return started,
            }
        }
    }

    fn try_start(options: &Options) -> Result<Self, LocalError> {
        let home = Home::create(options, free_ports()?)?;
        if !home.is_formatted() {
            format(&home)?;
        }
        let mut broker = Self { home, heap_mib: options.heap_mib, child: None };
        broker.restart()?;
        Ok(broker)
    }

    /// Starts a broker that outlives this process, with its files in `dir`: the admin's password
    /// in `dir/admin.password`, a client configuration in `dir/client.properties`, and the
    /// process id in `dir/pid`.
    pub fn start_detached(options: &Options) -> Result<Self, LocalError> {
        let mut broker = Self::start_with(options)?;
        if let Some(child) = broker.child.take() {
            broker.home.write_pid(child.pid())?;
            child.release();
        }
        Ok(broker)
    }

    /// Kills the broker at once, as a crash would. Its data stays; [`Broker::restart`] goes on.
    pub fn kill(&mut self) {
        if let Some(child) = self.child.take() {
            child.kill();
        }
    }

    /// Starts it again on the same ports and data, and waits until it serves.
    pub fn restart(&mut self) -> Result<(), LocalError> {
        self.kill();
        let log = self.home.server_log();
        let child = Child::spawn(self.home.serve_command(self.heap_mib), &log)?;
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

    /// `host:port` of the client listener.
    pub fn bootstrap(&self) -> String {
        self.home.bootstrap()
    }

    /// Its process id, while it runs: for `kill -STOP` and measuring.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::pid)
    }

    /// Where its files and its log are.
    pub fn dir(&self) -> &std::path::Path {
        self.home.dir()
    }

    /// A connection as the super user.
    pub fn admin(&self) -> Connection {
        self.connection(ADMIN, self.home.admin_password().clone())
    }

    /// A connection as somebody else.
    pub fn connection(&self, username: &str, password: Password) -> Connection {
        Connection::plaintext(&self.bootstrap(), username, password)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn format(home: &Home) -> Result<(), LocalError> {
    let log = home.format_log();
    let child = Child::spawn(home.format_command(), &log)?;
    let deadline = Deadline::after(FORMAT_MAX);
    while !child.has_ended() && !deadline.passed() {
        std::thread::sleep(POLL_EVERY);
    }
    child.kill();
    if home.is_formatted() {
        return Ok(());
    }
    Err(LocalError::Kafka { step: "formatting the data directory", log: process::log_end(&log) })
}

/// Client and controller port. They are free now; see [`PORT_ATTEMPTS_MAX`].
fn free_ports() -> Result<[u16; 2], LocalError> {
    let listen = || TcpListener::bind(("127.0.0.1", 0));
    let pick = || -> io::Result<[u16; 2]> {
        // Both are held until both are known, so that they differ.
        let (client, controller) = (listen()?, listen()?);
        Ok([client.local_addr()?.port(), controller.local_addr()?.port()])
    };
    pick().map_err(|error| LocalError::Io("no free port on 127.0.0.1".to_owned(), error))
}
