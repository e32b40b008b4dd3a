//! How far a shadow is, by its receipts.

use anyhow::Result;
use cordon_kafka::{real::RealLog, topology::Shadow};
use serde::Serialize;

use super::{
    history::{History, receipts},
    plan::Plan,
};
use crate::{
    dead::time::show_ms,
    terminal::{escape, escape_json},
};

/// A shadow as people and scripts see it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct View {
    name: String,
    stage: String,
    /// Whether it is made, and has a plan.
    whole: bool,
    topic: String,
    created_ms: i64,
    /// Of the range.
    payloads: usize,
    datapoints: i64,
    /// Of these.
    payloads_done: usize,
    datapoints_done: i64,
    dead: i64,
    versions: Vec<String>,
    done: bool,
}

impl View {
    /// Reads its plan, the pointers of its range and its receipts.
    pub(super) fn of(shadow: &Shadow, log: &RealLog) -> Result<Self> {
        let plan = Plan::read(shadow, log)?;
        let history = History::read(&plan, log)?;
        let receipts = receipts(log, &shadow.receipts())?;
        let (undone, told) = (history.undone(&receipts), history.told(&receipts));
        Ok(Self {
            whole: true,
            topic: plan.topic,
            created_ms: plan.created_ms,
            payloads: history.len(),
            datapoints: history.datapoints(),
            payloads_done: history.len() - undone,
            datapoints_done: told.datapoints,
            dead: told.dead,
            versions: told.versions.into_iter().collect(),
            done: undone == 0,
            ..Self::broken(shadow)
        })
    }

    /// A shadow that has no plan yet.
    pub(super) fn broken(shadow: &Shadow) -> Self {
        let (name, stage) = (shadow.name().to_string(), shadow.stage().to_owned());
        Self { name, stage, ..Self::default() }
    }

    /// One line.
    pub(super) fn show(&self, is_json: bool) -> Result<String> {
        if is_json {
            return Ok(escape_json(&serde_json::to_string(self)?) + "\n");
        }
        Ok(self.text())
    }

    pub(super) fn text(&self) -> String {
        let Self { name, stage, topic, payloads, datapoints, payloads_done, .. } = self;
        let done = if self.done { ", done" } else { "" };
        let versions = match self.versions.join(", ") {
            none if none.is_empty() => String::new(),
            some => format!(" by version {some}"),
        };
        let text = format!(
            "{name} of {stage}, made {}: {payloads_done} of {payloads} payloads of {topic}, {} of \
             {datapoints} datapoints, {} dead{versions}{done}",
            show_ms(self.created_ms),
            self.datapoints_done,
            self.dead
        );
        escape(&text) + "\n"
    }
}
