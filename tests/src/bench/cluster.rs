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
use bytes::Bytes;
use cordon_kafka::{
    admin::Admin,
    local::{Broker, Options},
    real::RealLog,
    secret::Password,
    topology::Topology,
};
use cordon_records::{ObjectKey, Pointer, single_object};
use cordon_store::Store;
use tokio::runtime::Runtime;

use super::{cpu, now};
use crate::{
    access::{self, Reach},
    s3::Policy,
};

/// A benchmark's broker wants more than a test's.
/// Kafka's default, which the tests' broker shortens: slots that start together share the live
/// topic's partitions evenly.
const REBALANCE_DELAY: [&str; 2] = ["group.initial.rebalance.delay.ms", "3000"];
const BROKER_HEAP_MIB: u32 = 768;
/// For the S3 server to start.
const START_MAX: Duration = Duration::from_secs(10);
/// Between looks for its port.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Everything that the measured programs talk to.
pub(super) struct Cluster {
    topology: Topology,
    /// Where the topology stands, if it is not the embedded one.
    topology_file: Option<PathBuf>,
    broker: Broker,
    s3: S3Process,
    runtime: Runtime,
    // The last field: it goes after the servers that write to it.
    dir: tempfile::TempDir,
}

impl Cluster {
    /// Starts the servers, and applies the topology.
    pub(super) fn start() -> Result<Self> {
        Self::start_with(|policy| policy)
    }

    /// The same, with more rights to objects than the topology gives.
    pub(super) fn start_with(grant: impl FnOnce(Policy) -> Policy) -> Result<Self> {
        Self::start_by(None, grant)
    }

    /// The same by another topology.
    pub(super) fn start_on(topology: &str) -> Result<Self> {
        Self::start_by(Some(topology), |policy| policy)
    }

    fn start_by(topology: Option<&str>, grant: impl FnOnce(Policy) -> Policy) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("cordon-bench").tempdir()?;
        let topology_file = topology.map(|_| dir.path().join("topology.yaml"));
        if let (Some(file), Some(text)) = (&topology_file, topology) {
            fs::write(file, text)?;
        }
        let topology = topology.map_or_else(|| Ok(Topology::embedded()), Topology::parse)?;
        let policy = grant(access::policy(&topology, &[], one_key));
        let s3 = S3Process::start(dir.path(), &policy)?;
        let broker = Broker::start_with(&Options {
            heap_mib: BROKER_HEAP_MIB,
            properties: vec![REBALANCE_DELAY.map(str::to_owned).into()],
            ..Options::default()
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let cluster = Self { topology, topology_file, broker, s3, runtime, dir };
        let admin = cluster.broker.admin().password;
        access::write_secrets(cluster.dir.path(), &cluster.topology, &[], &admin, one_key)?;
        cluster.run("admin", &access::APPLY)?;
        Ok(cluster)
    }

    /// A place below the directory that goes with the cluster.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The binary as `principal`.
    pub(super) fn cordon(&self, principal: &str) -> Result<Command> {
        Ok(self.program(&beside("cordon")?, principal))
    }

    /// Any program as `principal`.
    pub(super) fn program(&self, program: &Path, principal: &str) -> Command {
        let reach = Reach {
            dir: self.dir.path(),
            bootstrap: self.broker.bootstrap(),
            security: self.broker.admin().security,
            s3_endpoint: &self.s3.endpoint,
        };
        let mut command = reach.command(program, principal, principal);
        command.envs(self.topology_file.as_ref().map(|file| ("CORDON_TOPOLOGY", file)));
        command
    }

    /// Makes a principal that the topology does not know.
    pub(super) fn add_principal(&self, name: &str) -> Result<()> {
        let password = Password::read_or_create(&access::password_file(self.dir.path(), name))?;
        self.admin()?.upsert_user(name, &password)?;
        access::write_access_key(self.dir.path(), name)
    }

    /// The broker's administrator.
    pub(super) fn admin(&self) -> Result<Admin> {
        Ok(Admin::new(&self.broker.admin())?)
    }

    /// Runs the binary to its end, and returns what it printed.
    pub(super) fn run(&self, principal: &str, arguments: &[&str]) -> Result<Vec<u8>> {
        access::output_of(self.cordon(principal)?.args(arguments))
    }

    /// The log as the administrator sees it.
    pub(super) fn log(&self) -> RealLog {
        RealLog::new(self.broker.admin())
    }

    /// What the pointers of a topic name, but for the first `skip` of each partition: those of
    /// earlier rounds.
    pub(super) fn payloads(&self, topic: &str, skip: &mut Skip) -> Result<Vec<Payload>> {
        let store = self.store()?;
        let fetch = |record: Bytes| self.fetch(&store, &single_object::decode(&record)?);
        self.records(topic, skip)?.into_iter().map(fetch).collect()
    }

    /// The values of a topic's records, but for the first `skip` of each partition.
    pub(super) fn records(&self, topic: &str, skip: &mut Skip) -> Result<Vec<Bytes>> {
        let mut values = Vec::new();
        for record in self.log().reader(topic)? {
            let record = record?;
            if skip.is_new(record.at.partition, record.offset) {
                values.push(record.value);
            }
        }
        Ok(values)
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
        access::store(self.dir.path(), &self.s3.endpoint, "reader")
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
    pub(super) bytes: Bytes,
    pub(super) datapoints: i64,
    pub(super) decoded_bytes: i64,
}

/// How far each partition of a topic was read before.
#[derive(Clone, Default)]
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

/// Each principal has one access key, called like itself.
fn one_key(principal: &str) -> Vec<String> {
    vec![principal.to_owned()]
}

/// A binary of the same build as this one.
fn beside(name: &str) -> Result<PathBuf> {
    let path = env::current_exe()?.with_file_name(name);
    ensure!(path.is_file(), "{} is missing: make bench builds it", path.display());
    Ok(path)
}
