//! The independent checker: another language, other libraries, no code of cordon's.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::world::World;

/// How to run the checker's scripts.
pub struct Checker {
    python: PathBuf,
}

/// A run of the checker in the background.
pub struct Running(Child);

impl Checker {
    /// With the Python of `CORDON_PYTHON`, else the one that `make python` makes.
    pub fn find() -> Result<Self> {
        let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/venv/bin/python");
        let python = env::var_os("CORDON_PYTHON").map_or(made, PathBuf::from);
        ensure!(python.exists(), "{} is missing: make python", python.display());
        Ok(Self { python })
    }

    /// One of its scripts.
    pub fn command(&self, script: &str) -> Command {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("checker").join(script);
        let mut command = Command::new(&self.python);
        command.arg("-B").arg(path).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts `check.py MODE` in the background.
    pub fn start(
        &self,
        mode: &str,
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Running> {
        Ok(Running(self.command("check.py").arg(mode).args(arguments).spawn()?))
    }

    /// Runs `check.py MODE` on the cluster, as the principal *reader*.
    pub fn check(&self, world: &World, mode: &str) -> Result<Value> {
        self.start_on(world, mode)?.verdict()
    }

    /// Starts `check.py MODE` on the cluster in the background.
    pub fn start_on(&self, world: &World, mode: &str) -> Result<Running> {
        self.start(mode, cluster_arguments(world))
    }
}

impl Running {
    /// Waits for the verdict, good or bad. What is bad is told, too.
    #[expect(clippy::print_stderr, reason = "faults are told where the test's output is")]
    pub fn verdict(self) -> Result<Value> {
        let output = self.0.wait_with_output()?;
        let words = String::from_utf8_lossy(&output.stderr);
        // 1 is a verdict that something is wrong; 2 is none.
        ensure!(matches!(output.status.code(), Some(0 | 1)), "check.py: {words}");
        if !output.status.success() {
            eprintln!("check.py: {words}");
        }
        serde_json::from_slice(&output.stdout).context("check.py prints JSON")
    }
}

/// Where Kafka is, and who asks.
pub fn kafka_arguments(world: &World, principal: &str) -> Vec<OsString> {
    vec![
        "--bootstrap".into(),
        world.bootstrap().into(),
        "--user".into(),
        principal.into(),
        "--password-file".into(),
        world.password_file(principal).into(),
    ]
}

/// Where the whole cluster is, for the principal *reader*.
fn cluster_arguments(world: &World) -> Vec<OsString> {
    let mut arguments = kafka_arguments(world, "reader");
    arguments.extend([
        "--s3-endpoint".into(),
        world.s3().endpoint().into(),
        "--s3-credentials-file".into(),
        world.credentials_file("reader").into(),
    ]);
    arguments
}
