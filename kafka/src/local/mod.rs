//! A real Kafka on loopback, for tests and for trying things out.
//!
//! One node, secured like a production cluster: SCRAM-SHA-512 for clients, an authorizer that
//! denies by default, admin as the only super user. It is Apache Kafka from the jars that
//! `kafka/local/fetch` gets, in a process of this machine, in the clear or by TLS; with the
//! feature `containers`, and where Docker runs, Apache Kafka or Redpanda in a container.
//!
//! The controller's listener asks for a password too (SASL/PLAIN on loopback: SCRAM credentials
//! live in the metadata that only a working controller can serve).
//!
//! The broker dies with the [`Broker`] that started it, or with its process.

#[cfg(feature = "containers")]
mod container;
mod files;
mod jars;
mod process;
pub mod proxy;
mod tls;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{connection::Connection, secret::Password};
#[cfg(feature = "containers")]
pub use container::Image;
use files::Home;
use jars::Jars;
pub use proxy::Proxy;
pub use tls::Certificates;

/// The one super user.
pub const ADMIN: &str = "admin";

/// A loaded 2-core machine needs up to a minute for two JVM starts.
const START_MAX: Duration = Duration::from_secs(180);

/// Ports are picked free and may be taken before the broker binds them.
const PORT_ATTEMPTS_MAX: usize = 3;

/// Between looks at whether the broker has come up.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The jars are not in the cache.
    #[error(
        "no Kafka jars in {0}: run `kafka/local/fetch`, or set CORDON_KAFKA_LIBS to a directory that holds them"
    )]
    NoJars(PathBuf),
    /// `java` or its `keytool` could not be run.
    #[error("java cannot be run (Debian: apt-get install default-jre-headless)")]
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
    /// Docker does not run here, or its container did not come up.
    #[cfg(feature = "containers")]
    #[error("no broker in a container")]
    Container(#[from] testcontainers::TestcontainersError),
}

/// How to start a broker.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its files go, kept afterwards. `None` makes a directory that goes with the broker.
    pub dir: Option<PathBuf>,
    /// Java heap, or Redpanda's memory. 384 is enough for tests on Kafka; benchmarks want 512 and
    /// more.
    pub heap_mib: u32,
    /// Further properties of the broker, by its own names; a later one overrides an earlier one.
    pub properties: Vec<(String, String)>,
    /// What serves.
    pub server: Server,
}

impl Default for Options {
    fn default() -> Self {
        Self { dir: None, heap_mib: 384, properties: Vec::new(), server: Server::default() }
    }
}

/// What serves, and how clients reach it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Server {
    /// Apache Kafka's jars in a process of this machine.
    #[default]
    Jars,
    /// The same by TLS. Its authority is made for it, and trusted by its [`Broker::connection`]s.
    JarsByTls,
    /// In a container.
    #[cfg(feature = "containers")]
    Container(Image),
}

/// A running broker.
#[derive(Debug)]
pub struct Broker {
    running: Running,
    /// Declared last, so that the broker is gone before its files.
    home: Home,
}

#[derive(Debug)]
enum Running {
    Process(Jars),
    #[cfg(feature = "containers")]
    Container(container::Container),
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
        let running = match options.server {
            Server::Jars | Server::JarsByTls => Running::Process(Jars::start(&home, options)?),
            #[cfg(feature = "containers")]
            Server::Container(image) => {
                Running::Container(container::Container::start(image, &home, options)?)
            }
        };
        Ok(Self { running, home })
    }

    /// Starts a broker that outlives this process, with its files in `dir`: the admin's password
    /// in `dir/admin.password`, a client configuration in `dir/client.properties`, and the
    /// process id in `dir/pid`.
    pub fn start_detached(options: &Options) -> Result<Self, LocalError> {
        let mut broker = Self::start_with(options)?;
        match &mut broker.running {
            Running::Process(jars) => jars.release(&broker.home)?,
            #[cfg(feature = "containers")]
            Running::Container(_) => {}
        }
        Ok(broker)
    }

    /// Kills the broker at once, as a crash would. Its data stays; [`Broker::restart`] goes on.
    pub fn kill(&mut self) {
        match &mut self.running {
            Running::Process(jars) => jars.kill(),
            #[cfg(feature = "containers")]
            Running::Container(container) => container.kill(),
        }
    }

    /// Starts it again on the same ports and data, and waits until it serves.
    pub fn restart(&mut self) -> Result<(), LocalError> {
        self.kill();
        match &mut self.running {
            Running::Process(jars) => jars.serve(&self.home),
            #[cfg(feature = "containers")]
            Running::Container(container) => container.restart(&self.home),
        }
    }

    /// `host:port` of the client listener.
    pub fn bootstrap(&self) -> String {
        self.home.bootstrap()
    }

    /// The same as an address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.home.client_port()).into()
    }

    /// Its process id, while it runs in a process of this machine: for `kill -STOP` and measuring.
    pub fn pid(&self) -> Option<u32> {
        match &self.running {
            Running::Process(jars) => jars.pid(),
            #[cfg(feature = "containers")]
            Running::Container(_) => None,
        }
    }

    /// Where its files and its log are.
    pub fn dir(&self) -> &Path {
        self.home.dir()
    }

    /// A connection as the super user.
    pub fn admin(&self) -> Connection {
        self.home.admin()
    }

    /// A connection as somebody else.
    pub fn connection(&self, username: &str, password: Password) -> Connection {
        self.home.connection(username, password)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
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
