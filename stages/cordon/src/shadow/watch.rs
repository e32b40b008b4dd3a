//! Notices that a shadow has come to the end of its range, whichever courier did the last of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Result;
use cordon_kafka::{admin::Admin, log::TopicPartition, real::RealLog, topology::Shadow};

use super::plan::Plan;

/// How often it is looked.
const PERIOD: Duration = Duration::from_secs(1);

/// Asks for what the group has committed.
pub(crate) struct Watch {
    log: RealLog,
    group: String,
    plan: Plan,
}

impl Watch {
    pub(crate) fn new(log: RealLog, shadow: &Shadow, plan: Plan) -> Self {
        Self { log, group: shadow.group().to_owned(), plan }
    }

    /// Looks until all is done or `stop` is raised, which it raises itself when all is done. Gives
    /// whether that is so.
    pub(crate) fn start(self, stop: Arc<AtomicBool>) -> thread::JoinHandle<bool> {
        thread::spawn(move || {
            loop {
                match self.is_done() {
                    Ok(true) => {
                        stop.store(true, Ordering::Relaxed);
                        return true;
                    }
                    Ok(false) => {}
                    Err(error) => tracing::warn!("cannot look whether all is done: {error:#}"),
                }
                // A courier that is to stop must not wait for a whole period.
                for _ in 0..10 {
                    if stop.load(Ordering::Relaxed) {
                        return false;
                    }
                    thread::sleep(PERIOD / 10);
                }
            }
        })
    }

    /// Whether no record of the range lies behind what is committed. Offsets alone do not tell:
    /// behind the last record lie those of transactions.
    fn is_done(&self) -> Result<bool> {
        let committed = Admin::new(self.log.connection())?.group_offsets(&self.group)?;
        let mut left = Vec::new();
        for (at, range) in self.plan.wanted() {
            let next = committed.get(&at).map_or(range.start, |committed| committed.offset);
            if next < range.end {
                left.push((TopicPartition::clone(&at), next..range.end));
            }
        }
        if left.is_empty() {
            return Ok(true);
        }
        Ok(self.log.ranges_reader(&self.plan.topic, left)?.next().transpose()?.is_none())
    }
}
