//! Who is measured, as processes.

use std::{
    env, fmt,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use cordon_kafka::topology::Topology;

use super::{
    super::{Counts, cluster::Cluster, cpu},
    setup::PRINCIPAL,
};
use crate::supervisor::Supervisor;

/// cordon, and its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Cordon,
    StreamsEos,
    ParallelConsumer,
    PerRecord,
}

impl Name {
    pub(super) const ALL: [Self; 4] =
        [Self::Cordon, Self::StreamsEos, Self::ParallelConsumer, Self::PerRecord];
    pub(super) const PEERS: &[Self] = &[Self::StreamsEos, Self::ParallelConsumer, Self::PerRecord];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Cordon => "cordon",
            Self::StreamsEos => "streams-eos",
            Self::ParallelConsumer => "parallel-consumer",
            Self::PerRecord => "per-record",
        }
    }

    /// Where its pointers or elements go.
    pub(super) fn output(self) -> String {
        match self {
            Self::Cordon => super::super::OUTPUT.to_owned(),
            peer => format!("peers.{}", peer.word()),
        }
    }

    /// Where its letters go.
    pub(super) fn letters(self) -> String {
        match self {
            Self::Cordon => "dead.generate".to_owned(),
            peer => format!("{}.dead", peer.output()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One of them while it runs.
pub(super) struct Contender {
    pub(super) name: Name,
    /// Its consumer group.
    pub(super) group: String,
    running: Running,
}

enum Running {
    Cordon(Supervisor),
    Peer { java: Child, stdin: Option<ChildStdin> },
}

impl Contender {
    /// The group that it is going to join, the `number`th time it runs. Streams leaves its group
    /// only when its session times out, so that a peer has another group each time.
    pub(super) fn group(name: Name, number: usize) -> String {
        match name {
            Name::Cordon => Topology::group("generate"),
            peer => format!("{}.{number}", peer.output()),
        }
    }

    /// Starts it.
    pub(super) fn start(cluster: &Cluster, name: Name, group: String, slots: u32) -> Result<Self> {
        let running = if name == Name::Cordon {
            let mut command = cluster.cordon("generate")?;
            command.env("CORDON_COURIER_SLOTS", slots.to_string()).args(["run", "generate"]);
            command.env("CORDON_LOG", "warn");
            Running::Cordon(Supervisor::start(command.stdout(Stdio::null()))?)
        } else {
            let mut command = java(cluster)?;
            command.arg(name.word()).env("PEERS_GROUP", &group);
            command.env("PEERS_STATE_DIR", cluster.path(&group));
            let mut java = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            let stdin = java.stdin.take();
            Running::Peer { java, stdin }
        };
        Ok(Self { name, group, running })
    }

    /// CPU time of all its processes so far.
    pub(super) fn cpu(&self) -> Result<Duration> {
        Ok(cpu::of_tree(match &self.running {
            Running::Cordon(supervisor) => supervisor.id(),
            Running::Peer { java, .. } => java.id(),
        })?)
    }

    /// # Errors
    ///
    /// It ended by itself.
    pub(super) fn ensure_alive(&mut self) -> Result<()> {
        let ended = match &mut self.running {
            Running::Cordon(supervisor) => supervisor.ended()?,
            Running::Peer { java, .. } => java.try_wait()?,
        };
        ensure!(ended.is_none(), "{} ended by itself: {ended:?}", self.name);
        Ok(())
    }

    /// Stops it in good order. A peer says what it did; cordon's receipts do.
    pub(super) fn stop(self) -> Result<Option<Counts>> {
        match self.running {
            Running::Cordon(supervisor) => {
                let status = supervisor.stop()?;
                ensure!(status.success(), "the stage ended with {status}");
                Ok(None)
            }
            Running::Peer { mut java, stdin } => {
                drop(stdin);
                let mut words = String::new();
                let stdout = java.stdout.as_mut().context("its standard output is piped")?;
                stdout.read_to_string(&mut words)?;
                let status = java.wait()?;
                ensure!(status.success(), "{} ended with {status}", self.name);
                Ok(Some(serde_json::from_str(&words).context("what a peer says of itself")?))
            }
        }
    }
}

/// Java with the peers' classes, as their principal.
pub(super) fn java(cluster: &Cluster) -> Result<Command> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = env::var_os("CORDON_PEERS")
        .map_or_else(|| source.join("../.cache/peers"), PathBuf::from)
        .canonicalize();
    let Ok(built) = built else { bail!("the peers are not built: make bench-peers does it") };
    let mut command = cluster.program(Path::new("java"), PRINCIPAL);
    command.arg(format!("@{}", source.join("peers/jvm.options").display()));
    command.arg("-cp").arg(format!("{0}/classes:{0}/libs/*", built.display()));
    command.arg("cordon.peers.Main");
    Ok(command)
}
