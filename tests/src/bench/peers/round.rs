//! One contender after the other over the same pointers.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use cordon_records::{Digest, Receipt, single_object};

use super::{
    super::{
        Counts, INPUT,
        cluster::{Cluster, Payload, Skip},
        content,
        corpus::Corpus,
        now,
        offsets::Offsets,
        plain,
    },
    Options,
    contender::{Contender, Name},
    feed::Feed,
    lines,
    setup::LINES,
};

/// A record for each line is an order of magnitude slower, and takes so much less of the corpus.
const PER_RECORD_SHARE: usize = 4;

/// What a contender took for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) datapoints: i64,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    pub(super) broker_cpu: Duration,
    pub(super) s3_cpu: Duration,
}

impl Measured {
    pub(super) fn per_s(&self) -> f64 {
        self.datapoints as f64 / self.wall.as_secs_f64()
    }

    /// CPU of its own processes.
    pub(super) fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.datapoints as f64
    }
}

/// One round: all contenders.
pub(super) type Round = BTreeMap<Name, Measured>;

/// The rounds of one corpus.
pub(super) struct Rounds<'a> {
    cluster: &'a Cluster,
    corpus: &'a Corpus,
    options: &'a Options,
    feed: Feed,
    /// Of the corpus, once.
    expected: Counts,
    graph: Digest,
    /// By topic, what earlier runs left there.
    skips: BTreeMap<String, Skip>,
    played: Vec<Round>,
    runs: usize,
}

impl<'a> Rounds<'a> {
    /// Ingests the corpus, and computes what must come out.
    pub(super) fn new(
        cluster: &'a Cluster,
        corpus: &'a Corpus,
        options: &'a Options,
    ) -> Result<Self> {
        let mut before = Skip::default();
        cluster.records(INPUT, &mut before)?;
        let path = corpus.path.to_str().context("a path is not UTF-8")?;
        cluster.run("ingest", &["ingest", path])?;
        let pointers = cluster.records(INPUT, &mut before.clone())?;
        let payloads = cluster.payloads(INPUT, &mut before)?;
        let plain = plain::run(&payloads, super::setup::PARTITIONS)?;
        let graph = content::hash(plain.output.iter().map(|bytes| &bytes[..]))?;
        let mut rounds = Self {
            cluster,
            corpus,
            options,
            feed: Feed::new(cluster, pointers)?,
            expected: plain.counts,
            graph,
            skips: BTreeMap::new(),
            played: Vec::new(),
            runs: 0,
        };
        // What runs on another corpus left.
        for name in Name::ALL {
            rounds.new_records(&name.output())?;
            rounds.new_records(&name.letters())?;
        }
        rounds.new_records(RECEIPTS)?;
        Ok(rounds)
    }

    pub(super) fn played(&self) -> &[Round] {
        &self.played
    }

    /// Lets each contender run; who goes first alternates.
    #[expect(clippy::print_stdout, reason = "printing is its purpose")]
    pub(super) fn play(&mut self, number: usize) -> Result<()> {
        let mut names = Name::ALL.to_vec();
        let only = &self.options.contenders;
        names.retain(|name| only.is_empty() || only.iter().any(|word| word == name.word()));
        if number % 2 == 1 {
            names.reverse();
        }
        let mut round = Round::new();
        for name in names {
            let measured = self.run(name).with_context(|| name.word())?;
            println!(
                "{} {name}: {} datapoints in {:.2} s, {:.0}/s, {:.2} µs CPU each; broker {:.2} s, \
                 S3 {:.2} s",
                self.corpus.name,
                measured.datapoints,
                measured.wall.as_secs_f64(),
                measured.per_s(),
                measured.cpu_us(),
                measured.broker_cpu.as_secs_f64(),
                measured.s3_cpu.as_secs_f64(),
            );
            round.insert(name, measured);
        }
        self.played.push(round);
        Ok(())
    }

    fn run(&mut self, name: Name) -> Result<Measured> {
        self.runs += 1;
        let group = Contender::group(name, self.runs);
        let group = format!("{group}{}", if name == Name::Cordon { "" } else { self.corpus.name });
        let (measured, laps, counts) = match name {
            Name::PerRecord => self.run_over_lines(group)?,
            _ => self.run_over_pointers(name, group)?,
        };
        let counts = counts.map_or_else(|| self.counts_of_receipts(), Ok)?;
        let expected = self.expected.fates().map(|count| count * laps as i64);
        ensure!(counts.fates() == expected, "{:?} instead of {expected:?}", counts.fates());
        let letters = self.new_records(&name.letters())?.len() as i64;
        ensure!(letters == counts.dead, "{letters} letters of {} dead lines", counts.dead);
        let graph = self.graph_of(name)?;
        ensure!(graph == self.graph, "the graph is {graph} instead of {}", self.graph);
        Ok(measured)
    }

    fn run_over_pointers(
        &mut self,
        name: Name,
        group: String,
    ) -> Result<(Measured, usize, Option<Counts>)> {
        let Options { laps, warm_laps, slots, .. } = *self.options;
        self.feed.begin_at_end(name, &group, INPUT)?;
        let mut contender = Contender::start(self.cluster, name, group, slots)?;
        let (_, warm) = self.feed.write(warm_laps)?;
        self.feed.wait(&mut contender, &warm)?;
        let before = self.spent(&contender)?;
        let (started, all) = self.feed.write(laps)?;
        self.feed.wait(&mut contender, &all)?;
        let wall = started.elapsed();
        let datapoints = self.expected.datapoints() * laps as i64;
        let measured = self.since(before, &contender, wall, datapoints)?;
        Ok((measured, laps + warm_laps, contender.stop()?))
    }

    /// The lines lie there before it starts, and the time begins with some commit.
    fn run_over_lines(&mut self, group: String) -> Result<(Measured, usize, Option<Counts>)> {
        let share = |laps: usize| laps.div_ceil(PER_RECORD_SHARE);
        let (laps, warm_laps) = (share(self.options.laps), share(self.options.warm_laps));
        self.feed.begin_at_end(Name::PerRecord, &group, LINES)?;
        let begin = self.feed.ends(LINES)?;
        lines::load(self.cluster, self.feed.pointers(), laps + warm_laps)?;
        let end = self.feed.ends(LINES)?;
        let warm = part(&begin, &end, warm_laps as i64, (laps + warm_laps) as i64);
        let mut contender =
            Contender::start(self.cluster, Name::PerRecord, group, self.options.slots)?;
        let done: i64 = self.feed.wait_for_sum(&mut contender, &end, warm)?;
        let (before, started) = (self.spent(&contender)?, now());
        self.feed.wait(&mut contender, &end)?;
        let wall = started.elapsed();
        let datapoints = end.values().sum::<i64>() - done;
        let measured = self.since(before, &contender, wall, datapoints)?;
        Ok((measured, laps + warm_laps, contender.stop()?))
    }

    fn spent(&self, contender: &Contender) -> Result<[Duration; 3]> {
        Ok([contender.cpu()?, self.cluster.broker_cpu()?, self.cluster.s3_cpu()?])
    }

    fn since(
        &self,
        before: [Duration; 3],
        contender: &Contender,
        wall: Duration,
        datapoints: i64,
    ) -> Result<Measured> {
        let after = self.spent(contender)?;
        Ok(Measured {
            datapoints,
            wall,
            cpu: after[0] - before[0],
            broker_cpu: after[1] - before[1],
            s3_cpu: after[2] - before[2],
        })
    }

    fn counts_of_receipts(&mut self) -> Result<Counts> {
        let mut counts = Counts::default();
        for record in self.new_records(RECEIPTS)? {
            counts.add(&single_object::decode::<Receipt>(&record)?);
        }
        Ok(counts)
    }

    fn graph_of(&mut self, name: Name) -> Result<Digest> {
        if name == Name::PerRecord {
            return content::hash_of_datums(self.new_records(&name.output())?);
        }
        let skip = self.skips.entry(name.output()).or_default();
        let stored = self.cluster.payloads(&name.output(), skip)?;
        content::hash(stored.iter().map(|Payload { bytes, .. }| &bytes[..]))
    }

    fn new_records(&mut self, topic: &str) -> Result<Vec<Bytes>> {
        self.cluster.records(topic, self.skips.entry(topic.to_owned()).or_default())
    }
}

const RECEIPTS: &str = "receipts.generate";

/// The sum of offsets at a share of the way.
fn part(begin: &Offsets, end: &Offsets, share: i64, of: i64) -> i64 {
    let (begin, end): (i64, i64) = (begin.values().sum(), end.values().sum());
    begin + (end - begin) * share / of
}
