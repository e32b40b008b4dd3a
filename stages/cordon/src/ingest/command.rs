//! `cordon ingest PATHS`: files into the configured Kafka and S3.

use std::path::PathBuf;

use anyhow::Result;
use cordon_kafka::topology::Topology;

use super::{Ingest, find, settings};
use crate::{
    config::Config,
    supervisor::exit,
    terminal,
    wiring::{self, Opened},
    zygote::Zygote,
};

/// Ingests files. Those that are bad do not keep the good ones out; they are named at the end.
/// Returns the exit code.
pub(crate) fn run(paths: &[PathBuf], id: &str, config: &Config, is_json: bool) -> Result<i32> {
    let Opened { topology, log, store } = wiring::open(config)?;
    let found = find(paths)?;
    let zygote = Zygote::start("ingest", config.courier.jail)?;
    let settings = settings(&topology, &log)?;
    let runtime = crate::runtime()?;
    let ingest = Ingest {
        log: &log,
        store: &store,
        cells: &zygote.cells,
        runtime: runtime.handle(),
        settings: &settings,
        transactional_id: format!("{}{id}", Topology::transactional_prefix("ingest")),
    };
    let summary = ingest.run(found)?;
    let told = if is_json {
        terminal::escape_json(&serde_json::to_string(&summary)?)
    } else {
        format!(
            "{} files, {} datapoints in {} payloads, {} dead",
            summary.files, summary.datapoints, summary.payloads, summary.dead
        )
    };
    terminal::print((told + "\n").as_bytes())?;
    summary.complain("cordon dead list --stage ingest");
    Ok(if summary.faults.is_empty() { exit::STOPPED } else { exit::FAILED })
}
