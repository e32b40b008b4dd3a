//! From topology and configuration to what a courier is told.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use cordon_audit::StageWiring;
use cordon_courier::{InputKind, Limits, StageSettings};
use cordon_kafka::{
    connection::{Connection, Security},
    log::Log,
    real::{RealLog, Settings},
    secret::Password,
    topology::{InputSpec, Topology},
};
use cordon_store::{Credentials, DirectoryStore, RetryPolicy, S3Settings, S3Store, Store};

use crate::{
    bodies,
    config::{Config, KafkaConfig, StoreConfig},
};

/// This program's version, as it stands in receipts.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The configured topology, or the one that cordon comes with.
pub(crate) fn topology(file: Option<&Path>) -> Result<Topology> {
    let Some(file) = file else { return Ok(Topology::embedded()) };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the topology {}", file.display()))?;
    Topology::parse(&text).with_context(|| format!("the topology {}", file.display()))
}

/// Who connects to the configured Kafka.
pub(crate) fn connection(config: &Config) -> Result<Connection> {
    let Some(kafka) = &config.kafka else {
        bail!("no Kafka is configured: set kafka.bootstrap, kafka.username and kafka.password_file")
    };
    let KafkaConfig { bootstrap, tls, ca_file, username, password_file, .. } = kafka;
    let password = Password::read(password_file)
        .with_context(|| format!("the password file {}", password_file.display()))?;
    let security =
        if *tls { Security::SaslSsl { ca_file: ca_file.clone() } } else { Security::SaslPlaintext };
    Ok(Connection { security, ..Connection::plaintext(bootstrap, username, password) })
}

/// The configured Kafka, as this principal sees it.
pub(crate) fn log(config: &Config) -> Result<RealLog> {
    let session_timeout = config.kafka.as_ref().and_then(|kafka| kafka.session_timeout);
    let settings = session_timeout.map_or_else(Settings::default, Settings::for_session);
    Ok(RealLog::with_settings(connection(config)?, settings))
}

/// The configured store.
pub(crate) fn store(config: &Config) -> Result<Store> {
    match &config.store {
        None => bail!(
            "no store is configured: set s3.region and s3.credentials_file, or store.directory"
        ),
        Some(StoreConfig::Directory(directory)) => {
            let store = DirectoryStore::open(directory)
                .with_context(|| format!("cannot open the store {}", directory.display()))?;
            Ok(Store::Directory(store))
        }
        Some(StoreConfig::S3 { endpoint, region, path_style, credentials_file }) => {
            let credentials = Credentials::from_file(credentials_file)
                .with_context(|| format!("the credentials file {}", credentials_file.display()))?;
            let settings = S3Settings {
                endpoint: endpoint.clone(),
                region: region.clone(),
                path_style: *path_style,
                credentials,
                retry: RetryPolicy::default(),
            };
            Ok(Store::S3(S3Store::new(&settings)?))
        }
    }
}

/// What a courier of `stage` is told.
pub(crate) fn stage_settings(
    topology: &Topology,
    stage: &str,
    log: &impl Log,
    limits: Limits,
) -> Result<StageSettings> {
    let Some(spec) = topology.stages.get(stage) else {
        let known: Vec<&str> = topology.stages.keys().map(String::as_str).collect();
        bail!("the topology has no stage {stage}; it has {}", known.join(", "));
    };
    let output_schema = bodies::output_schema(stage)
        .with_context(|| format!("this cordon has no code for the stage {stage}"))?;
    Ok(StageSettings {
        stage: stage.to_owned(),
        version: VERSION.to_owned(),
        input: match spec.input {
            InputSpec::Pointers => InputKind::Pointers,
            InputSpec::Records => InputKind::Raw,
        },
        live_topics: spec.live.clone(),
        replay_topics: spec.replay.clone(),
        output_topic: Arc::from(spec.output.as_str()),
        output_partitions: log.partitions(&spec.output)?,
        output_schema,
        dead_topic: format!("dead.{stage}").into(),
        receipts_topic: format!("receipts.{stage}").into(),
        metrics_topic: format!("metrics.{stage}").into(),
        group: Topology::group(stage),
        bucket: topology.bucket.clone(),
        limits: Limits { linger: bodies::linger(stage), ..limits },
    })
}

/// What the audit must know: producers first, then stages.
pub(crate) fn audit_wiring(topology: &Topology) -> Vec<StageWiring> {
    let producers = topology.producers.iter().map(|(name, producer)| StageWiring {
        stage: name.clone(),
        inputs: Vec::new(),
        is_raw: false,
        output: producer.output.clone(),
    });
    let stages = topology.stages.iter().map(|(name, stage)| StageWiring {
        stage: name.clone(),
        inputs: stage.live.iter().chain(&stage.replay).cloned().collect(),
        is_raw: stage.input == InputSpec::Records,
        output: stage.output.clone(),
    });
    producers.chain(stages).collect()
}
