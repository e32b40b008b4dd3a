//! Receipts, metrics and pointers, with the time at which each could be read.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Result, bail};
use cordon_kafka::{
    log::Record,
    real::{RealFollower, RealLog},
    topology::Topology,
};
use cordon_records::{Lane, Metrics, Pointer, Receipt, single_object};

use super::clock::Clock;

/// Between looks at whether to stop; a record does not wait for it.
const POLL: Duration = Duration::from_millis(100);

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Of live batches, with when each could be read.
    pub(super) receipts: Vec<(u64, Receipt)>,
    /// With the topic of each, of live lanes.
    pub(super) pointers: Vec<(u64, Arc<str>, Pointer)>,
    /// The last of each slot, by stage and slot, with when it could be read.
    pub(super) metrics: BTreeMap<(String, String), (u64, Metrics)>,
}

/// Reads on a thread of its own.
pub(super) struct Observer {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    reading: Option<JoinHandle<Result<()>>>,
}

impl Observer {
    /// Reads what the topology's stages say from now on.
    pub(super) fn start(log: &RealLog, topology: &Topology, clock: Clock) -> Result<Self> {
        let mut topics = Vec::new();
        for (name, stage) in &topology.stages {
            topics.extend([format!("receipts.{name}"), format!("metrics.{name}")]);
            topics.push(stage.output.clone());
        }
        topics.sort_unstable();
        topics.dedup();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let follower = log.follower(&topics)?;
        let (seen, stop) = (Arc::default(), Arc::default());
        let reading = {
            let (seen, stop) = (Arc::clone(&seen), Arc::clone(&stop));
            thread::spawn(move || read(follower, &seen, &stop, clock))
        };
        Ok(Self { seen, stop, reading: Some(reading) })
    }

    /// What was read so far.
    ///
    /// # Errors
    ///
    /// Nobody reads any more.
    pub(super) fn seen(&mut self) -> Result<MutexGuard<'_, Seen>> {
        if self.reading.as_ref().is_none_or(JoinHandle::is_finished) {
            match self.reading.take().map(JoinHandle::join) {
                Some(Ok(Err(error))) => return Err(error),
                _ => bail!("receipts are not read any more"),
            }
        }
        Ok(lock(&self.seen))
    }

    /// Forgets receipts and pointers: a pass begins.
    pub(super) fn forget(&mut self) -> Result<()> {
        let mut seen = self.seen()?;
        seen.receipts.clear();
        seen.pointers.clear();
        Ok(())
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // What it failed with was told by `seen`.
        drop(self.reading.take().map(JoinHandle::join));
    }
}

fn read(
    mut follower: RealFollower,
    seen: &Mutex<Seen>,
    stop: &AtomicBool,
    clock: Clock,
) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        if let Some(record) = follower.next_within(POLL)? {
            lock(seen).add(clock.now_us(), &record)?;
        }
    }
    Ok(())
}

impl Seen {
    fn add(&mut self, at_us: u64, record: &Record) -> Result<()> {
        let topic = &record.at.topic;
        if topic.starts_with("receipts.") {
            let receipt: Receipt = single_object::decode(&record.value)?;
            if receipt.lane == Lane::Live {
                self.receipts.push((at_us, receipt));
            }
        } else if topic.starts_with("metrics.") {
            let metrics: Metrics = single_object::decode(&record.value)?;
            let slot = (metrics.stage.clone(), metrics.slot.clone());
            self.metrics.insert(slot, (at_us, metrics));
        } else {
            self.pointers.push((at_us, topic.clone(), single_object::decode(&record.value)?));
        }
        Ok(())
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
