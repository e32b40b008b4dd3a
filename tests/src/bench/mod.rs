//! `make bench`: what isolation and exactly-once cost.
//!
//! For each corpus, a few pairs: the same telemetry is ingested into `logs`, then `cordon run
//! generate` works it off on a real Kafka and a real S3 API, and the same stage code does so in a
//! plain loop over the same payload objects. Which of the two goes first alternates, and ratios
//! are taken within a pair, because the machine may be shared. Both must give the same graph.
//!
//! What counts as cordon's is all of its processes: supervisor, courier, zygote and cells, from the
//! moment the stage has its partitions until its last receipt is committed. Broker and S3 server
//! are told apart.

mod cluster;
mod content;
mod corpus;
mod cpu;
mod figures;
pub mod memory;
mod offsets;
pub mod peers;
mod plain;
mod pointers;
pub mod profile;
pub mod scaling;
mod stage;

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::log::Log as _;
use cordon_records::{Digest, Receipt};
use serde::Deserialize;

use self::{
    cluster::{Cluster, Payload, Skip},
    corpus::Corpus,
    figures::Figures,
    plain::Plain,
    stage::{Receipts, Run},
};

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Pairs for each corpus; an odd number has a middle.
    pub pairs: usize,
    /// Slots of the stage.
    pub slots: u32,
    /// The only corpus to run on: `otrf` or `generated`.
    pub corpus: Option<String>,
}

/// Runs the bench, and prints one line of figures for each corpus.
///
/// # Errors
///
/// A server or the stage did not start, a run took too long, or the two of a pair differ.
#[expect(clippy::print_stdout, reason = "printing is its purpose")]
pub fn run(options: &Options) -> Result<()> {
    ensure!(!cfg!(debug_assertions), "a debug build is no measure: run `make bench`");
    let started = now();
    let cluster = Cluster::start()?;
    let mut bench = Bench::new(&cluster, options.slots)?;
    for corpus in &corpora(&cluster, options.corpus.as_deref())? {
        let mut pairs = Vec::new();
        for number in 0..options.pairs {
            let pair = bench.pair(corpus, number % 2 == 0)?;
            println!("{} {}", corpus.name, pair.summary());
            pairs.push(pair);
        }
        let figures = Figures::new(corpus, options.slots, &pairs);
        println!("figures: {}", serde_json::to_string(&figures)?);
    }
    println!("bench: {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Both corpora, as far as they are at hand, or the only one of that name.
#[expect(clippy::print_stdout, reason = "what is left out must be said")]
fn corpora(cluster: &Cluster, only: Option<&str>) -> Result<Vec<Corpus>> {
    let mut corpora = Vec::new();
    match Corpus::otrf()? {
        Some(corpus) => corpora.push(corpus),
        None => println!("no handed-out telemetry here (CORDON_DATA): generated telemetry alone"),
    }
    corpora.push(Corpus::generated(&cluster.path("."))?);
    corpora.retain(|corpus| only.is_none_or(|name| name == corpus.name));
    ensure!(!corpora.is_empty(), "no such corpus: it is otrf or generated");
    Ok(corpora)
}

/// What became of datapoints, and of what they gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
struct Counts {
    mapped: i64,
    not_mapped: i64,
    dead: i64,
    elements_in: i64,
    elements_out: i64,
}

impl Counts {
    fn datapoints(&self) -> i64 {
        self.mapped + self.not_mapped + self.dead
    }

    fn add(&mut self, receipt: &Receipt) {
        for input in &receipt.inputs {
            self.mapped += input.output.count();
            self.not_mapped += input.not_mapped.count();
            self.dead += input.dead.count();
        }
        self.elements_in += receipt.elements_in;
        self.elements_out += receipt.elements_out;
    }

    /// What does not depend on how the work was cut into batches.
    fn fates(&self) -> [i64; 4] {
        [self.mapped, self.not_mapped, self.dead, self.elements_in]
    }
}

/// Both runs over one ingest of a corpus.
struct Pair {
    cordon: Run,
    plain: Plain,
    /// Of either's graph.
    output: Digest,
}

impl Pair {
    fn cpu_ratio(&self) -> f64 {
        self.cordon.cpu.as_secs_f64() / self.plain.cpu.as_secs_f64()
    }

    fn wall_ratio(&self) -> f64 {
        self.cordon.wall.as_secs_f64() / self.plain.wall.as_secs_f64()
    }

    fn summary(&self) -> String {
        let Self { cordon, plain, .. } = self;
        format!(
            "{} datapoints: cordon {:.2} s wall, {:.2} s CPU ({:.2} s courier); plain loop {:.2} s \
             CPU; CPU ratio {:.3}",
            cordon.counts.datapoints(),
            cordon.wall.as_secs_f64(),
            cordon.cpu.as_secs_f64(),
            cordon.courier_cpu.as_secs_f64(),
            plain.cpu.as_secs_f64(),
            self.cpu_ratio(),
        )
    }
}

/// What the pairs share.
struct Bench<'c> {
    cluster: &'c Cluster,
    slots: u32,
    /// Of the stage's output topic.
    partitions: i32,
    receipts: Receipts,
    inputs: Skip,
    outputs: Skip,
}

impl<'c> Bench<'c> {
    fn new(cluster: &'c Cluster, slots: u32) -> Result<Self> {
        Ok(Self {
            cluster,
            slots,
            partitions: cluster.log().partitions(&[OUTPUT])?[0],
            receipts: Receipts::open(cluster, GENERATE)?,
            inputs: Skip::default(),
            outputs: Skip::default(),
        })
    }

    fn pair(&mut self, corpus: &Corpus, is_cordon_first: bool) -> Result<Pair> {
        let path = corpus.path.to_str().context("a path is not UTF-8")?;
        self.cluster.run("ingest", &["ingest", path])?;
        let payloads = self.cluster.payloads(INPUT, &mut self.inputs)?;
        let datapoints = payloads.iter().map(|payload| payload.datapoints).sum();
        let (cordon, plain);
        if is_cordon_first {
            cordon = self.cordon(datapoints)?;
            plain = plain::run(&payloads, self.partitions)?;
        } else {
            plain = plain::run(&payloads, self.partitions)?;
            cordon = self.cordon(datapoints)?;
        }
        ensure!(
            cordon.counts.fates() == plain.counts.fates(),
            "fates differ: {:?} of cordon, {:?} of the plain loop",
            cordon.counts,
            plain.counts
        );
        let stored = self.cluster.payloads(OUTPUT, &mut self.outputs)?;
        let output = content::hash(stored.iter().map(|Payload { bytes, .. }| &bytes[..]))?;
        let of_plain = content::hash(plain.output.iter().map(|bytes| &bytes[..]))?;
        ensure!(output == of_plain, "graphs differ: {output} of cordon, {of_plain}");
        Ok(Pair { cordon, plain, output })
    }

    fn cordon(&mut self, datapoints: i64) -> Result<Run> {
        stage::run(self.cluster, self.slots, &mut self.receipts, datapoints)
    }
}

const GENERATE: &str = "generate";
const INPUT: &str = "logs";
const OUTPUT: &str = "subgraphs";

#[expect(clippy::disallowed_methods, reason = "a measurement needs the time")]
fn now() -> Instant {
    Instant::now()
}
