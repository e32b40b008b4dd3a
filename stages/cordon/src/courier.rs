//! `cordon run STAGE`: the supervisor, and the courier process it starts.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::{Context, Result};
use cordon_cell::{CellLimits, Cells, JailMode, JailReport, take_socket};
use cordon_courier::{Courier, Limits, StageSettings, WatchedProcess, event::Halt};
use cordon_kafka::{
    log::{ConsumerError, Log},
    topology::{ShadowName, Topology},
};
use cordon_store::Store;

use crate::{
    bodies,
    config::{Config, ConfigFaults},
    jail,
    rules::RulesChoice,
    shadow::{self, Bounded, Plan, Watch},
    supervisor::{self, Supervised, exit},
    wiring::{self, Opened},
};

/// Runs a stage until it is told to stop, or a shadow of it until it is done. Returns the exit code.
pub(crate) fn run(
    stage: &str,
    shadow: Option<&ShadowName>,
    rules: &RulesChoice,
    config: &Config,
    config_file: Option<&Path>,
) -> Result<i32> {
    // What is wrong with configuration is told now, once, and not by every child.
    let topology = wiring::open(config)?.topology;
    wiring::known_stage(&topology, stage)?;
    shadow.map(|name| shadow::of(&topology, name, stage)).transpose()?;
    if stage != "match" && !rules.is_default() {
        return Err(ConfigFaults::one("only the stage match has rules").into());
    }
    let mut courier_args: Vec<OsString> = vec!["courier".into(), stage.into()];
    if let Some(name) = shadow {
        courier_args.extend(["--shadow".into(), name.as_str().into()]);
    }
    if let Some(file) = config_file {
        courier_args.push("--config".into());
        courier_args.push(PathBuf::from(file).into());
    }
    jail::check(config.courier.jail)?;
    if config.courier.jail == JailMode::Off {
        tracing::warn!("courier.jail is \"off\": couriers and cells run WITHOUT a jail");
    }
    let is_ours = |name: &OsString| name.to_str().is_some_and(|name| name.starts_with("CORDON_"));
    supervisor::supervise(&Supervised {
        zygote_args: bodies::zygote_args(
            stage,
            &rules.clone().or(config.rules.clone()),
            config.courier.jail,
        ),
        courier_args,
        courier_env: std::env::vars_os()
            .filter(|(name, _)| is_ours(name))
            .chain(jail::resolver_environment(config.courier.jail))
            .collect(),
        recycle: config.courier.recycle,
    })
}

/// The courier process. Returns the exit code, by which the supervisor decides.
pub(crate) fn courier(
    stage: &str,
    shadow: Option<&ShadowName>,
    zygote: Option<u32>,
    config: &Config,
) -> Result<i32> {
    match serve(stage, shadow, zygote, config) {
        // Denied at the start is as denied as later: trying again is no use.
        Err(error) if matches!(error.downcast_ref(), Some(ConsumerError::Denied(_))) => {
            tracing::error!("{error:#}");
            Ok(exit::HALTED)
        }
        served => served,
    }
}

/// Enters the jail and runs the slots.
fn serve(
    stage: &str,
    shadow: Option<&ShadowName>,
    zygote: Option<u32>,
    config: &Config,
) -> Result<i32> {
    // Secrets are read, and nothing has started a thread: what comes now, comes in the jail.
    let Opened { topology, log, store } = wiring::open(config)?;
    let processes = watched(zygote);
    let jail = jail::enter(config)?;
    let cells = Cells::connect(take_socket()?).context("the zygote did not start")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .enable_all()
        .build()?;
    let stop = supervisor::stop_flag()?;
    let shared = Shared { jail, cells, store, runtime: &runtime, stop, processes };
    let Some(name) = shadow else {
        let settings = wiring::stage_settings(&topology, stage, &log, limits(stage, config))?;
        let prefix = Topology::transactional_prefix(stage);
        return Ok(exit_code(&shared.run(log, settings, &prefix, config)));
    };
    let shadow = shadow::of(&topology, name, stage)?;
    let plan = Plan::read(&shadow, &log)?;
    let settings = wiring::shadow_settings(&topology, &shadow, &log, limits(stage, config))?;
    let ends = Arc::new(plan.ends());
    let watch = Watch::new(log.clone(), &shadow, plan).start(shared.stop.clone());
    let log = Bounded::new(log, ends);
    let halts = shared.run(log, settings, &shadow.transactional_prefix(), config);
    // It ends with the slots, which raised the flag if it did not.
    let is_done = watch.join().unwrap_or(false);
    Ok(if is_done { exit::DONE } else { exit_code(&halts) })
}

/// What the slots of any log share.
struct Shared<'a> {
    jail: JailReport,
    cells: Cells,
    store: Store,
    runtime: &'a tokio::runtime::Runtime,
    stop: Arc<AtomicBool>,
    processes: Vec<WatchedProcess>,
}

impl Shared<'_> {
    /// Runs the slots, each on a thread, until they end.
    fn run<L: Log>(
        self,
        log: L,
        settings: StageSettings,
        transactional_prefix: &str,
        config: &Config,
    ) -> Vec<Halt> {
        let courier = Arc::new(Courier {
            log: Arc::new(log),
            notes: missing_layers("courier", &self.jail).chain(notes(&self.cells)).collect(),
            store: self.store,
            cells: self.cells,
            runtime: self.runtime.handle().clone(),
            settings: Arc::new(settings),
            cell_limits: CellLimits::default(),
            stop: self.stop,
            processes: Mutex::new(self.processes),
        });
        let slots = (0..config.courier.slots).map(|index| {
            let courier = courier.clone();
            let number = config.courier.slot_base + index;
            let id = format!("{transactional_prefix}{number}");
            thread::spawn(move || {
                let halt = courier.run_slot(&id);
                // One slot that ends takes the others along: the supervisor starts all anew.
                courier.stop.store(true, Ordering::Relaxed);
                halt
            })
        });
        let slots: Vec<_> = slots.collect();
        let broken = |_| Halt::Broken("a slot panicked".to_owned());
        slots.into_iter().map(|slot| slot.join().unwrap_or_else(broken)).collect()
    }
}

/// This process and its zygote. A `/proc` that hides them is no reason not to work.
fn watched(zygote: Option<u32>) -> Vec<WatchedProcess> {
    let processes = [("courier", Some(std::process::id())), ("zygote", zygote)];
    let open = |(name, pid): (&'static str, Option<u32>)| {
        let opened = WatchedProcess::open(name, pid?);
        opened.inspect_err(|error| tracing::info!(%error, name, "its use is not known")).ok()
    };
    processes.into_iter().filter_map(open).collect()
}

/// S3 calls wait far more than they compute.
const RUNTIME_THREADS: usize = 2;

pub(crate) fn limits(stage: &str, config: &Config) -> Limits {
    let courier = &config.courier;
    let default = Limits::default();
    let size = |set: Option<i64>, default: usize| {
        set.and_then(|set| usize::try_from(set).ok()).unwrap_or(default)
    };
    Limits {
        batch_datapoints_max: courier.batch_datapoints_max.unwrap_or(default.batch_datapoints_max),
        batch_decoded_bytes_max: courier
            .batch_decoded_bytes_max
            .unwrap_or(default.batch_decoded_bytes_max),
        queue_records_max: size(courier.queue_records_max, bodies::queue_records_max(stage)),
        queue_bytes_max: size(courier.queue_bytes_max, default.queue_bytes_max),
        ..default
    }
}

/// For metrics: jail layers that this machine does not have, and what the zygote says of itself.
pub(crate) fn notes(cells: &Cells) -> Vec<String> {
    missing_layers("cell", cells.jail()).chain(cells.notes().iter().cloned()).collect()
}

fn missing_layers(whose: &str, jail: &JailReport) -> impl Iterator<Item = String> {
    jail.missing.iter().map(move |layer| format!("{whose} jail layer missing: {layer}"))
}

fn exit_code(halts: &[Halt]) -> i32 {
    let code = |halt: &Halt| match halt {
        Halt::Stopped => exit::STOPPED,
        Halt::Duplicate(_) => exit::DUPLICATE,
        Halt::Denied(_) | Halt::Progress { .. } => exit::HALTED,
        Halt::Zygote | Halt::Broken(_) => exit::FAILED,
    };
    for halt in halts.iter().filter(|halt| **halt != Halt::Stopped) {
        tracing::error!("{halt}");
    }
    halts.iter().map(code).max().unwrap_or(exit::STOPPED)
}
