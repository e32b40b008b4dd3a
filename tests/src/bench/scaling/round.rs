//! One number of slots, measured.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::topology::Topology;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Counts, GENERATE, INPUT,
        cluster::Cluster,
        now, offsets,
        pointers::Pointers,
        stage::{Receipts, Spent, Stage},
    },
    machine::Machine,
    model::Costs,
};
use crate::figures::{middle, rounded};

/// For the next receipt.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);
/// How old the S3 server's counts may be, and some more.
const COUNTS_AGE: Duration = Duration::from_millis(1_500);

/// What was measured with one number of slots. CPU is for each datapoint, of the stage's own
/// processes, the broker, and the S3 server.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Measured {
    pub(super) datapoints_per_s: f64,
    cpu_us: f64,
    courier_cpu_us: f64,
    broker_cpu_us: f64,
    s3_cpu_us: f64,
    transactions_per_s: f64,
    datapoints_per_transaction: f64,
    /// From a transaction's begin until a reader of committed records has its receipt, the middle.
    transaction_ms: f64,
    gets_per_million: f64,
    puts_per_million: f64,
    /// Slots that committed anything.
    slots_at_work: usize,
    /// What others left of the machine meanwhile.
    pub(super) cores_left: f64,
}

impl Measured {
    /// As the model takes it, of work with so many payloads a million datapoints. Each is fetched
    /// once: that laps fetch some of them from a slot's cache is the bench's alone.
    pub(super) fn costs(&self, payloads_per_million: f64) -> Costs {
        Costs {
            slot_per_s: self.datapoints_per_s,
            stage_cpu_us: self.cpu_us,
            broker_cpu_us_per_transaction: self.broker_cpu_us * self.datapoints_per_transaction,
            beside_cpu_us: self.s3_cpu_us,
            datapoints_per_transaction: self.datapoints_per_transaction,
            gets_per_million: payloads_per_million,
            puts_per_million: self.puts_per_million,
        }
    }
}

/// Pointers, and how many datapoints they name.
pub(super) struct Work {
    pub(super) pointers: Pointers,
    pub(super) datapoints: i64,
}

impl Work {
    pub(super) fn payloads_per_million(&self) -> f64 {
        self.pointers.records().len() as f64 * 1e6 / self.datapoints as f64
    }
}

/// Starts the stage with so many slots, lets it do the first work to warm up by, and measures the
/// other, which is there all at once.
pub(super) fn play(
    cluster: &Cluster,
    slots: u32,
    receipts: &mut Receipts,
    warm: &mut Work,
    work: &mut Work,
    laps: usize,
) -> Result<Measured> {
    let stage = Stage::start(cluster, GENERATE, slots, |_| {})?;
    warm.pointers.write(1)?;
    Seen::until(receipts, warm.datapoints)?;
    std::thread::sleep(COUNTS_AGE);
    let requests = requests(cluster)?;
    let (machine, spent) = (Machine::look()?, stage.spent(cluster)?);
    let started = work.pointers.write(laps)?;
    let seen = Seen::until(receipts, work.datapoints * laps as i64)?;
    let (wall, after) = (started.elapsed(), stage.spent(cluster)?);
    let cores_left = Machine::look()?.cores_since(&machine)?;
    std::thread::sleep(COUNTS_AGE);
    let requests = self::requests(cluster)?.since(&requests);
    stage.stop()?;
    Ok(measured(&seen, wall, &after.since(&spent), requests, cores_left))
}

fn measured(
    seen: &Seen,
    wall: Duration,
    spent: &Spent,
    requests: Requests,
    cores_left: f64,
) -> Measured {
    let datapoints = seen.counts.datapoints() as f64;
    let transactions = seen.latencies_ms.len() as f64;
    let us = |cpu: Duration| rounded(cpu.as_secs_f64() * 1e6 / datapoints);
    let per_s = |count: f64| rounded(count / wall.as_secs_f64());
    let per_million = |count: u64| rounded(count as f64 * 1e6 / datapoints);
    Measured {
        datapoints_per_s: per_s(datapoints).round(),
        cpu_us: us(spent.all),
        courier_cpu_us: us(spent.courier),
        broker_cpu_us: us(spent.broker),
        s3_cpu_us: us(spent.s3),
        transactions_per_s: per_s(transactions),
        datapoints_per_transaction: (datapoints / transactions).round(),
        transaction_ms: middle(seen.latencies_ms.iter().copied()).unwrap_or_default(),
        gets_per_million: per_million(requests.gets),
        puts_per_million: per_million(requests.puts),
        slots_at_work: seen.slots.len(),
        cores_left: rounded(cores_left),
    }
}

/// What receipts say.
#[derive(Default)]
struct Seen {
    counts: Counts,
    latencies_ms: Vec<f64>,
    slots: BTreeSet<String>,
}

impl Seen {
    /// Reads receipts until they cover so many datapoints.
    fn until(receipts: &mut Receipts, datapoints: i64) -> Result<Self> {
        let mut seen = Self::default();
        let mut heard = now();
        while seen.counts.datapoints() < datapoints {
            match receipts.next(POLL)? {
                Some(receipt) => {
                    seen.counts.add(&receipt);
                    seen.latencies_ms.push(now_ms()? - receipt.time_ms as f64);
                    seen.slots.insert(receipt.slot);
                    heard = now();
                }
                None => ensure!(heard.elapsed() < PATIENCE, "no receipt in {PATIENCE:?}"),
            }
        }
        ensure!(seen.counts.datapoints() == datapoints, "receipts of more than was given");
        Ok(seen)
    }
}

/// Lets the stage begin at the end of its input: ingest wrote there what is fed again.
pub(super) fn skip_input(cluster: &Cluster, partitions: i32) -> Result<()> {
    let admin = cluster.admin()?;
    let ends = offsets::ends(&admin, INPUT, partitions)?;
    offsets::begin_at(&admin, &Topology::group(GENERATE), ends, &offsets::progress())
}

/// What was asked of the S3 server.
#[derive(Clone, Copy, Debug)]
struct Requests {
    gets: u64,
    puts: u64,
}

impl Requests {
    fn since(self, before: &Self) -> Self {
        Self { gets: self.gets - before.gets, puts: self.puts - before.puts }
    }
}

fn requests(cluster: &Cluster) -> Result<Requests> {
    #[derive(Deserialize)]
    struct Published {
        allowed: BTreeMap<String, u64>,
    }
    let text = fs::read(cluster.path("s3.port.requests.json")).context("the S3 server's counts")?;
    let Published { allowed } = serde_json::from_slice(&text)?;
    let of = |operation: &str| allowed.get(operation).copied().unwrap_or_default();
    Ok(Requests { gets: of("GetObject"), puts: of("PutObject") })
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs the time")]
fn now_ms() -> Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as f64)
}
