//! One pass: lines go in, everything is waited for, and what was seen becomes figures.

use std::{collections::BTreeMap, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::{
    admin::Admin,
    log::TopicPartition,
    real::RealLog,
    topology::{InputSpec, StageSpec, Topology},
};
use cordon_load::{Settings, Telemetry};
use cordon_records::{Pointer, Source};

use super::{
    clock::Clock,
    findings,
    latency::{Latencies, Lines, Quantiles},
    observer::{Observer, Seen},
    report::{Latency, Pass, StageFigures, Totals},
    schedule::Schedule,
    sender::{self, Places, Sent},
    usage::{Slots, Usage},
};
use crate::archive::Archive;

/// Stages on the way of an event to a finding, and to the graph.
const TO_FINDING: [&str; 2] = ["pack", "match"];
const TO_GRAPH: [&str; 3] = ["pack", "generate", "merge"];
/// Whose mapped datapoints are told.
const MAPPER: &str = "generate";
/// Where findings are.
const FINDINGS: &str = "findings";
/// Between looks at whether everything is done.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// For the stages to consume the next thing, or to say something of themselves.
const SILENCE_MAX_US: u64 = 60_000_000;
/// Before the first line of a steady pass is due: clients connect meanwhile.
const LEAD_US: u64 = 500_000;

/// What a pass works with.
pub(super) struct Bench<'a> {
    pub(super) topology: &'a Topology,
    /// As who reads.
    pub(super) log: RealLog,
    /// As who sends.
    pub(super) shipper: RealLog,
    pub(super) archive: Archive,
    pub(super) observer: Observer,
    pub(super) clock: Clock,
    /// What plain records are sent to.
    pub(super) raw: &'a str,
    /// Of the telemetry; how far attacks are apart is the pass's.
    pub(super) settings: Settings,
}

impl Bench<'_> {
    /// Sends so many lines, at a rate or as fast as they are taken, and waits for what becomes of them.
    pub(super) fn pass(&mut self, lines: u64, rate: Option<u64>) -> Result<Pass> {
        let mut telemetry = Telemetry::new(self.settings(lines));
        let before = self.metrics_after(self.clock.now_us())?;
        self.observer.forget()?;
        let begin_us = self.clock.now_us() + if rate.is_some() { LEAD_US } else { 0 };
        let schedule = rate.map(|rate| Schedule { begin_us, rate });
        let sent =
            sender::send(&self.shipper, self.raw, &mut telemetry, lines, schedule, &self.clock)?;
        let lags = self.lags();
        self.wait_until_consumed(&sent.places)?;
        let after = self.metrics_after(self.clock.now_us())?;

        let mut stages = BTreeMap::new();
        let mut transactions = Latencies::new();
        let seen = self.observer.seen()?;
        for (name, spec) in &self.topology.stages {
            let usage = Usage::between(&before, &after, name);
            usage.transactions(&mut transactions);
            let mut figures = StageFigures::of(name, &seen, &usage, begin_us);
            figures.set_bytes(decoded_bytes(spec, &seen));
            figures.lag_offsets = lags.as_ref().and_then(|lags| lags.get(name)).copied();
            stages.insert(name.clone(), figures);
        }
        let logs = self.topology.stages.values().find(|spec| spec.input == InputSpec::Records);
        let decoded_log_bytes = logs.map_or(0, |spec| decoded_bytes(spec, &seen));
        let ended_us = seen.receipts.last().map_or(begin_us, |(arrived_us, _)| *arrived_us);
        drop(seen);
        let transaction = transactions.quantiles();
        let latency = schedule.map(|s| self.latency(&sent, s, transaction)).transpose()?;
        Ok(Pass {
            rate,
            lines,
            line_bytes: sent.bytes,
            sending_s: seconds(begin_us, sent.done_us),
            sender_late_ms_max: sent.late_us_max as f64 / 1e3,
            seconds: seconds(begin_us, ended_us),
            mapped_per_s: stages.get(MAPPER).map_or(0.0, |stage| stage.mapped_per_s),
            totals: Totals::of(stages.values(), decoded_log_bytes),
            stages,
            transaction,
            latency,
        })
    }

    /// Attacks are spread over the whole pass: findings tell how long it took.
    fn settings(&self, lines: u64) -> Settings {
        let apart = lines / (u64::from(self.settings.hosts) + 1);
        Settings { attack_apart_lines: apart.max(1), ..self.settings.clone() }
    }

    /// What each slot says once this moment is past. Couriers say it every few seconds.
    fn metrics_after(&mut self, moment_us: u64) -> Result<Slots> {
        loop {
            let silent = {
                let seen = self.observer.seen()?;
                let is_new = |name: &str| {
                    let mut slots = seen.metrics.iter().filter(|((stage, _), _)| stage == name);
                    slots.clone().next().is_some()
                        && slots.all(|(_, (at_us, _))| *at_us > moment_us)
                };
                self.topology.stages.keys().find(|name| !is_new(name)).cloned()
            };
            let Some(silent) = silent else { break };
            ensure!(
                self.clock.now_us() < moment_us + SILENCE_MAX_US,
                "a courier of the stage {silent} says nothing in metrics.{silent}: does it run?"
            );
            thread::sleep(LOOK_EVERY);
        }
        let seen = self.observer.seen()?;
        Ok(seen
            .metrics
            .iter()
            .map(|(slot, (_, metrics))| (slot.clone(), metrics.clone()))
            .collect())
    }

    /// How far each stage is behind; `None` where this principal may not see it.
    fn lags(&self) -> Option<BTreeMap<String, i64>> {
        let lag = |name: &String, spec: &StageSpec| -> Result<i64> {
            let admin = Admin::new(self.log.connection())?;
            let committed = admin.group_offsets(&Topology::group(name))?;
            let mut lag = 0;
            for topic in &spec.live {
                for (at, (first, end)) in self.log.bounds(topic)? {
                    let offset = committed.get(&at).map_or(first, |committed| committed.offset);
                    lag += (end - offset).max(0);
                }
            }
            Ok(lag)
        };
        let lags = self.topology.stages.iter().map(|(name, spec)| {
            let lag = lag(name, spec);
            Ok((name.clone(), lag?))
        });
        let lags: Result<_> = lags.collect();
        lags.inspect_err(|error| tracing::warn!("lag is not known: {error:#}")).ok()
    }

    fn wait_until_consumed(&mut self, places: &Places) -> Result<()> {
        let (mut receipts, mut moved_us) = (0, self.clock.now_us());
        loop {
            let (left, count) = {
                let seen = self.observer.seen()?;
                (left(self.topology, self.raw, places, &seen), seen.receipts.len())
            };
            let Some(left) = left else { return Ok(()) };
            let now_us = self.clock.now_us();
            if count != receipts {
                (receipts, moved_us) = (count, now_us);
            }
            ensure!(now_us < moved_us + SILENCE_MAX_US, "no receipt for a minute, and {left}");
            thread::sleep(LOOK_EVERY);
        }
    }

    fn latency(
        &mut self,
        sent: &Sent,
        schedule: Schedule,
        transaction: Option<Quantiles>,
    ) -> Result<Latency> {
        let lines = Lines { topic: self.raw, places: &sent.places, schedule };
        let seen = self.observer.seen()?;
        let to_graph = lines.to_graph(&seen, &TO_GRAPH).quantiles();
        let of_findings = seen.pointers.iter().filter(|(_, topic, _)| &**topic == FINDINGS);
        let pointers: Vec<(u64, Pointer)> =
            of_findings.map(|(at_us, _, pointer)| (*at_us, pointer.clone())).collect();
        drop(seen);
        let origins = findings::origins(&self.archive, &pointers).context("findings")?;
        let to_finding = lines.to_findings(origins).quantiles();
        let unit_ms = transaction.map(|t| t.p50_ms * TO_FINDING.len() as f64);
        let multiple = to_finding.zip(unit_ms).map(|(found, unit_ms)| found.p99_ms / unit_ms);
        Ok(Latency {
            to_finding,
            to_graph,
            finding_hops: TO_FINDING.len(),
            finding_p99_multiple: multiple,
        })
    }
}

/// What is not consumed yet, in words; `None` when nothing is.
fn left(topology: &Topology, raw: &str, places: &Places, seen: &Seen) -> Option<String> {
    let mut covered: BTreeMap<i32, i64> = BTreeMap::new();
    let mut consumed: BTreeMap<&str, i64> = BTreeMap::new();
    for (_, receipt) in &seen.receipts {
        for input in &receipt.inputs {
            match &input.source {
                Source::RawSource { topic, partition } if topic == raw => {
                    let end = covered.entry(*partition).or_default();
                    *end = input.to.max(*end);
                }
                Source::PointerSource { .. } => {
                    *consumed.entry(&receipt.stage).or_default() += input.to - input.from;
                }
                _ => {}
            }
        }
    }
    for (partition, end) in places.ends() {
        let at = covered.get(&partition).copied().unwrap_or(0);
        if at < end {
            let at = TopicPartition::new(raw, partition);
            return Some(format!("lines of {at} are not packed: is the deployment up?"));
        }
    }
    let readers = topology.stages.iter().filter(|(_, spec)| spec.input == InputSpec::Pointers);
    for (name, spec) in readers {
        let inputs =
            seen.pointers.iter().filter(|(_, topic, _)| spec.live.contains(&topic.to_string()));
        let made: i64 = inputs.map(|(_, _, pointer)| pointer.datapoints.unwrap_or(0)).sum();
        let done = consumed.get(name.as_str()).copied().unwrap_or(0);
        if done < made {
            return Some(format!("{} datapoints wait for {name}", made - done));
        }
    }
    None
}

/// Decoded bytes of the payloads that a stage reads; of those it writes where it reads none.
fn decoded_bytes(spec: &StageSpec, seen: &Seen) -> u64 {
    let is_counted = |topic: &str| match spec.input {
        InputSpec::Records => topic == spec.output,
        InputSpec::Pointers => spec.live.iter().any(|live| live == topic),
    };
    let pointers = seen.pointers.iter().filter(|(_, topic, _)| is_counted(topic));
    pointers.map(|(_, _, pointer)| pointer.decoded_bytes.max(0).unsigned_abs()).sum()
}

fn seconds(from_us: u64, to_us: u64) -> f64 {
    to_us.saturating_sub(from_us) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fixture::{input, pointer, receipt, source};

    #[test]
    fn everything_behind_a_line_is_waited_for() {
        let topology = Topology::embedded();
        let mut places = Places::default();
        places.add(1, 9, 0);
        places.settle();
        let mut seen = Seen::default();
        let left = |seen: &Seen| left(&topology, "raw", &places, seen);
        assert!(left(&seen).unwrap().contains("raw/1"));
        let raw = Source::RawSource { topic: "raw".to_owned(), partition: 1 };
        let of = |stage: &str, source| cordon_records::Receipt {
            stage: stage.to_owned(),
            ..receipt(vec![input(source, 0, 10)])
        };
        seen.receipts.push((1, of("pack", raw)));
        assert_eq!(left(&seen), None, "it made no payload");
        let ten = Pointer { datapoints: Some(10), decoded_bytes: 5, ..pointer() };
        seen.pointers.push((2, Arc::from("logs"), ten));
        assert_eq!(left(&seen).unwrap(), "10 datapoints wait for generate");
        seen.receipts.push((3, of("generate", source("logs", 0, 0, "k"))));
        assert_eq!(left(&seen).unwrap(), "10 datapoints wait for match");
        seen.receipts.push((4, of("match", source("logs", 0, 0, "k"))));
        assert_eq!(left(&seen), None);
        assert_eq!(decoded_bytes(&topology.stages["pack"], &seen), 5);
        assert_eq!(decoded_bytes(&topology.stages["match"], &seen), 5);
        assert_eq!(decoded_bytes(&topology.stages["merge"], &seen), 0);
    }
}
