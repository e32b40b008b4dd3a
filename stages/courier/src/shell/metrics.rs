//! What a slot says of itself every few seconds.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use cordon_kafka::log::NewRecord;
use cordon_records::single_object;

use super::producer::ProducerThread;
use crate::StageSettings;

/// Often enough for a person who watches, rare enough to cost nothing.
const PERIOD_MS: i64 = 5_000;

pub(super) struct Metrics {
    topic: Arc<str>,
    report: cordon_records::Metrics,
    due_ms: i64,
}

impl Metrics {
    pub(super) fn new(settings: &StageSettings, slot: &str, notes: Vec<String>) -> Self {
        let report = cordon_records::Metrics {
            stage: settings.stage.clone(),
            stage_version: settings.version.clone(),
            slot: slot.to_owned(),
            time_ms: 0,
            counters: BTreeMap::new(),
            gauges: BTreeMap::new(),
            notes,
        };
        Self { topic: settings.metrics_topic.clone(), report, due_ms: 0 }
    }

    pub(super) fn count(&mut self, name: &str, count: i64) {
        match self.report.counters.get_mut(name) {
            Some(sum) => *sum += count,
            None => {
                self.report.counters.insert(name.to_owned(), count);
            }
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
