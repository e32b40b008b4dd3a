//! Everything a test of the whole pipeline runs against: a real Kafka with SASL and ACLs, the S3
//! server with policies, secrets for every principal, and the binary as any of them.

use std::{
    env, fs, iter,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
};

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::{
    connection::{Connection, Security},
    local::{Broker, Options, Proxy},
    real::RealLog,
    secret::Password,
    topology::Topology,
};
use tempfile::TempDir;

use crate::s3::{Action, Policy, TestS3};

/// Kafka, S3, and who may do what.
pub struct World {
    /// The program that [`World::cordon`] runs.
    binary: PathBuf,
    topology: Topology,
    broker: Broker,
    /// Where clients must go instead of the broker.
    proxy: Option<Proxy>,
    s3: TestS3,
    // The last field: it goes after the servers that write to it.
    dir: TempDir,
}

/// Who asks S3: the name of an access key. Each principal has several keys, so that what the
/// couriers of one stage fetch can be told apart: its name, and this for its second courier and more.
pub fn key_of(principal: &str, courier: usize) -> String {
    format!("{principal}-{courier}")
}

/// The keys of a principal.
fn keys(principal: &str) -> impl Iterator<Item = String> {
    iter::once(principal.to_owned()).chain((2..=COURIERS_MAX).map(|n| key_of(principal, n)))
}

/// Couriers of one stage that can be told apart.
const COURIERS_MAX: usize = 4;

impl World {
    /// Starts the servers and applies the topology.
    ///
    /// # Errors
    ///
    /// Kafka cannot be started: a test that needs it fails, and does not skip.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::default())
    }

    /// The same, of a program that is cordon but for what runs in its cells, and with a proxy
    /// before the broker.
    ///
    /// # Errors
    ///
    /// As [`World::start`].
    pub fn start_behind_proxy(binary: PathBuf, options: Options) -> Result<Self> {
        let address = Arc::new(OnceLock::new());
        let behind = Arc::clone(&address);
        let proxy = Proxy::start(move || behind.get().copied())?;
        let mut options = options;
        // Clients follow what is advertised, so that the broker's own port stays hidden.
        options
            .properties
            .push(("advertised.listeners".to_owned(), format!("CLIENT://{}", proxy.address())));
        let broker = Broker::start_with(&options).context("a local Kafka")?;
        address.get_or_init(|| broker.address());
        Self::of(binary, broker, Some(proxy))
    }

    /// The same with a broker of other options.
    ///
    /// # Errors
    ///
    /// As [`World::start`].
    pub fn start_with(options: &Options) -> Result<Self> {
        let binary = env::var_os("CORDON_BIN").context("CORDON_BIN names the binary: make e2e")?;
        let broker = Broker::start_with(options).context("a local Kafka")?;
        Self::of(binary.into(), broker, None)
    }

    fn of(binary: PathBuf, broker: Broker, proxy: Option<Proxy>) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("cordon-tests").tempdir()?;
        let topology = Topology::embedded();
        let s3 = TestS3::start(dir.path().join("s3"), policy(&topology))?;
        let world = Self { binary, topology, broker, proxy, s3, dir };
        world.write_secrets()?;
        world.run("admin", &["topology", "apply", "--replication", "1", "--secrets", "secrets"])?;
        Ok(world)
    }

    fn write_secrets(&self) -> Result<()> {
        fs::create_dir(self.path("secrets"))?;
        write_secret(&self.password_file("admin"), self.broker.admin().password.expose())?;
        for principal in self.topology.principals.keys() {
            for key in keys(principal) {
                let text =
                    format!("aws_access_key_id = {key}\naws_secret_access_key = {key}-secret\n");
                write_secret(&self.credentials_file(&key), &text)?;
            }
        }
        Ok(())
    }

    /// A place below the directory that goes with the world.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where the Kafka password of a principal is.
    pub fn password_file(&self, principal: &str) -> PathBuf {
        self.path("secrets").join(principal)
    }

    /// Where the secret of an access key is.
    pub fn credentials_file(&self, access_key: &str) -> PathBuf {
        self.path(&format!("{access_key}.aws"))
    }

    /// Kafka's address.
    pub fn bootstrap(&self) -> String {
        self.proxy.as_ref().map_or_else(|| self.broker.bootstrap(), |p| p.address().to_string())
    }

    /// What stands before the broker.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// The S3 server.
    pub fn s3(&self) -> &TestS3 {
        &self.s3
    }

    /// What the topology declares.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The log as a principal sees it.
    pub fn log(&self, principal: &str) -> Result<RealLog> {
        let password = Password::read(&self.password_file(principal))?;
        let connection = self.broker.connection(principal, password);
        Ok(RealLog::new(Connection { bootstrap: self.bootstrap(), ..connection }))
    }

    /// The binary as a principal, with its first access key.
    pub fn cordon(&self, principal: &str) -> Command {
        self.cordon_by(principal, principal)
    }

    /// The binary as a principal of Kafka that asks S3 by this access key.
    pub fn cordon_by(&self, principal: &str, access_key: &str) -> Command {
        let mut command = Command::new(&self.binary);
        // Only what is set here: the tests' own variables are no settings of cordon's.
        for (name, _) in env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("CORDON_"))
        {
            command.env_remove(name);
        }
        command
            .current_dir(self.dir.path())
            .env("CORDON_KAFKA_BOOTSTRAP", self.bootstrap())
            .env("CORDON_KAFKA_USERNAME", principal)
            .env("CORDON_KAFKA_PASSWORD_FILE", self.password_file(principal))
            .env("CORDON_S3_ENDPOINT", self.s3.endpoint())
            .env("CORDON_S3_REGION", "us-east-1")
            .env("CORDON_S3_PATH_STYLE", "true")
            .env("CORDON_S3_CREDENTIALS_FILE", self.credentials_file(access_key))
            .env("CORDON_LOG", "info");
        match self.broker.admin().security {
            Security::SaslPlaintext => command.env("CORDON_KAFKA_TLS", "false"),
            Security::SaslSsl { ca_file } => {
                command.env("CORDON_KAFKA_TLS", "true");
                command.envs(ca_file.map(|file| ("CORDON_KAFKA_CA_FILE", file)))
            }
        };
        command
    }

    /// Runs the binary as a principal to its good end, and returns what it printed.
    pub fn run(&self, principal: &str, arguments: &[&str]) -> Result<Vec<u8>> {
        let output = self.cordon(principal).args(arguments).output()?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cordon {arguments:?}: {}: {words}", output.status);
        Ok(output.stdout)
    }
}

impl Drop for World {
    /// What a failed test leaves behind tells why: logs, secrets, objects.
    #[expect(clippy::print_stderr, reason = "a failed test says where to look")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.dir.disable_cleanup(true);
            eprintln!("kept: {}", self.dir.path().display());
        }
    }
}

/// What the topology lets each principal do with objects, by either of its keys.
fn policy(topology: &Topology) -> Policy {
    let bucket = &topology.bucket;
    let mut policy = Policy { buckets: vec![bucket.clone()], ..Policy::default() };
    for (name, ability) in topology.abilities() {
        for key in keys(&name) {
            for prefix in &ability.get {
                policy = policy.grant(&key, Action::GetObject, bucket, &format!("{prefix}/"));
            }
            for prefix in &ability.put {
                policy = policy.grant(&key, Action::PutObject, bucket, prefix);
            }
            if ability.list {
                policy = policy.grant(&key, Action::ListBucket, bucket, "");
            }
        }
    }
    policy
}

fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}
