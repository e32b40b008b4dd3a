//! A stage as it is shipped: `cordon run STAGE`, and what its receipts say.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use cordon_kafka::{
    log::{Consumer as _, Log as _, Polled, TopicPartition},
    real::RealConsumer,
};
use cordon_records::{Receipt, single_object};

use super::{Counts, GENERATE, cluster::Cluster, cpu, now};
use crate::supervisor::Supervisor;

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

/// Runs generate over what waits in its input, `datapoints` of them: from the moment that it has
/// its partitions until the last receipt is committed.
pub(super) fn run(
    cluster: &Cluster,
    slots: u32,
    receipts: &mut Receipts,
    datapoints: i64,
) -> Result<Run> {
    let stage = Stage::start(cluster, GENERATE, slots, |_| {})?;
    let before = stage.spent(cluster)?;
    let started = now();
    let (counts, batches) = receipts.until(datapoints)?;
    let wall = started.elapsed();
    let spent = stage.spent(cluster)?.since(&before);
    stage.stop()?;
    Ok(Run {
        counts,
        batches,
        wall,
        cpu: spent.all,
        courier_cpu: spent.courier,
        broker_cpu: spent.broker,
        s3_cpu: spent.s3,
    })
}

/// CPU time of everybody.
pub(super) struct Spent {
    /// Of supervisor, courier, zygote and cells.
    pub(super) all: Duration,
    pub(super) courier: Duration,
    pub(super) broker: Duration,
    pub(super) s3: Duration,
}

impl Spent {
    /// What was spent since an earlier moment.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            all: self.all - before.all,
            courier: self.courier - before.courier,
            broker: self.broker - before.broker,
            s3: self.s3 - before.s3,
        }
    }
}

/// A running stage.
pub(super) struct Stage {
    supervisor: Supervisor,
    courier: u32,
    zygote: u32,
    /// What it logs.
    lines: mpsc::Receiver<String>,
}

impl Stage {
    /// Starts it, and waits until it has its partitions. `settings` adds to the command.
    pub(super) fn start(
        cluster: &Cluster,
        name: &str,
        slots: u32,
        settings: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        let mut command = cluster.cordon(name)?;
        command.env("CORDON_COURIER_SLOTS", slots.to_string()).args(["run", name]);
        settings(&mut command);
        let mut supervisor =
            Supervisor::start(command.stdout(Stdio::null()).stderr(Stdio::piped()))?;
        let log = supervisor.stderr().context("its log is piped")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let log = BufReader::new(log).lines().map_while(Result::ok);
            // Read to its end also when nobody listens: a full pipe would stop the stage.
            log.for_each(|line| drop(sender.send(line)));
        });
        let mut stage = Self { supervisor, courier: 0, zygote: 0, lines };
        let started: serde_json::Value = serde_json::from_str(&stage.line_with("\"started\"")?)?;
        let pid_of = |who: &str| -> Result<u32> {
            Ok(u32::try_from(started["fields"][who].as_u64().context("no pid in the log")?)?)
        };
        (stage.courier, stage.zygote) = (pid_of("courier")?, pid_of("zygote")?);
        for _ in 0..slots {
            stage.line_with("partitions assigned")?;
        }
        Ok(stage)
    }

    /// The process id of its supervisor.
    pub(super) fn supervisor(&self) -> u32 {
        self.supervisor.id()
    }

    /// The process id of the courier that it started first.
    pub(super) fn courier(&self) -> u32 {
        self.courier
    }

    /// The process id of that courier's zygote.
    pub(super) fn zygote(&self) -> u32 {
        self.zygote
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

    /// What was spent so far.
    pub(super) fn spent(&self, cluster: &Cluster) -> Result<Spent> {
        Ok(Spent {
            all: cpu::of_tree(self.supervisor.id())?,
            courier: cpu::of_tree(self.courier)?,
            broker: cluster.broker_cpu()?,
            s3: cluster.s3_cpu()?,
        })
    }

    /// Asks it to stop, and waits.
    pub(super) fn stop(self) -> Result<()> {
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
    pub(super) fn open(cluster: &Cluster, stage: &str) -> Result<Self> {
        let topic = format!("receipts.{stage}");
        let mut consumer = cluster.log().consumer(&format!("bench-{stage}"), &[&topic])?;
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
    pub(super) fn until(&mut self, datapoints: i64) -> Result<(Counts, usize)> {
        let (mut counts, mut batches) = (Counts::default(), 0);
        while counts.datapoints() < datapoints {
            let patient_until = now() + PATIENCE;
            let receipt = loop {
                match self.next(POLL)? {
                    Some(receipt) => break receipt,
                    None => ensure_patience(patient_until, &counts)?,
                }
            };
            counts.add(&receipt);
            batches += 1;
        }
        ensure!(counts.datapoints() == datapoints, "{} receipts too many", counts.datapoints());
        Ok((counts, batches))
    }

    /// The next receipt, if one comes within this time.
    pub(super) fn next(&mut self, within: Duration) -> Result<Option<Receipt>> {
        match self.consumer.poll(within)? {
            Polled::Record(record) => Ok(Some(single_object::decode(&record.value)?)),
            Polled::Nothing | Polled::Assigned(_) => Ok(None),
            Polled::Revoked(_) | Polled::Lost(_) => bail!("the receipts' partition was lost"),
        }
    }
}

fn ensure_patience(until: Instant, counts: &Counts) -> Result<()> {
    ensure!(now() < until, "no receipt in {PATIENCE:?}, after {} datapoints", counts.datapoints());
    Ok(())
}
