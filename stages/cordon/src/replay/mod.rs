//! `cordon replay`: history, processed again beside live traffic.
//!
//! Pointers of a topic are emitted again into the replay lane of the stages that read it; what they
//! make of them goes on in that lane, and converges with what is there, since every datapoint keeps
//! its origin. The command needs no right to any object: it moves names of payloads.

mod args;
mod bar;
mod cost;
mod emit;
mod engine;
mod plan;
mod position;
mod told;

use anyhow::{Result, ensure};
use cordon_courier::{Environment as _, World};
use cordon_kafka::{admin::Admin, real::RealLog, topology::Topology};
use cordon_records::single_object;
use serde_json::json;

use self::{
    args::{PaceArgs, ReplayId, ResumeArgs, RunArgs},
    cost::{Counts, Estimate},
    engine::{Emitted, Engine},
    plan::Plan,
    position::Position,
    told::{Told, told},
};
pub(crate) use self::{
    args::{RangeArgs, ReplayCommand},
    emit::{Destination, Emission, POINTERS_MAX},
    plan::find_ranges,
};
use crate::{
    config::Config,
    dead::time::show_ms,
    pace::Pace,
    shadow,
    supervisor::exit,
    terminal,
    wiring::{self, SideTopics},
};

/// Runs one of the commands. Returns the exit code.
pub(crate) fn run(command: &ReplayCommand, config: &Config, is_json: bool) -> Result<i32> {
    let log = wiring::log(config)?;
    let shown = match command {
        ReplayCommand::Diff(args) => {
            let shown = shadow::diff(args, config, is_json)?;
            terminal::print(&shown)?;
            return Ok(exit::STOPPED);
        }
        ReplayCommand::Run(args) => {
            let topology = wiring::topology(config.topology.as_deref())?;
            begin(args, &topology, &log, is_json)?
        }
        ReplayCommand::Resume(ResumeArgs { id, pace }) => emit(id, pace, None, &log, is_json)?,
        ReplayCommand::List => list(&log, is_json)?,
        ReplayCommand::Status { id } => status(id, &log, is_json)?,
    };
    terminal::print(shown.as_bytes())?;
    Ok(exit::STOPPED)
}

fn begin(args: &RunArgs, topology: &Topology, log: &RealLog, is_json: bool) -> Result<String> {
    let now_ms = World.now_ms();
    let plan = Plan::make(args, topology, log, now_ms)?;
    if args.dry_run {
        return dry_run(plan, topology, log, is_json);
    }
    // Colons are no part of a name.
    let id = args.id.clone().map_or_else(|| show_ms(now_ms).replace(':', "").parse(), Ok)?;
    emit(&id, &args.pace, Some(plan), log, is_json)
}

/// Begins a replay, or goes on with it where there is no plan.
fn emit(
    id: &ReplayId,
    pace: &PaceArgs,
    plan: Option<Plan>,
    log: &RealLog,
    is_json: bool,
) -> Result<String> {
    let admin = Admin::new(log.connection())?;
    let engine = Engine { log, admin: &admin, id, pace: Pace::new(pace.rate) };
    let is_new = plan.is_some();
    ensure!(
        !is_new || engine.position()?.is_none(),
        "there is a replay {name} already: `cordon replay resume {name}` goes on with it, and \
         another --id begins another",
        name = id.as_str()
    );
    let Emitted { pointers, datapoints, skipped } = engine.run(plan)?;
    let id = id.as_str();
    if is_json {
        let summary = json!({
            "id": id, "pointers": pointers, "datapoints": datapoints, "skipped": skipped,
        });
        return Ok(summary.to_string() + "\n");
    }
    let skipped = match skipped {
        0 => String::new(),
        count => format!("; {count} records are no pointers, and were left out"),
    };
    Ok(format!("replay {id}: {pointers} pointers, {datapoints} datapoints{skipped}\n"))
}

fn dry_run(plan: Plan, topology: &Topology, log: &RealLog, is_json: bool) -> Result<String> {
    let destination = plan.destination.clone();
    let position = Position::start(plan);
    let counts = Counts::of(log.ranges_reader(&position.plan.topic, position.left())?)?;
    let estimate = Estimate::of(&counts, topology, &destination);
    if is_json {
        let view = json!({
            "topic": position.plan.topic,
            "destination": destination,
            "counts": counts,
            "s3": estimate,
        });
        return Ok(view.to_string() + "\n");
    }
    let Counts { pointers, datapoints, packed_bytes, decoded_bytes, skipped } = counts;
    let Estimate { least, most } = estimate;
    Ok(format!(
        "{} to {destination}: {pointers} pointers, {datapoints} datapoints, {packed_bytes} bytes \
         packed, {decoded_bytes} decoded, {skipped} records that are no pointers\n\
         S3: {} to {} GETs, {} to {} PUTs, {:.4} to {:.4} USD (list price of S3 Standard in \
         us-east-1; least when every batch is full, most when each payload is one)\n\
         nothing was emitted\n",
        position.plan.topic, least.gets, most.gets, least.puts, most.puts, least.usd, most.usd
    ))
}

/// Every replay that receipts tell of.
fn replays(log: &RealLog) -> Result<Vec<Told>> {
    let mut receipts = Vec::new();
    for record in log.reader(&SideTopics::of(Topology::REPLAYER).receipts)? {
        // Receipts that cannot be read are the audit's business.
        receipts.extend(single_object::decode(&record?.value));
    }
    Ok(told(receipts))
}

fn list(log: &RealLog, is_json: bool) -> Result<String> {
    let replays = replays(log)?;
    if is_json {
        return Ok(replays.iter().map(Told::json).collect::<Result<_, _>>()?);
    }
    Ok(replays.iter().map(Told::line).collect())
}

fn status(id: &ReplayId, log: &RealLog, is_json: bool) -> Result<String> {
    let admin = Admin::new(log.connection())?;
    let engine = Engine { log, admin: &admin, id, pace: Pace::new(None) };
    let position = engine.position()?;
    let told = replays(log)?.into_iter().find(|told| told.id == id.as_str());
    ensure!(
        position.is_some() || told.is_some(),
        "there is no replay {}; `cordon replay list` names them",
        id.as_str()
    );
    if is_json {
        return status_json(id, position.as_ref(), told.as_ref());
    }
    let mut text = told.as_ref().map(Told::line).unwrap_or_default();
    let Some(position) = position else {
        // A group that commits nothing is forgotten by the broker, after a week by default.
        return Ok(text + "its position is not known any more\n");
    };
    for (partition, range) in &position.plan.ranges {
        let next = position.next[partition];
        let topic = terminal::escape(&position.plan.topic);
        text += &format!("  {topic}/{partition}: {next} of {} to {}\n", range.start, range.end);
    }
    let (done, all) = position.progress();
    text += &match position.is_done() {
        true => "done\n".to_owned(),
        false => {
            format!("{done} of {all} offsets; `cordon replay resume {}` goes on\n", id.as_str())
        }
    };
    Ok(text)
}

fn status_json(id: &ReplayId, position: Option<&Position>, told: Option<&Told>) -> Result<String> {
    let partitions = position.map(|position| {
        let partition = |(partition, range): (&i32, &std::ops::Range<i64>)| {
            let next = position.next[partition];
            json!({"partition": partition, "from": range.start, "next": next, "to": range.end})
        };
        position.plan.ranges.iter().map(partition).collect::<Vec<_>>()
    });
    let view = json!({
        "id": id.as_str(),
        "done": position.map(Position::is_done),
        "topic": position.map(|position| &position.plan.topic),
        "destination": position.map(|position| &position.plan.destination),
        "partitions": partitions,
        "emitted": told,
    });
    Ok(terminal::escape_json(&view.to_string()) + "\n")
}
