//! Emits a replay's pointers, each once, whatever happens to the command.
//!
//! What one transaction holds is pointers, the receipt that tells of them, and the replay's own
//! position; so after a kill the position says exactly what is still to be emitted. The
//! `transactional.id` belongs to the replay: whoever resumes it fences whoever still runs it, and
//! settles the transaction that one left, *before* the position is read. The group has no members,
//! and nobody else may commit for it.
//!
//! ```text
//! open producer ─▶ read position ─▶ begin, pointers, receipt, position, commit ─▶ … ─▶ done
//!       ▲                                  │ nobody knows
//!       └──────────────────────────────────┘
//! ```

use std::thread;

use anyhow::{Context as _, Result, bail};
use cordon_courier::{
    Environment as _, World,
    event::{Transaction, TransactionOutcome},
    transaction,
};
use cordon_kafka::{
    admin::Admin,
    log::{Membership, Record},
    real::{RealLog, RealProducer},
    topology::Topology,
};
use cordon_records::BatchId;

use super::{
    args::ReplayId,
    bar::Bar,
    emit::{Destination, Emission, POINTERS_MAX},
    plan::Plan,
    position::Position,
};
use crate::{
    pace::Pace,
    patience::{Patience, now},
    producer,
};

/// A replay by name, on a cluster.
pub(crate) struct Engine<'a> {
    pub(crate) log: &'a RealLog,
    pub(crate) admin: &'a Admin,
    pub(crate) id: &'a ReplayId,
    pub(crate) pace: Pace,
}

/// What one run of the command did; what earlier runs did is in receipts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Emitted {
    pub(crate) pointers: u64,
    pub(crate) datapoints: u64,
    /// Records of the range that are no pointers.
    pub(crate) skipped: u64,
}

/// How a transaction ended, as far as the replay goes on from there.
enum Ended {
    Committed,
    /// Open a new producer, then read the position.
    Unknown,
}

/// The group of a replay; its `transactional.id` is called alike.
pub(crate) fn name_of(id: &ReplayId) -> String {
    format!("{}{}", Topology::transactional_prefix(Topology::REPLAYER), id.as_str())
}

impl Engine<'_> {
    /// Where the replay is; `None` when there is none of this name. Waits for an open transaction.
    pub(crate) fn position(&self) -> Result<Option<Position>> {
        let committed = self.admin.settled_group_offsets(&name_of(self.id))?;
        Ok(Position::read(&committed)?)
    }

    /// Emits all that is left. With a plan, a replay that does not exist begins.
    pub(crate) fn run(&self, plan: Option<Plan>) -> Result<Emitted> {
        let mut emitted = Emitted::default();
        let mut patience = Patience::new();
        let started = now();
        let bar = Bar::new();
        loop {
            let mut producer =
                producer::open(self.log, &name_of(self.id)).map_err(anyhow::Error::msg)?;
            let Some(position) = self.begun(&mut producer, plan.as_ref(), &mut patience)? else {
                continue;
            };
            let mut run = Run { engine: self, producer, position, bar: &bar };
            let before = emitted.pointers;
            if run.emit_all(&mut emitted, started)? {
                bar.finish();
                return Ok(emitted);
            }
            if emitted.pointers > before {
                patience = Patience::new();
            } else if !patience.wait() {
                bail!(
                    "no transaction commits; `cordon replay resume {}` goes on",
                    self.id.as_str()
                );
            }
        }
    }

    /// The position, committed if it is the first; `None` when nobody knows whether it is.
    fn begun(
        &self,
        producer: &mut RealProducer,
        plan: Option<&Plan>,
        patience: &mut Patience,
    ) -> Result<Option<Position>> {
        if let Some(position) = self.position()? {
            return Ok(Some(position));
        }
        let id = self.id.as_str();
        let plan = plan
            .with_context(|| format!("there is no replay {id}; `cordon replay list` names them"))?;
        let position = Position::start(plan.clone());
        let offsets = position.offsets();
        let ended = self.transact(producer, &Transaction { records: Vec::new(), offsets })?;
        match ended {
            Ended::Committed => Ok(Some(position)),
            Ended::Unknown if patience.wait() => Ok(None),
            Ended::Unknown => bail!("the replay {id} could not begin: no transaction commits"),
        }
    }

    fn transact(&self, producer: &mut RealProducer, transaction: &Transaction) -> Result<Ended> {
        let id = self.id.as_str();
        let mut patience = Patience::new();
        loop {
            let membership = self.membership()?;
            match transaction::run(producer, Some(&membership), transaction.clone()) {
                TransactionOutcome::Committed => return Ok(Ended::Committed),
                TransactionOutcome::Unknown(why) => {
                    tracing::warn!(why, "nobody knows; the position will tell");
                    return Ok(Ended::Unknown);
                }
                // Known not to be there: the same again.
                TransactionOutcome::Aborted(why) if patience.wait() => {
                    tracing::warn!(why, "the transaction was aborted");
                }
                TransactionOutcome::Aborted(why) => bail!("no transaction commits: {why}"),
                TransactionOutcome::Denied(why) => bail!("denied: {why}"),
                TransactionOutcome::Fenced(why) => {
                    bail!("another command took over the replay {id}: {why}")
                }
            }
        }
    }

    fn membership(&self) -> Result<Membership> {
        self.log.outsider(&name_of(self.id)).context("memory is short")
    }
}

/// A replay between opening its producer and the end of that.
struct Run<'a> {
    engine: &'a Engine<'a>,
    producer: RealProducer,
    position: Position,
    bar: &'a Bar,
}

impl Run<'_> {
    /// Emits until nothing is left; `false` when nobody knows where it stands.
    fn emit_all(&mut self, emitted: &mut Emitted, started: std::time::Instant) -> Result<bool> {
        let Engine { log, id, pace, .. } = self.engine;
        let plan = &self.position.plan;
        let to = Destination::open(*log, &plan.destination, name_of(id))?;
        self.bar.show(&self.position, emitted);
        let mut reader = log.ranges_reader(&plan.topic, self.position.left())?;
        loop {
            let (emission, is_end) = take(&mut reader, &to, *pace)?;
            let mut after = emission.after(&self.position);
            if is_end {
                // Behind the last pointer lie records of transactions, which nobody reads.
                after.finish();
            }
            if after != self.position {
                let batch = BatchId(World.uuid().into_bytes());
                let mut transaction = emission.transaction(&to, batch, World.now_ms());
                transaction.offsets = after.offsets();
                if let Ended::Unknown = self.engine.transact(&mut self.producer, &transaction)? {
                    return Ok(false);
                }
                self.position = after;
                emitted.add(&emission);
                self.bar.show(&self.position, emitted);
            }
            if is_end {
                return Ok(true);
            }
            thread::sleep(pace.wait(emitted.datapoints, started.elapsed()));
        }
    }
}

impl Emitted {
    fn add(&mut self, emission: &Emission) {
        self.pointers += emission.pointers() as u64;
        self.datapoints += emission.datapoints.max(0).unsigned_abs();
        self.skipped += emission.skipped;
    }
}

/// Reads what one transaction emits, and whether that is all.
fn take(
    reader: &mut impl Iterator<Item = Result<Record, cordon_kafka::log::ConsumerError>>,
    to: &Destination,
    pace: Pace,
) -> Result<(Emission, bool)> {
    let mut emission = Emission::default();
    while emission.pointers() < POINTERS_MAX && !pace.is_enough(emission.datapoints) {
        match reader.next() {
            Some(record) => emission.add(&record?, to),
            None => return Ok((emission, true)),
        }
    }
    Ok((emission, false))
}
