//! `make bench-peers`: what others would build in place of generate, in the same run.
//!
//! For each corpus, a few rounds: `cordon run generate` and each peer (`tests/peers`, in Java) work
//! off the same pointers of `logs`, one after the other, on one Kafka and one S3 API. Each is
//! started, given a part of the pointers to warm up by, and then, all at once, those that are
//! measured: from the moment that they are committed until the group's offsets are behind them all.
//! So everybody runs in a steady state, and ratios are taken within a round.
//!
//! What they gave is compared: the same fates, the same number of elements before merging, as many
//! letters as dead lines, and the same graph as the plain loop over the payloads.

mod contender;
mod feed;
mod figures;
mod lines;
mod round;
mod setup;

use anyhow::{Context as _, Result, ensure};

use self::{figures::Figures, round::Rounds};
use super::{cluster::Cluster, corpora, now};

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rounds for each corpus; an odd number has a middle.
    pub rounds: usize,
    /// How often the corpus is worked off while the time is taken.
    pub laps: usize,
    /// The same before that.
    pub warm_laps: usize,
    /// Slots of the stage.
    pub slots: u32,
    /// The only corpus to run on: `otrf` or `generated`.
    pub corpus: Option<String>,
    /// The only contenders to run, by name; all where it is empty.
    pub contenders: Vec<String>,
}

/// Runs the bench, and prints a line for each corpus and one of figures: of each number the lower
/// of the corpora.
///
/// # Errors
///
/// A server or a contender did not start, stands still, or gave something else than the others.
#[expect(clippy::print_stdout, reason = "printing is its purpose")]
pub fn run(options: &Options) -> Result<()> {
    ensure!(!cfg!(debug_assertions), "a debug build is no measure: run `make bench-peers`");
    let started = now();
    let cluster = Cluster::start_with(setup::grant)?;
    setup::prepare(&cluster)?;
    let mut all = Vec::new();
    for corpus in corpora(&cluster, options.corpus.as_deref())? {
        let mut rounds = Rounds::new(&cluster, &corpus, options)?;
        for number in 0..options.rounds {
            rounds.play(number)?;
        }
        let figures = Figures::of(&corpus, rounds.played());
        println!("{}: {}", corpus.name, serde_json::to_string(&figures)?);
        all.push(figures);
    }
    let lower = all.into_iter().reduce(Figures::lower).context("no corpus was run")?;
    println!("bench-peers: {:.0} s", started.elapsed().as_secs_f64());
    println!("figures: {}", serde_json::to_string(&lower)?);
    Ok(())
}
