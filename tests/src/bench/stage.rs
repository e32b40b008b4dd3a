//! The stage generate as it is shipped: `cordon run generate`, and what its receipts say.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use cordon_kafka::{
    log::{Consumer as _, Log as _, Polled, TopicPartition},
    real::RealConsumer,
};
use cordon_records::{Receipt, single_object};

use super::{Counts, cluster::Cluster, cpu, now};
use crate::supervisor::Supervisor;

const STAGE: &str = "generate";
/// For a courier to join its group, or for the next receipt to come.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between looks at the clock while receipts are waited for.
const POLL: Duration = Duration::from_millis(100);

/// What one run took.
pub(super) struct Run {
    pub(super) counts: Counts,
    pub(super) batches: usize,
    pub(super) wall: Duration,
    /// Of supervisor, courier, zygote and cells.
    pub(super) cpu: Duration,
    /// Of the courier alone.
    pub(super) courier_cpu: Duration,
    pub(super) broker_cpu: Duration,
    pub(super) s3_cpu: Duration,
}

/// Runs the stage over what waits in its input, `datapoints` of them: from the moment that it has
/// its partitions until the last receipt is committed.
pub(super) fn run(
    cluster: &Cluster,
    slots: u32,
    receipts: &mut Receipts,
    datapoints: i64,
) -> Result<Run> {
    let stage = Stage::start(cluster, slots)?;
    let before = stage.spent(cluster)?;
    let started = now();
    let (counts, batches) = receipts.until(datapoints)?;
    let wall = started.elapsed();
    let after = stage.spent(cluster)?;
    stage.stop()?;
    Ok(Run {
        counts,
        batches,
        wall,
        cpu: after.all - before.all,
        courier_cpu: after.courier - before.courier,
        broker_cpu: after.broker - before.broker,
        s3_cpu: after.s3 - before.s3,
    })
}

struct Spent {
    all: Duration,
    courier: Duration,
    broker: Duration,
    s3: Duration,
}

/// A running stage.
struct Stage {
    supervisor: Supervisor,
    courier: u32,
    /// What it logs.
    lines: mpsc::Receiver<String>,
}

impl Stage {
    /// Starts it, and waits until it has its partitions.
    fn start(cluster: &Cluster, slots: u32) -> Result<Self> {
        let mut command = cluster.cordon(STAGE)?;
        command.env("CORDON_COURIER_SLOTS", slots.to_string()).args(["run", STAGE]);
        let mut supervisor =
            Supervisor::start(command.stdout(Stdio::null()).stderr(Stdio::piped()))?;
        let log = supervisor.stderr().context("its log is piped")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let log = BufReader::new(log).lines().map_while(Result::ok);
            // Read to its end also when nobody listens: a full pipe would stop the stage.
            log.for_each(|line| drop(sender.send(line)));
        });
        let mut stage = Self { supervisor, courier: 0, lines };
        let started: serde_json::Value = serde_json::from_str(&stage.line_with("\"started\"")?)?;
        let courier = started["fields"]["courier"].as_u64().context("no pid in the log")?;
        stage.courier = u32::try_from(courier)?;
        for _ in 0..slots {
            stage.line_with("partitions assigned")?;
        }
        Ok(stage)
    }

    fn line_with(&self, words: &str) -> Result<String> {
        let until = now() + PATIENCE;
        let mut log = String::new();
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(now())) {
            if line.contains(words) {
                return Ok(line);
            }
            log += &line;
            log += "\n";
        }
        bail!("the stage never logged {words:?}; it logged:\n{log}")
    }

    fn spent(&self, cluster: &Cluster) -> Result<Spent> {
        Ok(Spent {
            all: cpu::of_tree(self.supervisor.id())?,
            courier: cpu::of_tree(self.courier)?,
            broker: cluster.broker_cpu()?,
            s3: cluster.s3_cpu()?,
        })
    }

    /// Asks it to stop, and waits.
    fn stop(self) -> Result<()> {
        let status = self.supervisor.stop()?;
        ensure!(status.success(), "the stage ended with {status}");
        Ok(())
    }
}

/// The stage's receipts, read as they are committed.
pub(super) struct Receipts {
    consumer: RealConsumer,
}

impl Receipts {
    /// Joins a group of its own; the administrator may.
    pub(super) fn open(cluster: &Cluster) -> Result<Self> {
        let topic = format!("receipts.{STAGE}");
        let mut consumer = cluster.log().consumer("bench", &[&topic])?;
        let until = now() + PATIENCE;
        while now() < until {
            if let Polled::Assigned(partitions) = consumer.poll(POLL)? {
                let starts: Vec<(TopicPartition, i64)> =
                    partitions.into_iter().map(|at| (at, 0)).collect();
                consumer.start(&starts)?;
                return Ok(Self { consumer });
            }
        }
        bail!("{topic} was not assigned in {PATIENCE:?}")
    }

    /// Waits until further receipts cover so many datapoints. Returns what they count, and how
    /// many they are.
    fn until(&mut self, datapoints: i64) -> Result<(Counts, usize)> {
        let (mut counts, mut batches) = (Counts::default(), 0);
        let mut patient_until = now() + PATIENCE;
        while counts.datapoints() < datapoints {
            match self.consumer.poll(POLL)? {
                Polled::Record(record) => {
                    let receipt: Receipt = single_object::decode(&record.value)?;
                    counts.add(&receipt);
                    batches += 1;
                    patient_until = now() + PATIENCE;
                }
                Polled::Nothing | Polled::Assigned(_) => ensure_patience(patient_until, &counts)?,
                Polled::Revoked(_) | Polled::Lost(_) => bail!("the receipts' partition was lost"),
            }
        }
        ensure!(counts.datapoints() == datapoints, "{} receipts too many", counts.datapoints());
        Ok((counts, batches))
    }
}

fn ensure_patience(until: Instant, counts: &Counts) -> Result<()> {
    ensure!(now() < until, "no receipt in {PATIENCE:?}, after {} datapoints", counts.datapoints());
    Ok(())
}
