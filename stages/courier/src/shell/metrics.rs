//! What a slot says of itself every few seconds.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use cordon_cell::CellUsage;
use cordon_kafka::log::{NewRecord, Record};
use cordon_records::single_object;
use cordon_store::Store;

use super::{
    buckets,
    processes::WatchedProcess,
    producer::{Measure, ProducerThread},
};
use crate::StageSettings;

/// Often enough for a person who watches, rare enough to cost nothing.
const PERIOD_MS: i64 = 5_000;

pub(super) struct Metrics {
    topic: Arc<str>,
    report: cordon_records::Metrics,
    due_ms: i64,
    /// The slot's own, which counts its requests.
    store: Store,
    processes: Vec<WatchedProcess>,
    /// Records that were read: plain records are datapoints, so that each is counted without looking
    /// names up.
    read_records: i64,
    read_bytes: i64,
}

impl Metrics {
    pub(super) fn new(
        settings: &StageSettings,
        slot: &str,
        notes: Vec<String>,
        store: Store,
        processes: Vec<WatchedProcess>,
    ) -> Self {
        let report = cordon_records::Metrics {
            stage: settings.stage.clone(),
            stage_version: settings.version.clone(),
            slot: slot.to_owned(),
            time_ms: 0,
            counters: BTreeMap::new(),
            gauges: BTreeMap::new(),
            notes,
        };
        let topic = settings.metrics_topic.clone();
        Self { topic, report, due_ms: 0, store, processes, read_records: 0, read_bytes: 0 }
    }

    pub(super) fn count(&mut self, name: &str, count: i64) {
        match self.report.counters.get_mut(name) {
            Some(sum) => *sum += count,
            None => {
                self.report.counters.insert(name.to_owned(), count);
            }
        }
    }

    /// A committed transaction of a batch. How long it took is counted in buckets, as
    /// `transaction_us_le_<N>`: so many took up to N microseconds, and more than the bucket before.
    pub(super) fn transaction(&mut self, measure: &Measure) {
        self.count("transactions", 1);
        self.count("kafka_write_records", measure.records);
        self.count("kafka_write_bytes", measure.bytes);
        let us = u64::try_from(measure.took.as_micros()).unwrap_or(u64::MAX);
        self.count(&format!("{}{}", buckets::PREFIX, buckets::end_us(us)), 1);
    }

    /// A record was read.
    pub(super) fn read(&mut self, record: &Record) {
        let key_bytes = record.key.as_ref().map_or(0, Bytes::len);
        self.read_records += 1;
        self.read_bytes += (record.value.len() + key_bytes) as i64;
    }

    /// A cell ended.
    pub(super) fn cell(&mut self, usage: &CellUsage) {
        self.count("cells_cpu_us", (usage.user_us + usage.system_us).cast_signed());
        let peak = self.report.gauges.entry("cells_rss_peak_bytes".to_owned()).or_default();
        *peak = peak.max(usage.rss_bytes_max as f64);
    }

    /// What is counted elsewhere.
    fn gather(&mut self) {
        let requests = self.store.requests();
        for (name, count) in [
            ("kafka_read_records", self.read_records),
            ("kafka_read_bytes", self.read_bytes),
            ("s3_gets", requests.gets.cast_signed()),
            ("s3_puts", requests.puts.cast_signed()),
            ("s3_get_bytes", requests.get_bytes.cast_signed()),
            ("s3_put_bytes", requests.put_bytes.cast_signed()),
        ] {
            self.report.counters.insert(name.to_owned(), count);
        }
        for process in &self.processes {
            // It may have ended.
            let Some(used) = process.used() else { continue };
            let name = process.name();
            self.report.counters.insert(format!("{name}_cpu_us"), used.cpu_us);
            let gauges = &mut self.report.gauges;
            gauges.insert(format!("{name}_rss_bytes"), used.rss_bytes as f64);
            gauges.insert(format!("{name}_rss_peak_bytes"), used.rss_peak_bytes as f64);
        }
    }

    pub(super) fn tick(&mut self, producer: &ProducerThread, now_ms: i64) {
        if now_ms >= self.due_ms {
            self.flush(producer, now_ms);
        }
    }

    pub(super) fn flush(&mut self, producer: &ProducerThread, now_ms: i64) {
        self.due_ms = now_ms + PERIOD_MS;
        self.report.time_ms = now_ms;
        self.gather();
        if let Ok(value) = single_object::encode(&self.report) {
            producer.plain(NewRecord {
                topic: self.topic.clone(),
                partition: None,
                key: None,
                value: Bytes::from(value),
                headers: Vec::new(),
            });
        }
    }
}
