//! A Kafka with SASL and ACLs, an S3 server with policies, and the release binary: each a process
//! of its own, so that the CPU time of each can be told from the others'.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::{
    local::{Broker, Options},
    real::RealLog,
    topology::Topology,
};
use cordon_records::{ObjectKey, Pointer, single_object};
use cordon_store::{Credentials, RetryPolicy, S3Settings, S3Store, Store};
use tokio::runtime::Runtime;

use super::{cpu, now};
use crate::s3::{Action, Policy};

/// A benchmark's broker wants more than a test's.
const BROKER_HEAP_MIB: u32 = 768;
/// For the S3 server to start.
const START_MAX: Duration = Duration::from_secs(10);
/// Between looks for its port.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// It serves every region by this name.
const REGION: &str = "us-east-1";

/// Everything that the measured programs talk to.
pub(super) struct Cluster {
    topology: Topology,
    broker: Broker,
    s3: S3Process,
    runtime: Runtime,
    // The last field: it goes after the servers that write to it.
    dir: tempfile::TempDir,
}

impl Cluster {
    /// Starts the servers, and applies the topology.
    pub(super) fn start() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("cordon-bench").tempdir()?;
        let topology = Topology::embedded();
        let s3 = S3Process::start(dir.path(), &policy(&topology))?;
        let broker =
            Broker::start_with(&Options { heap_mib: BROKER_HEAP_MIB, ..Options::default() })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let cluster = Self { topology, broker, s3, runtime, dir };
        cluster.write_secrets()?;
        cluster
            .run("admin", &["topology", "apply", "--replication", "1", "--secrets", "secrets"])?;
        Ok(cluster)
    }

    fn write_secrets(&self) -> Result<()> {
        fs::create_dir(self.path("secrets"))?;
        write_secret(&self.path("secrets/admin"), self.broker.admin().password.expose())?;
        for name in self.topology.principals.keys() {
            write_secret(
                &self.path(&format!("{name}.aws")),
                &format!("aws_access_key_id = {name}\naws_secret_access_key = {name}-secret\n"),
            )?;
        }
        Ok(())
    }

    /// A place below the directory that goes with the cluster.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The binary as `principal`.
    pub(super) fn cordon(&self, principal: &str) -> Result<Command> {
        let mut command = Command::new(beside("cordon")?);
        let ours = env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("CORDON_"));
        for (name, _) in ours {
            command.env_remove(name); // the bench's variables are no settings of cordon's
        }
        command
            .current_dir(self.dir.path())
            .env("CORDON_KAFKA_BOOTSTRAP", self.broker.bootstrap())
            .env("CORDON_KAFKA_TLS", "false")
            .env("CORDON_KAFKA_USERNAME", principal)
            .env("CORDON_KAFKA_PASSWORD_FILE", self.path("secrets").join(principal))
            .env("CORDON_S3_ENDPOINT", &self.s3.endpoint)
            .env("CORDON_S3_REGION", REGION)
            .env("CORDON_S3_PATH_STYLE", "true")
            .env("CORDON_S3_CREDENTIALS_FILE", self.path(&format!("{principal}.aws")))
            .env("CORDON_LOG", "info");
        Ok(command)
    }

    /// Runs the binary to its end, and returns what it printed.
    pub(super) fn run(&self, principal: &str, arguments: &[&str]) -> Result<Vec<u8>> {
        let output = self.cordon(principal)?.args(arguments).output()?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cordon {arguments:?}: {}: {words}", output.status);
        Ok(output.stdout)
    }

    /// The log as the administrator sees it.
    pub(super) fn log(&self) -> RealLog {
        RealLog::new(self.broker.admin())
    }

    /// What the pointers of a topic name, but for the first `skip` of each partition: those of
    /// earlier rounds.
    pub(super) fn payloads(&self, topic: &str, skip: &mut Skip) -> Result<Vec<Payload>> {
        let store = self.store()?;
        let mut payloads = Vec::new();
        for record in self.log().reader(topic)? {
            let record = record?;
            if skip.is_new(record.at.partition, record.offset) {
                let pointer: Pointer = single_object::decode(&record.value)?;
                payloads.push(self.fetch(&store, &pointer)?);
            }
        }
        Ok(payloads)
    }

    fn fetch(&self, store: &Store, pointer: &Pointer) -> Result<Payload> {
        let key = ObjectKey::parse(&pointer.key)?;
        let get = store.get(
            &pointer.bucket,
            &key,
            pointer.range_start_bytes.unsigned_abs(),
            pointer.range_bytes.unsigned_abs(),
            pointer.digest.context("a pointer without digest")?,
        );
        let bytes = self.runtime.block_on(get)?;
        let datapoints = pointer.datapoints.context("a pointer without count")?;
        Ok(Payload { bytes, datapoints, decoded_bytes: pointer.decoded_bytes })
    }

    fn store(&self) -> Result<Store> {
        Ok(Store::S3(S3Store::new(&S3Settings {
            endpoint: Some(self.s3.endpoint.clone()),
            region: REGION.to_owned(),
            path_style: true,
            credentials: Credentials::from_file(&self.path("reader.aws"))?,
            retry: RetryPolicy::default(),
        })?))
    }

    /// CPU time of the broker so far.
    pub(super) fn broker_cpu(&self) -> Result<Duration> {
        Ok(cpu::of_tree(self.broker.pid().context("the broker is gone")?)?)
    }

    /// CPU time of the S3 server so far.
    pub(super) fn s3_cpu(&self) -> Result<Duration> {
        Ok(cpu::of_tree(self.s3.child.id())?)
    }
}

/// One payload, fetched.
pub(super) struct Payload {
    pub(super) bytes: bytes::Bytes,
    pub(super) datapoints: i64,
    pub(super) decoded_bytes: i64,
}

/// How far each partition of a topic was read before.
#[derive(Default)]
pub(super) struct Skip(BTreeMap<i32, i64>);

impl Skip {
    fn is_new(&mut self, partition: i32, offset: i64) -> bool {
        let next = self.0.entry(partition).or_default();
        let is_new = offset >= *next;
        *next = (*next).max(offset + 1);
        is_new
    }
}

/// The S3 server as a process of its own. It ends when its standard input does.
struct S3Process {
    child: Child,
    stdin: Option<ChildStdin>,
    endpoint: String,
}

impl S3Process {
    fn start(dir: &Path, policy: &Policy) -> Result<Self> {
        let (root, port_file, policy_file) =
            (dir.join("s3"), dir.join("s3.port"), dir.join("s3.policy"));
        fs::write(&policy_file, serde_json::to_vec(policy)?)?;
        let mut child = Command::new(beside("test-s3")?)
            .args([&root, &port_file, &policy_file])
            .arg("--until-stdin-ends")
            .stdin(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        let started = now();
        let port = loop {
            match fs::read_to_string(&port_file) {
                Ok(port) => break port,
                Err(_) => ensure!(started.elapsed() < START_MAX, "the S3 server did not start"),
            }
            thread::sleep(LOOK_EVERY);
        };
        Ok(Self { child, stdin, endpoint: format!("http://127.0.0.1:{port}") })
    }
}

impl Drop for S3Process {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It fails only for a child that was waited for already.
        let _ = self.child.wait();
    }
}

/// What the topology lets each principal do with objects.
fn policy(topology: &Topology) -> Policy {
    let bucket = &topology.bucket;
    let mut policy = Policy { buckets: vec![bucket.clone()], ..Policy::default() };
    for (name, ability) in topology.abilities() {
        for prefix in &ability.get {
            policy = policy.grant(&name, Action::GetObject, bucket, &format!("{prefix}/"));
        }
        for prefix in &ability.put {
            policy = policy.grant(&name, Action::PutObject, bucket, prefix);
        }
    }
    policy
}

/// A binary of the same build as this one.
fn beside(name: &str) -> Result<PathBuf> {
    let path = env::current_exe()?.with_file_name(name);
    ensure!(path.is_file(), "{} is missing: make bench builds it", path.display());
    Ok(path)
}

fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}
