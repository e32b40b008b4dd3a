//! Everything a test of the whole pipeline runs against: a real Kafka with SASL and ACLs, the S3
//! server with policies, secrets for every principal, and the binary as any of them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::{
    local::{Broker, Options},
    real::RealLog,
    secret::Password,
    topology::Topology,
};
use tempfile::TempDir;

use crate::s3::{Action, Policy, TestS3};

/// Kafka, S3, and who may do what.
pub struct World {
    topology: Topology,
    broker: Broker,
    s3: TestS3,
    // The last field: it goes after the servers that write to it.
    dir: TempDir,
}

/// Who asks S3: the name of an access key. Each principal has two keys, its name and
/// [`second_key`], so that what two couriers of one stage fetch can be told apart.
pub fn second_key(principal: &str) -> String {
    format!("{principal}-2")
}

impl World {
    /// Starts the servers and applies the topology.
    ///
    /// # Errors
    ///
    /// Kafka cannot be started: a test that needs it fails, and does not skip.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::default())
    }

    /// The same with a broker of other options.
    ///
    /// # Errors
    ///
    /// As [`World::start`].
    pub fn start_with(options: &Options) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("cordon-tests").tempdir()?;
        let topology = Topology::embedded();
        let s3 = TestS3::start(dir.path().join("s3"), policy(&topology))?;
        let broker = Broker::start_with(options).context("a local Kafka")?;
        let world = Self { topology, broker, s3, dir };
        world.write_secrets()?;
        world.run("admin", &["topology", "apply", "--replication", "1", "--secrets", "secrets"])?;
        Ok(world)
    }

    fn write_secrets(&self) -> Result<()> {
        fs::create_dir(self.path("secrets"))?;
        write_secret(&self.password_file("admin"), self.broker.admin().password.expose())?;
        for principal in self.topology.principals.keys() {
            for key in [principal.clone(), second_key(principal)] {
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
        self.broker.bootstrap()
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
        Ok(RealLog::new(self.broker.connection(principal, password)))
    }

    /// The binary as a principal, with its first access key.
    pub fn cordon(&self, principal: &str) -> Command {
        self.cordon_by(principal, principal)
    }

    /// The binary as a principal of Kafka that asks S3 by this access key.
    ///
    /// # Panics
    /// When `CORDON_BIN` does not name the binary.
    pub fn cordon_by(&self, principal: &str, access_key: &str) -> Command {
        let binary = env::var_os("CORDON_BIN").expect("CORDON_BIN names the binary: make e2e");
        let mut command = Command::new(binary);
        // Only what is set here: the tests' own variables are no settings of cordon's.
        for (name, _) in env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("CORDON_"))
        {
            command.env_remove(name);
        }
        command
            .current_dir(self.dir.path())
            .env("CORDON_KAFKA_BOOTSTRAP", self.bootstrap())
            .env("CORDON_KAFKA_TLS", "false")
            .env("CORDON_KAFKA_USERNAME", principal)
            .env("CORDON_KAFKA_PASSWORD_FILE", self.password_file(principal))
            .env("CORDON_S3_ENDPOINT", self.s3.endpoint())
            .env("CORDON_S3_REGION", "us-east-1")
            .env("CORDON_S3_PATH_STYLE", "true")
            .env("CORDON_S3_CREDENTIALS_FILE", self.credentials_file(access_key))
            .env("CORDON_LOG", "info");
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
        for key in [name.clone(), second_key(&name)] {
            for prefix in &ability.get {
                policy = policy.grant(&key, Action::GetObject, bucket, &format!("{prefix}/"));
            }
            for prefix in &ability.put {
                policy = policy.grant(&key, Action::PutObject, bucket, prefix);
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
