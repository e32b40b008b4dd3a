//! From the samples of a run to one line.

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::{
    processes::Each,
    trend::{Point, Trend},
    watch::Watched,
};
use crate::figures::rounded;

/// With fewer, noise decides.
const SAMPLES_MIN: usize = 40;

/// Memory of one stage over a run, its warm-up left out.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    datapoints: i64,
    seconds: f64,
    samples: usize,
    slope_bytes_per_million: Each<i64>,
    first_bytes: Each<i64>,
    last_bytes: Each<i64>,
    /// Of all samples, the warm-up included.
    max_bytes: Each<u64>,
    /// Whether each kind of process grew by less than 2 %, or 2 MiB.
    pub(super) flat: bool,
}

impl Figures {
    /// `warm_up` datapoints are left out at the beginning.
    ///
    /// # Errors
    ///
    /// The run was so short that nothing is left to look at.
    pub(super) fn of(watched: &Watched, warm_up: i64) -> Result<Self> {
        let samples: Vec<_> =
            watched.samples.iter().filter(|sample| sample.datapoints >= warm_up).collect();
        ensure!(
            samples.len() >= SAMPLES_MIN,
            "only {} samples behind the warm-up: give it more datapoints",
            samples.len()
        );
        let trend = |bytes: fn(&Each<u64>) -> u64| {
            let points: Vec<Point> = samples
                .iter()
                .map(|sample| Point {
                    millions: sample.datapoints as f64 / 1e6,
                    bytes: bytes(&sample.bytes) as f64,
                })
                .collect();
            Trend::of(&points).context("all samples are of one moment")
        };
        let trends = Each {
            supervisor: trend(|each| each.supervisor)?,
            courier: trend(|each| each.courier)?,
            zygote: trend(|each| each.zygote)?,
            cell: trend(|each| each.cell)?,
        };
        let max = |of: fn(&Each<u64>) -> u64| {
            watched.samples.iter().map(|sample| of(&sample.bytes)).max().unwrap_or_default()
        };
        Ok(Self {
            datapoints: watched.datapoints,
            seconds: rounded(watched.wall.as_secs_f64()),
            samples: samples.len(),
            slope_bytes_per_million: trends.map(|trend| trend.slope_bytes_per_million as i64),
            first_bytes: trends.map(|trend| trend.first_bytes as i64),
            last_bytes: trends.map(|trend| trend.last_bytes as i64),
            max_bytes: Each {
                supervisor: max(|each| each.supervisor),
                courier: max(|each| each.courier),
                zygote: max(|each| each.zygote),
                cell: max(|each| each.cell),
            },
            flat: trends.all().into_iter().all(Trend::is_flat),
        })
    }
}
