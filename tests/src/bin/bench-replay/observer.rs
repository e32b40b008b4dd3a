//! Receipts, as soon as they can be read, and what they say of time.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, anyhow, bail};
use cordon_kafka::{
    log::{Consumer as _, Log as _, Polled},
    real::{RealConsumer, RealLog},
};
use cordon_records::{Input, Lane, Receipt, Source, single_object};
use cordon_tests::world::World;

/// How exact arrivals are.
const POLL: Duration = Duration::from_millis(2);
/// What comes out later than this behind a window still belongs to what went in during it.
const AFTERMATH_MAX_MS: i64 = 60_000;

/// A receipt, when it was written, and when it could be read.
struct Seen {
    receipt: Receipt,
    written_ms: i64,
    arrived_ms: i64,
}

/// A span of time, milliseconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    from_ms: i64,
    to_ms: i64,
}

impl Window {
    /// Begins now, and has no end yet.
    pub(crate) fn begin() -> Self {
        Self { from_ms: now_ms(), to_ms: i64::MAX }
    }

    /// Ends now.
    pub(crate) fn end(self) -> Self {
        Self { to_ms: now_ms(), ..self }
    }

    /// Lets time pass.
    pub(crate) fn pass(duration: Duration) -> Self {
        let begun = Self::begin();
        thread::sleep(duration);
        begun.end()
    }

    fn has(&self, time_ms: i64) -> bool {
        (self.from_ms..self.to_ms).contains(&time_ms)
    }

    fn seconds(&self) -> f64 {
        (self.to_ms - self.from_ms) as f64 / 1e3
    }
}

/// Reads receipts on a thread of its own.
pub(crate) struct Observer {
    log: RealLog,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    reading: Option<JoinHandle<Result<()>>>,
}

impl Observer {
    /// Reads the receipts of these stages.
    pub(crate) fn start(world: &World, stages: &[&str]) -> Result<Self> {
        let topics: Vec<String> = stages.iter().map(|stage| format!("receipts.{stage}")).collect();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let consumer = world.log("admin")?.consumer("bench-replay", &topics)?;
        let (seen, stop) = (Arc::default(), Arc::default());
        let reading = {
            let (seen, stop) = (Arc::clone(&seen), Arc::clone(&stop));
            thread::spawn(move || read(consumer, &seen, &stop))
        };
        Ok(Self { log: world.log("admin")?, seen, stop, reading: Some(reading) })
    }

    /// # Errors
    ///
    /// Nobody reads any more.
    fn check(&self) -> Result<()> {
        match &self.reading {
            Some(reading) if !reading.is_finished() => Ok(()),
            _ => bail!("the receipts are not read any more"),
        }
    }

    /// Datapoints a second of a stage in a lane, from its first receipt to its last.
    pub(crate) fn rate(&self, stage: &str, lane: Lane) -> Result<f64> {
        self.with(|seen| {
            let mine = seen.iter().filter(|seen| is_of(seen, stage, lane));
            let times = mine.clone().map(|seen| seen.arrived_ms);
            let (first, last) = (times.clone().min()?, times.max()?);
            // What the first receipt covers was done before it.
            let rest =
                mine.filter(|seen| seen.arrived_ms > first).map(|seen| datapoints(&seen.receipt));
            let window = Window { from_ms: first, to_ms: last };
            (last > first).then(|| rest.sum::<i64>() as f64 / window.seconds())
        })
        .with_context(|| format!("{stage} did too little to tell its rate"))
    }

    /// Datapoints a second of a stage's replay lane in a window.
    pub(crate) fn replayed(&self, stage: &str, window: &Window) -> Result<f64> {
        self.check()?;
        let done: i64 = self.with(|seen| {
            let mine = seen.iter().filter(|seen| is_of(seen, stage, Lane::Replay));
            mine.filter(|seen| window.has(seen.arrived_ms))
                .map(|seen| datapoints(&seen.receipt))
                .sum()
        });
        Ok(done as f64 / window.seconds())
    }

    /// From the receipt's write to when it can be read, of live batches: transactions.
    pub(crate) fn transactions(&self, window: &Window) -> Result<Vec<Duration>> {
        self.check()?;
        Ok(self.with(|seen| {
            let live = seen.iter().filter(|seen| seen.receipt.lane == Lane::Live);
            live.filter(|seen| window.has(seen.arrived_ms))
                .map(|seen| duration(seen.arrived_ms - seen.written_ms))
                .collect()
        }))
    }

    /// How long each pointer that was written to `logs` in the window took until the last receipt
    /// of what became of it.
    ///
    /// # Errors
    ///
    /// One of them has no receipt.
    pub(crate) fn latencies(&self, window: &Window) -> Result<Vec<Duration>> {
        self.check()?;
        let mut written = HashMap::new();
        for record in self.log.reader("logs")? {
            let record = record?;
            if window.has(record.timestamp_ms) {
                written.insert((record.at.partition, record.offset), record.timestamp_ms);
            }
        }
        self.with(|seen| {
            let in_time = seen.iter().filter(|seen| {
                (window.from_ms..window.to_ms + AFTERMATH_MAX_MS).contains(&seen.arrived_ms)
            });
            let live = in_time.filter(|seen| seen.receipt.lane == Lane::Live);
            // When what an object holds was last consumed.
            let mut consumed: HashMap<&str, i64> = HashMap::new();
            for seen in live.clone() {
                for input in &seen.receipt.inputs {
                    if let Source::PointerSource { topic, key, .. } = &input.source
                        && topic != "logs"
                    {
                        let last = consumed.entry(key).or_default();
                        *last = seen.arrived_ms.max(*last);
                    }
                }
            }
            let mut latencies = Vec::new();
            for seen in live {
                let objects = seen.receipt.outputs.iter().map(|output| &*output.key);
                let last = objects.filter_map(|key| consumed.get(key)).max();
                for input in &seen.receipt.inputs {
                    if let Source::PointerSource { topic, partition, offset, .. } = &input.source
                        && topic == "logs"
                        && let Some(began) = written.remove(&(*partition, *offset))
                    {
                        latencies.push(duration(last.unwrap_or(&seen.arrived_ms) - began));
                    }
                }
            }
            if written.is_empty() {
                Ok(latencies)
            } else {
                Err(anyhow!("{} got lost", written.len()))
            }
        })
    }

    fn with<T>(&self, look: impl FnOnce(&[Seen]) -> T) -> T {
        look(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // What it failed with was told by `check`.
        drop(self.reading.take().map(JoinHandle::join));
    }
}

fn read(mut consumer: RealConsumer, seen: &Mutex<Vec<Seen>>, stop: &AtomicBool) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        match consumer.poll(POLL)? {
            Polled::Assigned(added) => {
                let starts: Vec<_> = added.into_iter().map(|at| (at, 0)).collect();
                consumer.start(&starts)?;
            }
            Polled::Record(record) => {
                let receipt = single_object::decode(&record.value)?;
                let (written_ms, arrived_ms) = (record.timestamp_ms, now_ms());
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.push(Seen { receipt, written_ms, arrived_ms });
            }
            Polled::Nothing => {}
            Polled::Revoked(_) | Polled::Lost(_) => bail!("the receipts' partitions were lost"),
        }
    }
    Ok(())
}

fn is_of(seen: &Seen, stage: &str, lane: Lane) -> bool {
    seen.receipt.stage == stage && seen.receipt.lane == lane
}

fn datapoints(receipt: &Receipt) -> i64 {
    receipt.inputs.iter().map(Input::datapoints).sum()
}

fn duration(ms: i64) -> Duration {
    Duration::from_millis(ms.max(0).unsigned_abs())
}

#[expect(clippy::disallowed_methods, reason = "records of Kafka tell the time of day")]
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
