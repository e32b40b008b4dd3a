//! From topology and configuration to what a courier is told.

use std::{
    error::Error,
    path::Path,
    sync::{Arc, OnceLock},
};

use anyhow::{Context as _, Result};
use cordon_audit::{StageKind, StageWiring};
use cordon_courier::{InputKind, Limits, StageSettings};
use cordon_kafka::{
    connection::{Connection, Security},
    log::Log,
    real::{RealLog, Settings},
    secret::Password,
    topology::{InputSpec, Shadow, Topology},
};
use cordon_store::{Credentials, DirectoryStore, RetryPolicy, S3Settings, S3Store, Store};

use crate::{
    bodies,
    config::{Config, ConfigFaults, KafkaConfig, StoreConfig},
};

/// This program's version, as it stands in pointers, receipts and letters.
pub(crate) fn version() -> &'static str {
    VERSION.get().copied().unwrap_or(env!("CARGO_PKG_VERSION"))
}

/// What the program calls itself, where it is not this crate's version.
pub(crate) static VERSION: OnceLock<&'static str> = OnceLock::new();

/// What a configuration names, opened. Nothing is connected yet.
pub(crate) struct Opened {
    pub(crate) topology: Topology,
    pub(crate) log: RealLog,
    pub(crate) store: Store,
}

/// Opens all that a configuration names, and tells all that is wrong with it at once.
pub(crate) fn open(config: &Config) -> Result<Opened, ConfigFaults> {
    let mut faults = ConfigFaults::default();
    let topology = faults.sift(topology(config.topology.as_deref()));
    let log = faults.sift(log(config));
    let store = faults.sift(store(config));
    match (topology, log, store) {
        (Some(topology), Some(log), Some(store)) => Ok(Opened { topology, log, store }),
        _ => Err(faults),
    }
}

/// The configured topology, or the one that cordon comes with.
pub(crate) fn topology(file: Option<&Path>) -> Result<Topology, ConfigFaults> {
    let Some(file) = file else { return Ok(Topology::embedded()) };
    let text = std::fs::read_to_string(file).map_err(|error| fault("topology", file, &error))?;
    Topology::parse(&text).map_err(|error| fault("topology", file, &error))
}

/// Who connects to the configured Kafka.
pub(crate) fn connection(config: &Config) -> Result<Connection, ConfigFaults> {
    let Some(kafka) = &config.kafka else {
        return Err(ConfigFaults::one(
            "no Kafka is configured: set kafka.bootstrap, kafka.username and kafka.password_file",
        ));
    };
    let KafkaConfig { bootstrap, tls, ca_file, username, password_file, .. } = kafka;
    let mut faults = ConfigFaults::default();
    let password = Password::read(password_file)
        .map_err(|error| fault("kafka.password_file", password_file, &error));
    let password = faults.sift(password);
    // Read by librdkafka, which tells less.
    let readable = ca_file.as_ref().map_or(Ok(()), |file| {
        std::fs::read(file).map(drop).map_err(|error| fault("kafka.ca_file", file, &error))
    });
    faults.sift(readable);
    let password = password.filter(|_| faults.0.is_empty()).ok_or(faults)?;
    let security =
        if *tls { Security::SaslSsl { ca_file: ca_file.clone() } } else { Security::SaslPlaintext };
    Ok(Connection { security, ..Connection::plaintext(bootstrap, username, password) })
}

/// The configured Kafka, as this principal sees it.
pub(crate) fn log(config: &Config) -> Result<RealLog, ConfigFaults> {
    let session_timeout = config.kafka.as_ref().and_then(|kafka| kafka.session_timeout);
    let settings = session_timeout.map_or_else(Settings::default, Settings::for_session);
    Ok(RealLog::with_settings(connection(config)?, settings))
}

/// The configured store.
pub(crate) fn store(config: &Config) -> Result<Store, ConfigFaults> {
    match &config.store {
        None => Err(ConfigFaults::one(
            "no store is configured: set s3.region and s3.credentials_file, or store.directory",
        )),
        Some(StoreConfig::Directory(directory)) => {
            let store = DirectoryStore::open(directory);
            let store = store.map_err(|error| fault("store.directory", directory, &error))?;
            Ok(Store::Directory(store))
        }
        Some(StoreConfig::S3 { .. }) => {
            let store = S3Store::new(&s3_settings(config)?);
            Ok(Store::S3(store.map_err(|error| ConfigFaults::one(error.to_string()))?))
        }
    }
}

/// How the configured S3 is reached: a directory cannot be listed.
pub(crate) fn s3_settings(config: &Config) -> Result<S3Settings, ConfigFaults> {
    let Some(StoreConfig::S3 { endpoint, region, path_style, credentials_file }) = &config.store
    else {
        return Err(ConfigFaults::one(
            "no S3 is configured: set s3.region and s3.credentials_file",
        ));
    };
    let credentials = Credentials::from_file(credentials_file)
        .map_err(|error| fault("s3.credentials_file", credentials_file, &error))?;
    Ok(S3Settings {
        endpoint: endpoint.clone(),
        region: region.clone(),
        path_style: *path_style,
        credentials,
        retry: RetryPolicy::default(),
    })
}

/// What is wrong with a file or directory that a setting names.
fn fault(setting: &str, path: &Path, error: &(dyn Error + 'static)) -> ConfigFaults {
    let mut words = format!("{setting}, {}: {error}", path.display());
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(&format!(": {error}"));
        cause = error.source();
    }
    ConfigFaults::one(words)
}

/// A stage that is not declared is a slip of the pen.
pub(crate) fn known_stage(topology: &Topology, stage: &str) -> Result<(), ConfigFaults> {
    if topology.stages.contains_key(stage) {
        return Ok(());
    }
    let known: Vec<&str> = topology.stages.keys().map(String::as_str).collect();
    let known = known.join(", ");
    Err(ConfigFaults::one(format!("the topology has no stage {stage}; it has {known}")))
}

/// What a courier of `stage` is told.
pub(crate) fn stage_settings(
    topology: &Topology,
    stage: &str,
    log: &impl Log,
    limits: Limits,
) -> Result<StageSettings> {
    known_stage(topology, stage)?;
    let spec = &topology.stages[stage];
    let wired = Wired {
        name: stage.to_owned(),
        stage,
        outputs: spec.outputs().collect(),
        replay: spec.replay.clone(),
        side: SideTopics::of(stage),
        group: Topology::group(stage),
    };
    wired.settings(topology, log, limits)
}

/// What a courier of a shadow is told: what the stage's is, but for all that is written.
pub(crate) fn shadow_settings(
    topology: &Topology,
    shadow: &Shadow,
    log: &impl Log,
    limits: Limits,
) -> Result<StageSettings> {
    let wired = Wired {
        name: shadow.principal().to_owned(),
        stage: shadow.stage(),
        outputs: vec![shadow.output()],
        replay: Vec::new(),
        side: SideTopics {
            dead: shadow.dead().into(),
            receipts: shadow.receipts().into(),
            metrics: shadow.metrics().into(),
        },
        group: shadow.group().to_owned(),
    };
    wired.settings(topology, log, limits)
}

/// What differs between a stage and its shadows.
struct Wired<'a> {
    /// In receipts, letters and pointers.
    name: String,
    /// Whose code runs.
    stage: &'a str,
    /// One for each lane.
    outputs: Vec<String>,
    replay: Vec<String>,
    side: SideTopics,
    group: String,
}

impl Wired<'_> {
    fn settings(
        self,
        topology: &Topology,
        log: &impl Log,
        limits: Limits,
    ) -> Result<StageSettings> {
        let Self { name, stage, outputs, replay, side, group } = self;
        let spec = &topology.stages[stage];
        let output_schema = bodies::output_schema(stage)
            .with_context(|| format!("this cordon has no code for the stage {stage}"))?;
        let output_of_replay = outputs.last().unwrap_or(&outputs[0]);
        Ok(StageSettings {
            stage: name,
            version: version().to_owned(),
            input: match spec.input {
                InputSpec::Pointers => InputKind::Pointers,
                InputSpec::Records => InputKind::Raw,
            },
            live_topics: spec.live.clone(),
            replay_topics: replay,
            output_topic: Arc::from(outputs[0].as_str()),
            output_replay_topic: Arc::from(output_of_replay.as_str()),
            output_partitions: side.output_partitions(&outputs, log)?,
            output_schema,
            dead_topic: side.dead,
            receipts_topic: side.receipts,
            metrics_topic: side.metrics,
            group,
            bucket: topology.bucket.clone(),
            limits: Limits { linger: bodies::linger(stage), ..limits },
        })
    }
}

/// Each stage and producer has three topics of its own.
pub(crate) struct SideTopics {
    pub(crate) dead: Arc<str>,
    pub(crate) receipts: Arc<str>,
    pub(crate) metrics: Arc<str>,
}

impl SideTopics {
    pub(crate) fn of(name: &str) -> Self {
        Self {
            dead: format!("dead.{name}").into(),
            receipts: format!("receipts.{name}").into(),
            metrics: format!("metrics.{name}").into(),
        }
    }

    /// How many partitions the output has, in each of its lanes. Asks for all topics of a
    /// transaction, so that one that is missing is told now. Nothing waits for metrics.
    pub(crate) fn output_partitions(&self, outputs: &[String], log: &impl Log) -> Result<i32> {
        let side = [&*self.dead, &*self.receipts];
        let topics: Vec<&str> = outputs.iter().map(String::as_str).chain(side).collect();
        let counts = log.partitions(&topics)?;
        for (output, count) in outputs.iter().zip(&counts) {
            anyhow::ensure!(
                *count == counts[0],
                "{output} has {count} partitions, and {} has {}: a key's partition must be the \
                 same in both; declare and apply as many for each",
                outputs[0],
                counts[0]
            );
        }
        Ok(counts[0])
    }
}

/// What the audit must know: producers first, then stages, then what emits pointers again.
pub(crate) fn audit_wiring(topology: &Topology) -> Vec<StageWiring> {
    let producers = topology.producers.iter().map(|(name, producer)| StageWiring {
        stage: name.clone(),
        inputs: Vec::new(),
        kind: StageKind::Pointers,
        outputs: vec![producer.output.clone()],
    });
    let stages = topology.stages.iter().map(|(name, stage)| StageWiring {
        stage: name.clone(),
        inputs: stage.inputs().cloned().collect(),
        kind: match stage.input {
            InputSpec::Records => StageKind::Records,
            InputSpec::Pointers => StageKind::Pointers,
        },
        outputs: stage.outputs().collect(),
    });
    let replayer = topology.has_replayer().then(|| StageWiring {
        stage: Topology::REPLAYER.to_owned(),
        inputs: topology.replayable().into_iter().map(str::to_owned).collect(),
        kind: StageKind::Replayer,
        outputs: topology.replay_topics().map(str::to_owned).collect(),
    });
    producers.chain(stages).chain(replayer).collect()
}

/// What the audit must know of a shadow.
pub(crate) fn shadow_wiring(topology: &Topology, shadow: &Shadow) -> StageWiring {
    StageWiring {
        stage: shadow.principal().to_owned(),
        inputs: vec![shadow.input(topology).to_owned()],
        kind: StageKind::Pointers,
        outputs: vec![shadow.output()],
    }
}
