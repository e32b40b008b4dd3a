//! Looks at a stage's memory while it works.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{
    super::{
        Counts, now,
        stage::{Receipts, Stage},
    },
    processes::{self, Each},
};

/// Between two samples.
const SAMPLE_EVERY: Duration = Duration::from_millis(250);
/// Between looks at cells, which live for some hundred milliseconds.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// For the next receipt.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was seen at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Processed so far.
    pub(super) datapoints: i64,
    /// Anonymous; of cells, the highest since the last sample.
    pub(super) bytes: Each<u64>,
}

/// A whole run.
pub(super) struct Watched {
    pub(super) datapoints: i64,
    pub(super) wall: Duration,
    pub(super) samples: Vec<Sample>,
}

/// Watches a stage until it processed so many datapoints. `feed` is told how many it did so far,
/// and gives it more before it runs dry.
pub(super) fn watch(
    stage: &Stage,
    receipts: &mut Receipts,
    wanted: i64,
    mut feed: impl FnMut(i64) -> Result<()>,
) -> Result<Watched> {
    let started = now();
    let (mut counts, mut samples, mut cell) = (Counts::default(), Vec::new(), 0);
    let (mut sampled, mut heard) = (started, started);
    while counts.datapoints() < wanted {
        feed(counts.datapoints())?;
        let look = now();
        while let Some(receipt) = receipts.next(until(look + LOOK_EVERY))? {
            counts.add(&receipt);
            heard = now();
        }
        ensure!(heard.elapsed() < PATIENCE, "no receipt after {} datapoints", counts.datapoints());
        cell = processes::cell_bytes_max(stage.zygote()).max(cell);
        if sampled.elapsed() >= SAMPLE_EVERY {
            sampled = now();
            let mut bytes = processes::kept_bytes(stage)?;
            bytes.cell = bytes.cell.max(cell);
            cell = 0;
            samples.push(Sample { datapoints: counts.datapoints(), bytes });
        }
    }
    processes::ensure_same(stage)?;
    Ok(Watched { datapoints: counts.datapoints(), wall: started.elapsed(), samples })
}

fn until(then: Instant) -> Duration {
    then.saturating_duration_since(now())
}
