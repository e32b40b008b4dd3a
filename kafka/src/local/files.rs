//! The broker's files: configuration, data, logs, and the commands that use them.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{ADMIN, LocalError, Options};
use crate::secret::{Password, write_secret};

const LOG4J: &str = include_str!("../../local/log4j2.properties");

/// Directories of brokers that this user's processes made for themselves.
const SCRATCH_PREFIX: &str = "cordon-kafka-";

/// One broker's directory. A scratch directory is removed when dropped.
#[derive(Debug)]
pub(super) struct Home {
    dir: PathBuf,
    libs: PathBuf,
    client_port: u16,
    password: Password,
    detached: bool,
    is_scratch: bool,
}

impl Home {
    /// Makes the directory and writes the configuration.
    pub(super) fn create(
        options: &Options,
        [client_port, controller_port]: [u16; 2],
    ) -> Result<Self, LocalError> {
        let libs = find_libs()?;
        let dir = options.dir.clone().unwrap_or_else(scratch_dir);
        let make = || -> io::Result<Password> {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
            let password = Password::read_or_create(&dir.join("admin.password"))?;
            let controller = Password::random()?;
            let mut server = server_properties(
                &dir.join("data"),
                [client_port, controller_port],
                &password,
                &controller,
            );
            for (key, value) in &options.properties {
                server.push_str(&format!("{key}={value}\n"));
            }
            write_secret(&dir.join("server.properties"), &server)?;
            write_secret(
                &dir.join("client.properties"),
                &client_properties(client_port, &password),
            )?;
            fs::write(dir.join("log4j2.properties"), LOG4J)?;
            Ok(password)
        };
        let password = make()
            .map_err(|error| LocalError::Io(format!("cannot write {}", dir.display()), error))?;
        let is_scratch = options.dir.is_none();
        Ok(Self { dir, libs, client_port, password, detached: !is_scratch, is_scratch })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.client_port)
    }

    pub(super) fn admin_password(&self) -> &Password {
        &self.password
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

    /// Formats the data directory with the admin's credentials in its first record.
    ///
    /// The tool takes the password only as an argument, so that other users of this machine may
    /// see it for the seconds it runs. It is good for this loopback broker alone.
    pub(super) fn format_command(&self) -> Command {
        let credentials =
            format!("SCRAM-SHA-512=[name={ADMIN},password={}]", self.password.expose());
        let mut command = self.java(&["-Xmx128m", "-XX:TieredStopAtLevel=1"]);
        command
            .args(["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "-c"])
            .arg(self.dir.join("server.properties"))
            .arg("--add-scram")
            .arg(credentials);
        command
    }

    pub(super) fn serve_command(&self, heap_mib: u32) -> Command {
        let mut command = self.java(&[&format!("-Xms{heap_mib}m"), &format!("-Xmx{heap_mib}m")]);
        command.arg("kafka.Kafka").arg(self.dir.join("server.properties"));
        command
    }

    fn java(&self, options: &[&str]) -> Command {
        let mut command = if self.detached {
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
            .arg(format!("-Dlog4j2.configurationFile={}/log4j2.properties", self.dir.display()))
            .arg("-cp")
            .arg(self.libs.join("*"));
        command
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

/// From util-linux, so that it is on every Debian.
const SETPRIV: &str = "/usr/bin/setpriv";

/// A KRaft cluster id is a base64 UUID; every local cluster may have the same.
const CLUSTER_ID: &str = "cordonAAAAAAAAAAAAAAAA";

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

fn server_properties(
    data: &Path,
    [client_port, controller_port]: [u16; 2],
    admin: &Password,
    controller: &Password,
) -> String {
    let (data, admin, controller) = (data.display(), admin.expose(), controller.expose());
    format!(
        r#"process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=CLIENT://127.0.0.1:{client_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=CLIENT://127.0.0.1:{client_port}
listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
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
    )
}

/// For the tools that ship with Kafka, and other clients.
fn client_properties(port: u16, admin: &Password) -> String {
    let admin = admin.expose();
    format!(
        r#"bootstrap.servers=127.0.0.1:{port}
security.protocol=SASL_PLAINTEXT
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="{ADMIN}" password="{admin}";
"#
    )
}
