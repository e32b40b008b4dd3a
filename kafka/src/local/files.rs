//! The broker's directory: configuration, secrets, data and logs.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use super::{ADMIN, LocalError, Options, Server, tls::Certificates};
use crate::{
    connection::{Connection, Security},
    secret::{Password, write_secret},
};

const LOG4J: &str = include_str!("../../local/log4j2.properties");

/// Directories of brokers that this user's processes made for themselves.
const SCRATCH_PREFIX: &str = "cordon-kafka-";

/// One broker's directory. A scratch directory is removed when dropped.
#[derive(Debug)]
pub(super) struct Home {
    dir: PathBuf,
    client_port: u16,
    password: Password,
    security: Security,
    is_scratch: bool,
}

impl Home {
    /// Makes the directory and writes the configuration.
    pub(super) fn create(options: &Options, ports: [u16; 2]) -> Result<Self, LocalError> {
        let is_scratch = options.dir.is_none();
        let dir = options.dir.clone().unwrap_or_else(scratch_dir);
        let io = |error| LocalError::Io(format!("cannot write {}", dir.display()), error);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(io)?;
        let certificates = match options.server {
            Server::JarsByTls => Some(Certificates::make(&dir)?),
            _ => None,
        };
        let password = Password::read_or_create(&dir.join("admin.password")).map_err(io)?;
        let text = server_properties(options, &dir, ports, &password, certificates.as_ref());
        write_secret(&dir.join(SERVER_PROPERTIES), &text.map_err(io)?).map_err(io)?;
        let security = match certificates {
            Some(made) => Security::SaslSsl { ca_file: Some(made.ca_file) },
            None => Security::SaslPlaintext,
        };
        let client = client_properties(ports[0], &password, &security);
        write_secret(&dir.join("client.properties"), &client).map_err(io)?;
        fs::write(dir.join("log4j2.properties"), LOG4J).map_err(io)?;
        Ok(Self { dir, client_port: ports[0], password, security, is_scratch })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn client_port(&self) -> u16 {
        self.client_port
    }

    pub(super) fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.client_port)
    }

    pub(super) fn admin(&self) -> Connection {
        self.connection(ADMIN, self.password.clone())
    }

    pub(super) fn connection(&self, username: &str, password: Password) -> Connection {
        let security = self.security.clone();
        Connection { security, ..Connection::plaintext(&self.bootstrap(), username, password) }
    }

    /// The admin's credentials as Kafka's format tool takes them.
    pub(super) fn admin_scram(&self) -> String {
        format!("SCRAM-SHA-512=[name={ADMIN},password={}]", self.password.expose())
    }

    pub(super) fn server_properties(&self) -> PathBuf {
        self.dir.join(SERVER_PROPERTIES)
    }

    pub(super) fn server_log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    pub(super) fn format_log(&self) -> PathBuf {
        self.dir.join("format.log")
    }

    pub(super) fn is_formatted(&self) -> bool {
        self.dir.join("data/meta.properties").exists()
    }

    pub(super) fn write_pid(&self, pid: u32) -> Result<(), LocalError> {
        let path = self.dir.join("pid");
        fs::write(&path, format!("{pid}\n"))
            .map_err(|error| LocalError::Io(format!("cannot write {}", path.display()), error))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.is_scratch {
            // Left behind at worst; the next start sweeps it.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

const SERVER_PROPERTIES: &str = "server.properties";

/// A new name, after sweeping what killed processes left behind (a static broker is never
/// dropped, so that its directory stays).
fn scratch_dir() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let parent = std::env::temp_dir();
    for entry in fs::read_dir(&parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(SCRATCH_PREFIX));
        let pid = owner.and_then(|owner| owner.split('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    parent.join(format!("{SCRATCH_PREFIX}{}-{count}", process::id()))
}

/// Where a broker keeps its data, and where it listens.
fn places(server: Server, dir: &Path) -> (PathBuf, &'static str) {
    match server {
        Server::Jars | Server::JarsByTls => (dir.join("data"), "127.0.0.1"),
        // The image's own volume; Docker publishes the port on this machine.
        #[cfg(feature = "containers")]
        Server::Container(_) => (PathBuf::from("/var/lib/kafka/data"), "0.0.0.0"),
    }
}

fn server_properties(
    options: &Options,
    dir: &Path,
    [client_port, controller_port]: [u16; 2],
    admin: &Password,
    certificates: Option<&Certificates>,
) -> io::Result<String> {
    let (data, address) = places(options.server, dir);
    let (data, admin, controller) = (data.display(), admin.expose(), Password::random()?);
    let controller = controller.expose();
    let protocol = if certificates.is_some() { "SASL_SSL" } else { "SASL_PLAINTEXT" };
    let mut text = format!(
        r#"process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=CLIENT://{address}:{client_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=CLIENT://127.0.0.1:{client_port}
listener.security.protocol.map=CLIENT:{protocol},CONTROLLER:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.client.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="{ADMIN}" password="{admin}";
listener.name.controller.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="{ADMIN}" password="{controller}" user_{ADMIN}="{controller}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:{ADMIN}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
transaction.max.timeout.ms=60000
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"#
    );
    if let Some(certificates) = certificates {
        text.push_str(&certificates.server_properties());
    }
    for (key, value) in &options.properties {
        text.push_str(&format!("{key}={value}\n"));
    }
    Ok(text)
}

/// For the tools that ship with Kafka, and other clients.
fn client_properties(port: u16, admin: &Password, security: &Security) -> String {
    let admin = admin.expose();
    let security = match security {
        Security::SaslSsl { ca_file: Some(file) } => format!(
            "security.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location={}",
            file.display()
        ),
        _ => "security.protocol=SASL_PLAINTEXT".to_owned(),
    };
    format!(
        r#"bootstrap.servers=127.0.0.1:{port}
{security}
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="{ADMIN}" password="{admin}";
"#
    )
}
