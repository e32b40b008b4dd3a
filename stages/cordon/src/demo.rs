//! `cordon demo`: the whole pipeline in one command, on the model log and a directory store, with
//! real cells. Couriers are threads of this process here; it has no secret they could leak.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use cordon_audit::AuditReport;
use cordon_cell::{CellLimits, Cells, JailMode};
use cordon_courier::{Courier, Limits, event::Halt};
use cordon_kafka::{
    log::{Committed, TopicPartition},
    model::ModelLog,
    progress::Progress,
    topology::Topology,
};
use cordon_records::BatchId;
use cordon_store::{CanaryKey, DirectoryStore, Store};
use serde_json::json;

use crate::{
    archive,
    archive::{Archive, Audited},
    cli::DemoArgs,
    courier, ingest, wiring,
    zygote::Zygote,
};

/// Lines of generated telemetry where no paths are given.
const GENERATED_LINES: usize = 20_000;
/// How often it is looked whether everything is drained.
const PERIOD: Duration = Duration::from_millis(20);

/// Runs the demo. Returns the exit code: 0 when the audit is clean.
#[expect(clippy::print_stdout, reason = "printing is this command's purpose")]
pub(crate) fn run(args: &DemoArgs, json: bool) -> Result<i32> {
    // Before anything is made: whoever mistyped a path tries again with the same directory.
    let given = (!args.paths.is_empty()).then(|| ingest::find(&args.paths)).transpose()?;
    let out = prepare(&args.out)?;
    let found = given.map_or_else(|| Ok(ingest::find(&[generate(&out)?])?), anyhow::Ok)?;
    // Zygotes die with the thread that spawned them: this one, which outlives them.
    let topology = Topology::embedded();
    let kinds = topology.stages.keys().map(String::as_str).chain(["ingest", "reader"]);
    let zygotes = kinds
        .map(|kind| Ok((kind.to_owned(), Zygote::with_rules(kind, &args.rules, JailMode::Best)?)))
        .collect::<Result<std::collections::BTreeMap<_, _>>>()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let store = Store::Directory(DirectoryStore::open(out.join(archive::OBJECTS_DIR))?);
    for topic in topology.payload_topics() {
        runtime.block_on(store.put_canary(&topology.bucket, &CanaryKey::of(topic)?))?;
    }
    let log = model(&topology);
    let stop = Arc::new(AtomicBool::new(false));
    let mut slots = Vec::new();
    for stage in topology.stages.keys() {
        let settings = wiring::stage_settings(&topology, stage, &log, Limits::default())?;
        let cells = zygotes[stage].cells.clone();
        let courier = Arc::new(Courier {
            log: Arc::new(log.clone()),
            store: store.clone(),
            notes: courier::notes(&cells),
            cells,
            runtime: runtime.handle().clone(),
            settings: Arc::new(settings),
            cell_limits: CellLimits::default(),
            stop: stop.clone(),
            processes: Mutex::default(),
        });
        for slot in 0..args.slots {
            let id = format!("{}{slot}", Topology::transactional_prefix(stage));
            let courier = courier.clone();
            slots.push(thread::spawn(move || courier.run_slot(&id)));
        }
    }
    let summary = ingest::Ingest {
        log: &log,
        store: &store,
        cells: &zygotes["ingest"].cells,
        runtime: runtime.handle(),
        settings: &ingest::settings(&topology, &log)?,
        transactional_id: format!("{}demo", Topology::transactional_prefix("ingest")),
    }
    .run(found)?;
    drain(&topology, &log, &slots);
    stop.store(true, Ordering::Relaxed);
    for slot in slots {
        match slot.join() {
            Ok(Halt::Stopped) => {}
            Ok(halt) => bail!("a slot ended early: {halt}"),
            Err(_) => bail!("a slot panicked"),
        }
    }
    archive::save(&log, &out)?;
    let archive = Archive::of_model(log, store);
    let report = archive.audit(&Audited::pipeline(&topology), runtime.handle(), true)?;
    let graph = archive.render("merged", &zygotes["reader"].cells, runtime.handle())?;
    fs::write(out.join("graph.jsonl"), &graph)?;
    let findings = archive.render("findings", &zygotes["reader"].cells, runtime.handle())?;
    fs::write(out.join("findings.jsonl"), &findings)?;
    summary.complain(&format!("cordon dead list --stage ingest --from {}", out.display()));
    if !json {
        print_stages(&report);
        println!("results in {}: graph.jsonl, findings.jsonl, log/, objects/", out.display());
    }
    println!("figures: {}", figures(&report, &graph, &findings));
    let is_clean = report.total.is_clean() && report.total.pending == 0;
    Ok(i32::from(!is_clean || !summary.faults.is_empty()))
}

/// Reading commands need cells, and nothing else of a pipeline.
pub(crate) fn with_reader<T>(read: impl FnOnce(&Cells) -> Result<T>) -> Result<T> {
    let zygote = Zygote::start("reader", JailMode::Best)?;
    read(&zygote.cells)
}

fn prepare(out: &Path) -> Result<PathBuf> {
    let is_used = out.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if is_used {
        bail!("{} is not empty; give another directory by --out", out.display());
    }
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    Ok(out.to_owned())
}

/// Telemetry of a small office, as a file.
fn generate(out: &Path) -> Result<PathBuf> {
    let path = out.join("generated.jsonl");
    let lines = cordon_load::Telemetry::new(cordon_load::Settings::default()).take(GENERATED_LINES);
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend_from_slice(&line.bytes);
        bytes.push(b'\n');
    }
    fs::write(&path, bytes)?;
    Ok(path)
}

/// An empty log with all topics and first offsets, as `topology apply` makes them on a cluster.
fn model(topology: &Topology) -> ModelLog {
    let log = ModelLog::default();
    log.drive(|broker| {
        for (name, spec) in topology.all_topics() {
            broker.create_topic(&name, spec.partitions);
        }
        let metadata = Progress::start(BatchId::default()).to_string().into_bytes();
        for (at, group) in inputs(topology) {
            broker.commit_offset(&group, at, Committed { offset: 0, metadata: metadata.clone() });
        }
    });
    log
}

fn inputs(topology: &Topology) -> Vec<(TopicPartition, String)> {
    let mut inputs = Vec::new();
    for (stage, spec) in &topology.stages {
        for topic in spec.inputs() {
            for partition in 0..topology.topics[topic].partitions {
                inputs
                    .push((TopicPartition::new(topic.as_str(), partition), Topology::group(stage)));
            }
        }
    }
    inputs
}

/// Waits until every group has read all there is, or a slot ended.
fn drain(topology: &Topology, log: &ModelLog, slots: &[thread::JoinHandle<Halt>]) {
    let is_drained = || {
        topology.stages.iter().all(|(stage, spec)| {
            let group = Topology::group(stage);
            spec.inputs().all(|topic| {
                log.drive(|broker| {
                    broker.committed_records(topic).iter().all(|record| {
                        let committed = broker.committed_offset(&group, &record.at);
                        committed.is_some_and(|committed| record.offset < committed.offset)
                    })
                })
            })
        })
    };
    // Twice: what a stage wrote between two looks is seen by the second.
    let mut quiet = 0;
    while quiet < 2 && slots.iter().all(|slot| !slot.is_finished()) {
        quiet = if is_drained() { quiet + 1 } else { 0 };
        thread::sleep(PERIOD);
    }
}

#[expect(clippy::print_stdout, reason = "printing is its purpose")]
fn print_stages(report: &AuditReport) {
    println!(
        "{:<10} {:>10} {:>10} {:>10} {:>6} {:>8} {:>10} {:>10}",
        "stage", "datapoints", "output", "not mapped", "dead", "batches", "elem. in", "elem. out"
    );
    for (stage, audit) in &report.stages {
        println!(
            "{stage:<10} {:>10} {:>10} {:>10} {:>6} {:>8} {:>10} {:>10}",
            audit.datapoints,
            audit.output,
            audit.not_mapped,
            audit.dead,
            audit.batches,
            audit.elements_in,
            audit.elements_out
        );
    }
    for fault in report.faults.iter() {
        println!("fault: {fault}");
    }
}

/// The line that runs are compared by.
fn figures(report: &AuditReport, graph: &[u8], findings: &[u8]) -> serde_json::Value {
    let (generate, merge) = (report.stage("generate"), report.stage("merge"));
    let counts = archive::count_lines(graph);
    json!({
        "datapoints": generate.datapoints,
        "mapped": generate.output,
        "not_mapped": generate.not_mapped,
        "dead": generate.dead,
        "nodes": counts["node"],
        "edges": counts["edge"],
        "findings": findings.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count(),
        "elements_in": merge.elements_in,
        "elements_out": merge.elements_out,
        "lost": report.total.lost,
        "duplicated": report.total.duplicated,
    })
}
