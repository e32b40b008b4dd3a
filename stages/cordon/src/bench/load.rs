//! `cordon bench load`.

use std::{fs, path::Path, thread, time::Duration};

use anyhow::{Context as _, Result};
use cordon_load::{Ledger, Settings, Telemetry};
use serde_json::json;

use super::{LoadArgs, sink};
use crate::{config::Config, pace::Pace, patience::now, supervisor::exit, terminal};

/// Shorter waits than this are not worth a switch of threads.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// Returns the exit code.
pub(super) fn run(
    args: &LoadArgs,
    config: impl FnOnce() -> Result<Config>,
    is_json: bool,
) -> Result<i32> {
    // Before a line is generated: whoever mistyped a path shall know at once.
    let ledger_file = args.ledger.as_deref().map(create).transpose()?;
    let mut telemetry = Telemetry::new(settings(args));
    let mut sink = sink::open(args, config)?;
    let (pace, started) = (Pace::new(args.rate), now());
    for (done, line) in (0..args.lines).zip(telemetry.by_ref()) {
        let early = pace.wait(done, started.elapsed());
        if early >= WAIT_MIN {
            thread::sleep(early);
        }
        sink.line(&line)?;
    }
    sink.finish()?;
    let seconds = started.elapsed().as_secs_f64();
    let ledger = telemetry.ledger();
    if let Some((path, file)) = ledger_file {
        serde_json::to_writer_pretty(file, ledger)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    terminal::print((told(ledger, seconds, is_json) + "\n").as_bytes())?;
    Ok(exit::STOPPED)
}

fn settings(args: &LoadArgs) -> Settings {
    Settings {
        seed: args.seed,
        hosts: args.hosts,
        attack_every_hosts: args.attack_every,
        malformed_per_million: args.malformed,
        late_per_million: args.late,
        ..Settings::default()
    }
}

fn create(path: &Path) -> Result<(&Path, fs::File)> {
    let file = fs::File::create(path);
    Ok((path, file.with_context(|| format!("cannot write {}", path.display()))?))
}

fn told(ledger: &Ledger, seconds: f64, is_json: bool) -> String {
    let (lines, bytes) = (ledger.lines as f64, ledger.bytes as f64);
    let (rate, mb_rate) = (lines / seconds, bytes / 1e6 / seconds);
    if is_json {
        return json!({
            "lines": ledger.lines,
            "bytes": ledger.bytes,
            "malformed": ledger.malformed(),
            "late": ledger.late,
            "attacks": ledger.attacks.len(),
            "seconds": seconds,
            "lines_per_s": rate.round(),
        })
        .to_string();
    }
    format!(
        "{} lines, {:.1} MB, {} of them malformed, {} late, {} attacks; {rate:.0} lines/s, \
         {mb_rate:.1} MB/s",
        ledger.lines,
        bytes / 1e6,
        ledger.malformed(),
        ledger.late,
        ledger.attacks.len(),
    )
}
