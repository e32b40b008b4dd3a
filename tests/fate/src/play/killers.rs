//! Lines that kill cells, on the model log and on Kafka, and lines that kill the machine.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use cordon_records::BatchId;
use cordon_tests::stage::Stage;
use serde_json::Value;

use crate::{
    cells::{Case, cases},
    killer::Deed,
    model::{self, Model, Programs},
    place::{Place, STAGE},
    plant::File,
    report::Report,
};

/// Every case of cells, through the whole pipeline on the model log.
pub fn on_the_model(report: &mut Report, programs: &Programs) -> Result<()> {
    let mut model = Model::new(programs.clone())?;
    for Case { name, files } in cases() {
        report.play(&format!("model log: {name}"), || {
            let outcome = model.run(&files)?;
            model::check(&mut model, &files, &outcome)
        });
        report.count_more(files.len() - 1);
    }
    Ok(())
}

/// The same on Kafka. One courier meets them all, one after another.
pub fn on_kafka(report: &mut Report, place: &mut Place) -> Result<()> {
    let mut stage = Some(place.stage(|_| {})?);
    for Case { name, files } in cases() {
        report.play(&format!("Kafka: {name}"), || {
            let is_together = files.len() == 2;
            if is_together {
                // Both lie there when the stage starts, so that one batch takes them.
                stage.take().map(Stage::stop).transpose()?;
                place.feed(&files)?;
                stage = Some(place.stage(|_| {})?);
            } else {
                place.feed(&files)?;
            }
            let running = stage.as_mut().context("the stage runs")?;
            place.settle(|| running.notes().map(drop))?;
            place.check(&files)?;
            if is_together { one_batch_took_both(place) } else { Ok(()) }
        });
        report.count_more(files.len() - 1);
    }
    stage.map_or(Ok(()), Stage::stop)
}

fn one_batch_took_both(place: &Place) -> Result<()> {
    let last = place.receipts()?.into_iter().map(|receipt| receipt.inputs.len()).max();
    ensure!(last > Some(1), "no batch took two payloads");
    Ok(())
}

/// Killers whose cost is measured, and how many forks each may cost: it alone, its excerpt, and
/// whoever goes on.
const CRASHES: usize = 20;
const DEADLINES: usize = 4;
const FORKS_PER_KILLER_MAX: f64 = 3.0;

/// What a killer costs: in time, and in forks.
pub fn cost(report: &mut Report, place: &mut Place) -> Result<()> {
    let (cells, batches) = (cells(place)?, place.receipts()?.len());
    let mut stage = place.stage(|_| {})?;
    stage.wait_until_it_owns()?;
    let crash = report.play("cost of a crash", || cost_ms(place, Deed::Abort, CRASHES));
    let deadline = report.play("cost of a deadline", || cost_ms(place, Deed::Loop, DEADLINES));
    stage.stop()?;
    let forks = report.play("forks for a killer", || {
        let batches = (place.receipts()?.len() - batches) as i64;
        let forks = (self::cells(place)? - cells - batches) as f64;
        let each = forks / (CRASHES + DEADLINES) as f64;
        ensure!(each > 0.0 && each <= FORKS_PER_KILLER_MAX, "{each} forks for a killer");
        Ok(each)
    });
    report.figure("crash_killer_ms", crash);
    report.figure("deadline_killer_ms", deadline);
    report.figure("forks_per_killer", forks);
    Ok(())
}

/// How many cells were run by slots that have ended.
fn cells(place: &Place) -> Result<i64> {
    Ok(place.counters()?.get("cells").copied().unwrap_or_default())
}

/// How much longer a batch takes, for each of its killers.
fn cost_ms(place: &mut Place, deed: Deed, killers: usize) -> Result<f64> {
    const LINES: usize = 2_000;
    let at = (0..killers).map(|n| (n * LINES / killers + 7, deed));
    let name = format!("cost-{}", deed.word());
    let without = batch_ms(place, File::new(&format!("{name}-without"), LINES, []))?;
    let with = batch_ms(place, File::new(&name, LINES, at))?;
    Ok((with - without) as f64 / killers as f64)
}

/// From the moment its payload is there until its transaction is built.
fn batch_ms(place: &mut Place, file: File) -> Result<i64> {
    let files = [file];
    place.feed(&files)?;
    place.settle(|| Ok(()))?;
    place.check(&files)?;
    let last = place.receipts()?.into_iter().max_by_key(|receipt| receipt.time_ms);
    let last = last.context("a receipt")?;
    Ok(last.time_ms - begun_ms(place, last.batch)?)
}

/// When the courier announced a batch.
fn begun_ms(place: &Place, batch: BatchId) -> Result<i64> {
    let log = std::fs::read_to_string(place.world.path(&format!("{STAGE}.log")))?;
    let batch = batch.to_string();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut begun = lines.filter(|line| line["fields"]["batch"] == batch.as_str());
    let begun = begun.next().context("the batch was announced")?;
    let time: jiff::Timestamp = begun["timestamp"].as_str().context("a time")?.parse()?;
    Ok(time.as_millisecond())
}

/// All that was fed so far, as one graph: that of the lines without a letter, whoever died.
pub fn graph(report: &mut Report, place: &mut Place, programs: &Programs) -> Result<()> {
    let merge = place.stage_named("merge", "merge", |_| {})?;
    report.play("Kafka: the graph of everything", || {
        let letters = place.letters()?;
        let expected = Model::new(programs.clone())?.run_without(place.fed(), &letters)?.graph;
        ensure!(place.graph()? == expected, "it is not that of the lines without a letter");
        Ok(())
    });
    merge.stop()
}

/// Lines that kill every process around them, as a machine that dies would. Whoever runs the
/// machines starts everything again.
pub fn machines(report: &mut Report, place: &mut Place) {
    for deed in [Deed::Machine, Deed::MachineAtTimes, Deed::MachineInSeal] {
        report.play(&format!("Kafka: {}", deed.word()), || {
            // Some strike at times only.
            for n in 0..PAYLOADS_MAX {
                // Few lines, because a batch is halved at each death until it is down to one.
                let files = [File::new(&format!("{} {n}", deed.word()), 12, [(5, deed)])];
                place.feed(&files)?;
                let deaths = work_off_on_dying_machines(place)?;
                let letters = place.check(&files)?.count(&files[0]);
                ensure!(letters == 0 || deaths > 3, "a letter after {deaths} deaths");
                if deaths > 0 {
                    return Ok(());
                }
            }
            bail!("no machine died")
        });
    }
}

/// Until one strikes.
const PAYLOADS_MAX: usize = 20;

/// Returns how many machines it took.
fn work_off_on_dying_machines(place: &Place) -> Result<u32> {
    let no_jail = |command: &mut Command| {
        command.env("CORDON_COURIER_JAIL", "off");
    };
    let mut deaths = 0;
    let mut stage = place.stage(no_jail)?;
    place.settle(|| {
        if stage.notes().is_err() {
            deaths += 1;
            stage = place.stage(no_jail)?;
        }
        Ok(())
    })?;
    stage.stop()?;
    Ok(deaths)
}
