//! `cordon lister`: the keys of a bucket, walked by time, as pointers of a replay lane.
//!
//! A service of its own, with a principal of its own: it lists, and writes one topic. It finds what
//! no pointer names (an orphan), or names no more (retention); readers verify what it names against
//! the checksum stored with it.

mod args;
mod state;

use std::thread;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use cordon_courier::{
    Environment as _, World,
    event::{Transaction, TransactionOutcome},
    transaction,
};
use cordon_kafka::{
    log::{Log as _, NewRecord},
    real::{RealLog, RealProducer},
    topology::{Role, Topology},
};
use cordon_lister::{Found, Lister, Page, Prefix, Walk, pointer_to};
use cordon_records::single_object;
use serde_json::json;

pub(crate) use self::args::ListerArgs;
use self::state::{Keeper, State};
use crate::{
    config::{Config, ConfigFaults},
    pace::Pace,
    patience::{Patience, now},
    producer, runtime,
    supervisor::exit,
    terminal, wiring,
};

/// Walks to the end. Returns the exit code.
pub(crate) fn run(args: &ListerArgs, config: &Config, is_json: bool) -> Result<i32> {
    let mut faults = ConfigFaults::default();
    let topology = faults.sift(wiring::topology(config.topology.as_deref()));
    let log = faults.sift(wiring::log(config));
    let settings = faults.sift(wiring::s3_settings(config));
    let (Some(topology), Some(log), Some(settings)) = (topology, log, settings) else {
        return Err(faults.into());
    };
    let lister = Lister::new(&settings).map_err(|error| ConfigFaults::one(error.to_string()))?;
    let topic = output(&topology, config)?;
    let partitions = log.partitions(&[&topic])?[0];
    let keeper = Keeper::new(args.state.clone());
    let state = keeper.load(asked(args, World.now_ms()), args.until.is_some())?;
    let id = format!("{}{}", Topology::transactional_prefix(Topology::LISTER), args.id);
    let mut walker = Walker {
        bucket: &topology.bucket,
        outlet: Outlet { log: &log, id, topic: topic.into(), partitions, producer: None },
        keeper,
        pace: Pace::new(args.rate),
        state,
        strangers: 0,
        below: Vec::new(),
    };
    walker.walk(&args.prefixes, &lister, runtime()?.handle())?;
    terminal::print(walker.told(is_json).as_bytes())?;
    Ok(exit::STOPPED)
}

/// The one topic that this principal writes.
fn output(topology: &Topology, config: &Config) -> Result<String, ConfigFaults> {
    let username = config.kafka.as_ref().map_or("", |kafka| kafka.username.as_str());
    let principal = topology.principals.get(username);
    let lister = principal.filter(|spec| spec.role == Some(Role::Lister));
    lister.and_then(|spec| spec.output.clone()).ok_or_else(|| {
        let user = terminal::escape(username);
        ConfigFaults::one(format!("{user} is no lister of the topology; set kafka.username"))
    })
}

fn asked(args: &ListerArgs, now_ms: i64) -> State {
    State {
        prefixes: args.prefixes.iter().map(Prefix::to_string).collect(),
        from_ms: args.since.as_ref().map_or(0, |moment| moment.at_ms(now_ms)),
        until_ms: args.until.as_ref().map_or(now_ms, |moment| moment.at_ms(now_ms)),
        done: 0,
        behind: None,
        emitted: 0,
    }
}

struct Walker<'a> {
    bucket: &'a str,
    outlet: Outlet<'a>,
    keeper: Keeper,
    pace: Pace,
    state: State,
    /// What was passed by.
    strangers: u64,
    below: Vec<String>,
}

impl Walker<'_> {
    fn walk(
        &mut self,
        prefixes: &[Prefix],
        lister: &Lister,
        runtime: &tokio::runtime::Handle,
    ) -> Result<()> {
        let (started, before) = (now(), self.state.emitted);
        while let Some(prefix) = prefixes.get(self.state.done) {
            let times_ms = self.state.from_ms..self.state.until_ms;
            let walk = Walk::new(prefix.clone(), times_ms);
            let behind = self.state.behind.as_deref();
            let page = runtime.block_on(lister.page(self.bucket, &walk, behind))?;
            self.take(page)?;
            let emitted = self.state.emitted - before;
            thread::sleep(self.pace.wait(emitted, started.elapsed()));
        }
        Ok(())
    }

    /// Emits a page, then keeps the place behind it.
    fn take(&mut self, page: Page) -> Result<()> {
        self.outlet.emit(self.bucket, &page.found, self.state.emitted)?;
        self.state.emitted += page.found.len() as u64;
        self.strangers += page.strangers;
        self.below.extend(page.below);
        self.state.done += usize::from(page.next.is_none());
        self.state.behind = page.next;
        self.keeper.save(&self.state)
    }

    fn told(&self, is_json: bool) -> String {
        let Self { strangers, below, .. } = self;
        let emitted = self.state.emitted;
        if is_json {
            let view = json!({"pointers": emitted, "strangers": strangers, "below": below});
            return terminal::escape_json(&view.to_string()) + "\n";
        }
        let mut text = format!("{emitted} pointers to {}", self.outlet.topic);
        if *strangers > 0 {
            text += &format!("; {strangers} objects are no payloads");
        }
        for prefix in below {
            let prefix = terminal::escape(prefix.trim_end_matches('/'));
            text += &format!("\nnot walked: {prefix}; name it to walk it");
        }
        text + "\n"
    }
}

/// Where pointers go.
struct Outlet<'a> {
    log: &'a RealLog,
    /// The `transactional.id`.
    id: String,
    topic: std::sync::Arc<str>,
    partitions: i32,
    producer: Option<RealProducer>,
}

impl Outlet<'_> {
    /// Emits a page in one transaction. `first` spreads pages over partitions.
    fn emit(&mut self, bucket: &str, found: &[Found], first: u64) -> Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let records = (first..).zip(found).map(|(number, found)| {
            let pointer = pointer_to(bucket, found, wiring::version());
            let partition = (number % self.partitions.max(1).unsigned_abs() as u64) as i32;
            Ok(NewRecord {
                topic: self.topic.clone(),
                partition: Some(partition),
                key: None,
                value: Bytes::from(single_object::encode(&pointer)?),
                headers: Vec::new(),
            })
        });
        let transaction =
            Transaction { records: records.collect::<Result<_>>()?, offsets: Vec::new() };
        let mut patience = Patience::new();
        loop {
            let producer = match &mut self.producer {
                Some(producer) => producer,
                closed => {
                    let opened = producer::open(self.log, &self.id).map_err(anyhow::Error::msg)?;
                    closed.insert(opened)
                }
            };
            let why = match transaction::run(producer, None, transaction.clone()) {
                TransactionOutcome::Committed => return Ok(()),
                TransactionOutcome::Denied(why) => bail!("denied: {why}"),
                TransactionOutcome::Fenced(why) => {
                    bail!("another lister took over {}; give one another --id: {why}", self.id)
                }
                TransactionOutcome::Aborted(why) => why,
                // It may be there: emitted again, it converges.
                TransactionOutcome::Unknown(why) => {
                    self.producer = None;
                    why
                }
            };
            tracing::warn!(why, "the page is emitted again");
            if !patience.wait() {
                return Err(anyhow::Error::msg(why)).context("no transaction commits");
            }
        }
    }
}
