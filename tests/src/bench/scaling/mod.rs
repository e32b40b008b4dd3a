//! `make bench-scaling`: what more slots give, and whether a model knows it before.
//!
//! `cordon run generate` works off the same payloads with 1, 2, 4 and 8 slots, on one Kafka with
//! eight partitions and one S3 API. From the first run alone, and from what others left of the
//! machine in each run, the [`model`] says what the others will give; both are printed.

mod machine;
mod model;
mod round;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use self::{
    model::{Costs, Deployment, Limit},
    round::{Measured, Work},
};
use super::{
    GENERATE, INPUT,
    cluster::{Cluster, Skip},
    corpus::Corpus,
    now,
    pointers::{Named, Pointers},
    stage::Receipts,
};
use crate::figures::rounded;

/// As many as the most slots that are run.
const PARTITIONS: i32 = 8;
const SLOTS: [u32; 4] = [1, 2, 4, 8];
/// The embedded topology, but for its partitions.
const TOPOLOGY: &str = include_str!("../../../../kafka/topology.yaml");
/// Datapoints a second for which a deployment is told.
const RATES: [f64; 3] = [1e5, 1e6, 1e7];

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often a corpus is worked off while the time is taken.
    pub laps: usize,
}

#[derive(Debug, Serialize)]
struct Figures {
    slots: BTreeMap<u32, Outcome>,
    /// The largest share by which what was predicted is off what was measured.
    model_error: f64,
}

#[derive(Debug, Serialize)]
struct Outcome {
    #[serde(flatten)]
    measured: Measured,
    predicted_per_s: f64,
    limit: Limit,
}

/// Runs the bench, and prints one line of figures.
///
/// # Errors
///
/// A server or the stage did not start, or the stage stands still.
#[expect(clippy::print_stdout, reason = "printing is its purpose")]
pub fn run(options: &Options) -> Result<()> {
    ensure!(!cfg!(debug_assertions), "a debug build is no measure: run `make bench-scaling`");
    let started = now();
    let topology = TOPOLOGY.replace("partitions: 4,", &format!("partitions: {PARTITIONS},"));
    let cluster = Cluster::start_on(&topology)?;
    let corpus = Corpus::generated(&cluster.path("."))?;
    let path = corpus.path.to_str().context("a path is not UTF-8")?;
    let mut read = Skip::default();
    // Of each its own objects: what is measured was not fetched to warm up by.
    let mut warm = store(&cluster, "bench-scaling-warm", path, &mut read)?;
    let mut work = store(&cluster, "bench-scaling", path, &mut read)?;
    round::skip_input(&cluster, PARTITIONS)?;
    let mut receipts = Receipts::open(&cluster, GENERATE)?;
    let (mut outcomes, mut first) = (BTreeMap::new(), None);
    for slots in SLOTS {
        let measured =
            round::play(&cluster, slots, &mut receipts, &mut warm, &mut work, options.laps)?;
        let costs: &Costs =
            first.get_or_insert_with(|| measured.costs(work.payloads_per_million()));
        let (limit, per_s) = costs.first_limit(&Deployment {
            slots,
            partitions: PARTITIONS.unsigned_abs(),
            cores: measured.cores_left,
            broker_cores: None,
            prefixes: 1,
        });
        println!("{slots} slots: {}", serde_json::to_string(&measured)?);
        println!("  the model says {per_s:.0}/s, by {limit:?}: {}", limit.knob());
        let outcome = Outcome { measured, predicted_per_s: per_s.round(), limit };
        outcomes.insert(slots, outcome);
    }
    tell_needs(&first.context("one number of slots at least is run")?)?;
    let error = |Outcome { measured, predicted_per_s, .. }: &Outcome| {
        (predicted_per_s / measured.datapoints_per_s - 1.0).abs()
    };
    let model_error = rounded(outcomes.values().map(error).fold(0.0, f64::max));
    println!("bench-scaling: {:.0} s", started.elapsed().as_secs_f64());
    println!("figures: {}", serde_json::to_string(&Figures { slots: outcomes, model_error })?);
    Ok(())
}

/// Ingests the corpus, and makes its pointers work that can be given again.
fn store(cluster: &Cluster, name: &str, path: &str, read: &mut Skip) -> Result<Work> {
    cluster.run("ingest", &["ingest", path])?;
    let mut named = Named::default();
    named.read(cluster, INPUT, read)?;
    let Named { records, datapoints, .. } = named;
    Ok(Work { pointers: Pointers::new(cluster, name, INPUT, records)?, datapoints })
}

/// What one of each thing is good for, and what rates need.
#[expect(clippy::print_stdout, reason = "printing is its purpose")]
fn tell_needs(costs: &Costs) -> Result<()> {
    let one =
        Deployment { slots: 1, partitions: 1, cores: 1.0, broker_cores: Some(1.0), prefixes: 1 };
    // Nothing else runs on the machines of a stage.
    let alone = Costs { beside_cpu_us: 0.0, ..*costs };
    for (limit, per_s) in alone.limits(&one) {
        println!("one of {limit:?} is good for {per_s:.0}/s; then: {}", limit.knob());
    }
    for per_s in RATES {
        println!("{per_s:.0}/s needs {}", serde_json::to_string(&costs.needs(per_s))?);
    }
    Ok(())
}
