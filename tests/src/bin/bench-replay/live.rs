//! Live traffic: pointers to small payloads, written to `logs` at a steady rate.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use cordon_kafka::real::Shipper;
use cordon_records::{Pointer, single_object};
use cordon_tests::{patience::now, world::World};

use crate::{LIVE_LINES, observer::Window};

/// Pointers that are emitted at a rate, one after the other and then from the first on again.
pub(crate) struct Live {
    shipper: Shipper,
    pointers: Vec<Bytes>,
    every: Duration,
    next: usize,
}

impl Live {
    /// Takes the pointers of small files from `logs`. `rate` is in datapoints a second.
    pub(crate) fn new(world: &World, rate: f64) -> Result<Self> {
        let mut pointers = Vec::new();
        let mut datapoints = 0;
        for record in world.log("admin")?.reader("logs")? {
            let value = record?.value;
            let pointer: Pointer = single_object::decode(&value)?;
            let count = pointer.datapoints.context("ingest counts")?;
            if count <= LIVE_LINES as i64 {
                datapoints += count;
                pointers.push(value);
            }
        }
        ensure!(!pointers.is_empty(), "no small payloads");
        let mean = datapoints as f64 / pointers.len() as f64;
        let every = Duration::from_secs_f64(mean / rate);
        Ok(Self { shipper: world.log("admin")?.shipper()?, pointers, every, next: 0 })
    }

    /// Emits for so long. When one is late, those behind it keep their times: a stall shows in
    /// each of them.
    pub(crate) fn during(&mut self, duration: Duration) -> Result<Window> {
        let begun = Window::begin();
        let started = now();
        for due in (0..).map(|number| self.every * number).take_while(|due| *due < duration) {
            thread::sleep(due.saturating_sub(started.elapsed()));
            self.shipper.send("logs", &self.pointers[self.next])?;
            self.next = (self.next + 1) % self.pointers.len();
        }
        self.shipper.finish()?;
        Ok(begun.end())
    }
}
