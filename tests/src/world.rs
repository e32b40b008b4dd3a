//! Everything a test of the whole pipeline runs against: a real Kafka with SASL and ACLs, the S3
//! server with policies, secrets for every principal, and the binary as any of them.

use std::{
    env,
    ffi::OsStr,
    iter,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
};

use anyhow::{Context as _, Result};
use cordon_kafka::{
    connection::Connection,
    local::{Broker, Options, Proxy},
    real::RealLog,
    secret::Password,
    topology::{Shadow, Topology},
};
use cordon_store::Store;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    access::{self, Reach},
    s3::TestS3,
};

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
fn keys(principal: &str) -> Vec<String> {
    iter::once(principal.to_owned())
        .chain((2..=COURIERS_MAX).map(|n| key_of(principal, n)))
        .collect()
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

    /// The same, where S3 lets shadows work that do not exist yet: by name and stage.
    ///
    /// # Errors
    ///
    /// As [`World::start`]; or there can be no such shadow.
    pub fn start_for_shadows(shadows: &[(&str, &str)]) -> Result<Self> {
        let topology = Topology::embedded();
        let shadow = |(name, stage): &(&str, &str)| -> Result<Shadow> {
            Ok(Shadow::of(&topology, &name.parse()?, stage)?)
        };
        let shadows = shadows.iter().map(shadow).collect::<Result<Vec<_>>>()?;
        let broker = Broker::start_with(&Options::default()).context("a local Kafka")?;
        Self::of(released()?, broker, None, &shadows)
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
        Self::of(binary, broker, Some(proxy), &[])
    }

    /// The same with a broker of other options.
    ///
    /// # Errors
    ///
    /// As [`World::start`].
    pub fn start_with(options: &Options) -> Result<Self> {
        let broker = Broker::start_with(options).context("a local Kafka")?;
        Self::of(released()?, broker, None, &[])
    }

    fn of(
        binary: PathBuf,
        broker: Broker,
        proxy: Option<Proxy>,
        shadows: &[Shadow],
    ) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("cordon-tests").tempdir()?;
        let topology = Topology::embedded();
        let s3 = TestS3::start(dir.path().join("s3"), access::policy(&topology, shadows, keys))?;
        let world = Self { binary, topology, broker, proxy, s3, dir };
        access::write_secrets(
            world.dir.path(),
            &world.topology,
            shadows,
            &world.broker.admin().password,
            keys,
        )?;
        world.run("admin", &access::APPLY)?;
        Ok(world)
    }

    /// A place below the directory that goes with the world.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where the Kafka password of a principal is.
    pub fn password_file(&self, principal: &str) -> PathBuf {
        access::password_file(self.dir.path(), principal)
    }

    /// Where the secret of an access key is.
    pub fn credentials_file(&self, access_key: &str) -> PathBuf {
        access::credentials_file(self.dir.path(), access_key)
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

    /// The objects, as whoever holds an access key may reach them.
    pub fn store(&self, access_key: &str) -> Result<Store> {
        access::store(self.dir.path(), self.s3.endpoint(), access_key)
    }

    /// Ingests files and directories. Returns how many datapoints they gave.
    pub fn ingest(&self, paths: &[impl AsRef<OsStr>]) -> Result<i64> {
        let mut command = self.cordon("ingest");
        let printed = access::output_of(command.args(["ingest", "--json"]).args(paths))?;
        let summary: Value = serde_json::from_slice(&printed)?;
        summary["datapoints"].as_i64().context("no count in the summary")
    }

    /// The binary as a principal, with its first access key.
    pub fn cordon(&self, principal: &str) -> Command {
        self.cordon_by(principal, principal)
    }

    /// The binary as a principal of Kafka that asks S3 by this access key.
    pub fn cordon_by(&self, principal: &str, access_key: &str) -> Command {
        self.program_by(&self.binary, principal, access_key)
    }

    /// Another version of it, the same way.
    pub fn program_by(&self, program: &Path, principal: &str, access_key: &str) -> Command {
        let reach = Reach {
            dir: self.dir.path(),
            bootstrap: self.bootstrap(),
            security: self.broker.admin().security,
            s3_endpoint: self.s3.endpoint(),
        };
        reach.command(program, principal, access_key)
    }

    /// Runs the binary as a principal to its good end, and returns what it printed.
    pub fn run(&self, principal: &str, arguments: &[&str]) -> Result<Vec<u8>> {
        access::output_of(self.cordon(principal).args(arguments))
    }
}

/// The program that is tested.
fn released() -> Result<PathBuf> {
    Ok(env::var_os("CORDON_BIN").context("CORDON_BIN names the binary: make e2e")?.into())
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
