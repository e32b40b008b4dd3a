//! The supervisor: starts, watches and replaces a zygote and a courier. It has one thread, opens
//! no socket of its own, and reads no secret.
//!
//! Zygote and courier live and die together: a courier without cells can do nothing, and a fresh
//! one must not inherit cells that an older one talked to.

use std::{
    ffi::OsString,
    process::{Child, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use cordon_cell::{spawn_courier, spawn_zygote, terminate};

use crate::{config::ConfigFaults, rules};

/// Exit codes by which a courier tells its supervisor what to do.
pub(crate) mod exit {
    /// Stopped in good order.
    pub(crate) const STOPPED: i32 = 0;
    /// Something failed; try again.
    pub(crate) const FAILED: i32 = 1;
    /// The configuration is wrong: trying again is no use.
    pub(crate) const CONFIG: i32 = 2;
    /// Fenced as a duplicate: another courier has this slot.
    pub(crate) const DUPLICATE: i32 = 3;
    /// A person must act: a missing grant, progress that cannot be trusted.
    pub(crate) const HALTED: i32 = 4;
    /// A shadow has come to its end: nothing is left to do.
    pub(crate) const DONE: i32 = 5;
}

/// How often children and signals are looked at.
const PERIOD: Duration = Duration::from_millis(20);
/// How long a courier may take to stop in good order.
const GRACE: Duration = Duration::from_secs(20);
/// First pause before a restart; doubled up to [`RESTART_PAUSE_MAX`].
const RESTART_PAUSE_MIN: Duration = Duration::from_millis(200);
/// Longest pause before a restart.
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(30);
/// A courier that ran so long was well: the pause starts small again.
const WELL_AFTER: Duration = Duration::from_secs(60);

/// What to start.
pub(crate) struct Supervised {
    pub(crate) zygote_args: Vec<OsString>,
    pub(crate) courier_args: Vec<OsString>,
    pub(crate) courier_env: Vec<(OsString, OsString)>,
    /// Age at which a courier is replaced.
    pub(crate) recycle: Duration,
}

/// How one generation of children ended.
enum Ended {
    /// The supervisor was asked to stop.
    Asked,
    /// The courier reached its age.
    Recycled,
    /// It ended by itself.
    Courier(ExitStatus),
    /// The zygote ended before it served, and trying again is no use.
    Refused(ConfigFaults),
}

/// Runs until it is told to stop, or trying again is no use. Returns the exit code.
pub(crate) fn supervise(supervised: &Supervised) -> Result<i32> {
    let stop = stop_flag()?;
    let mut pause = RESTART_PAUSE_MIN;
    loop {
        let started = now();
        let ended = generation(supervised, &stop)?;
        match ended {
            Ended::Asked => return Ok(exit::STOPPED),
            Ended::Recycled => {
                tracing::info!("courier recycled");
                continue;
            }
            Ended::Refused(faults) => return Err(faults.into()),
            Ended::Courier(status) => {
                if status.code() == Some(exit::DONE) {
                    return Ok(exit::STOPPED);
                }
                if matches!(status.code(), Some(exit::CONFIG | exit::HALTED)) {
                    return Ok(status.code().unwrap_or(exit::FAILED));
                }
                if started.elapsed() > WELL_AFTER {
                    pause = RESTART_PAUSE_MIN;
                }
                tracing::warn!(%status, pause_ms = pause.as_millis() as u64, "courier ended; starting anew");
            }
        }
        if wait(pause, &stop) {
            return Ok(exit::STOPPED);
        }
        pause = (pause * 2).min(RESTART_PAUSE_MAX);
    }
}

/// One zygote and one courier, from start to end.
fn generation(supervised: &Supervised, stop: &AtomicBool) -> Result<Ended> {
    let zygote = spawn_zygote(&supervised.zygote_args).context("cannot start the zygote")?;
    let mut zygote_child = zygote.child;
    let mut args = supervised.courier_args.clone();
    args.extend(["--zygote".into(), zygote_child.id().to_string().into()]);
    let courier = spawn_courier(&args, &supervised.courier_env, zygote.socket);
    let mut courier = courier.context("cannot start the courier")?;
    tracing::info!(courier = courier.id(), zygote = zygote_child.id(), "started");
    let started = now();
    let ended = loop {
        if let Some(status) = courier.try_wait()? {
            break Ended::Courier(status);
        }
        if stop.load(Ordering::Relaxed) {
            stop_gracefully(&mut courier)?;
            break Ended::Asked;
        }
        if started.elapsed() > supervised.recycle {
            stop_gracefully(&mut courier)?;
            break Ended::Recycled;
        }
        std::thread::sleep(PERIOD);
    };
    // A courier without a zygote cannot say why there is none.
    if let (Ended::Courier(_), Some(status)) = (&ended, zygote_child.try_wait()?)
        && let Some(faults) = rules::fault_of(status)
    {
        return Ok(Ended::Refused(faults));
    }
    // It ends by itself when the courier's socket closes; be sure.
    zygote_child.kill().ok();
    zygote_child.wait()?;
    Ok(ended)
}

/// Asks a courier to stop, and kills it when its time is over.
fn stop_gracefully(courier: &mut Child) -> Result<()> {
    terminate(courier).context("cannot signal the courier")?;
    let asked = now();
    while courier.try_wait()?.is_none() {
        if asked.elapsed() > GRACE {
            tracing::warn!("courier did not stop in time; killed");
            courier.kill()?;
            courier.wait()?;
            return Ok(());
        }
        std::thread::sleep(PERIOD);
    }
    Ok(())
}

/// Sleeps; `true` if it was told to stop meanwhile.
fn wait(pause: Duration, stop: &AtomicBool) -> bool {
    let started = now();
    while started.elapsed() < pause {
        if stop.load(Ordering::Relaxed) {
            return true;
        }
        std::thread::sleep(PERIOD);
    }
    stop.load(Ordering::Relaxed)
}

/// A flag that SIGTERM and SIGINT raise.
pub(crate) fn stop_flag() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, flag.clone()).context("cannot watch for signals")?;
    }
    Ok(flag)
}

#[expect(clippy::disallowed_methods, reason = "the supervisor is a shell: time is its subject")]
fn now() -> Instant {
    Instant::now()
}
