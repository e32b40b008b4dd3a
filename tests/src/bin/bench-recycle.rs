//! Measures for how long partitions are nobody's when a courier is recycled, and when one is taken
//! away for good, with dynamic and with static membership. Why cordon's members are dynamic stands
//! in ARCHITECTURE.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::{
    admin::{Admin, NewTopic},
    local::Broker,
    log::{Consumer as _, Log as _, Polled, TopicPartition},
    real::{RealConsumer, RealLog, Settings},
};
use cordon_tests::patience::{now, wait_for};
use serde_json::json;

const TOPIC: &str = "measured";
const PARTITIONS: usize = 4;
/// Couriers that are replaced.
const RECYCLINGS: usize = 11;
/// Couriers that are taken away. Each costs a session timeout where members are static.
const SCALINGS: usize = 3;
/// Shorter than the default of 45 s, which is what a static member's partitions would wait.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);
/// What a loop of a slot waits for records.
const POLL: Duration = Duration::from_millis(5);
/// For a group to settle.
const PATIENCE: Duration = Duration::from_secs(120);

#[expect(clippy::print_stderr, reason = "the only place this program can complain")]
fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-recycle: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "printing is its purpose")]
fn run() -> Result<()> {
    let broker = Broker::start()?;
    make_topic(&broker)?;
    let mut figures = BTreeMap::new();
    for membership in [Membership::Dynamic, Membership::Static] {
        let pauses = measure(&broker, membership)?;
        println!("{membership:?}: {pauses:?}");
        let name = membership.word();
        figures.insert(format!("{name}_recycle_ms"), json!(median_ms(pauses.recycle)));
        figures.insert(format!("{name}_disturbed"), json!(pauses.disturbed));
        figures.insert(format!("{name}_scale_in_ms"), json!(median_ms(pauses.scale_in)));
    }
    figures.insert("session_timeout_ms".to_owned(), json!(SESSION_TIMEOUT.as_millis()));
    println!("figures: {}", serde_json::to_string(&figures)?);
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Membership {
    Dynamic,
    Static,
}

impl Membership {
    fn word(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::Static => "static",
        }
    }
}

/// What was measured with one kind of membership.
#[derive(Debug, Default)]
struct Pauses {
    /// From the stop of a courier until all partitions have an owner again, its successor there.
    recycle: Vec<Duration>,
    /// Recyclings in which the other member had to give something up.
    disturbed: usize,
    /// From the stop of a courier until the other one has all partitions.
    scale_in: Vec<Duration>,
}

fn measure(broker: &Broker, membership: Membership) -> Result<Pauses> {
    let mut group = Group::new(broker, membership);
    group.join("a")?;
    group.join("b")?;
    group.settle()?;
    let mut pauses = Pauses::default();
    for _ in 0..RECYCLINGS {
        let before = group.members["b"].given_up;
        let stopped = group.stop("a")?;
        group.join("a")?;
        group.settle()?;
        pauses.recycle.push(stopped.elapsed());
        pauses.disturbed += usize::from(group.members["b"].given_up > before);
    }
    for _ in 0..SCALINGS {
        let stopped = group.stop("a")?;
        group.settle()?;
        pauses.scale_in.push(stopped.elapsed());
        group.join("a")?;
        group.settle()?;
    }
    Ok(pauses)
}

/// A group of one stage's slots, all driven by this thread.
struct Group<'a> {
    broker: &'a Broker,
    membership: Membership,
    members: BTreeMap<&'static str, Member>,
}

struct Member {
    consumer: RealConsumer,
    owns: BTreeSet<TopicPartition>,
    /// How often it had to give partitions up.
    given_up: usize,
}

impl<'a> Group<'a> {
    fn new(broker: &'a Broker, membership: Membership) -> Self {
        Self { broker, membership, members: BTreeMap::new() }
    }

    /// Starts a member, as a courier does: with a client of its own.
    fn join(&mut self, name: &'static str) -> Result<()> {
        let mut connection = self.broker.admin();
        if matches!(self.membership, Membership::Static) {
            connection.extra.insert("group.instance.id".to_owned(), name.to_owned());
        }
        let log = RealLog::with_settings(connection, Settings::for_session(SESSION_TIMEOUT));
        let consumer = log.consumer(self.membership.word(), &[TOPIC])?;
        self.members.insert(name, Member { consumer, owns: BTreeSet::new(), given_up: 0 });
        Ok(())
    }

    /// Stops a member in good order; says when.
    fn stop(&mut self, name: &str) -> Result<Instant> {
        let mut member = self.members.remove(name).context("a member")?;
        let stopped = now();
        member.consumer.leave();
        Ok(stopped)
    }

    /// Serves the members until each has partitions, and all of them together have all.
    fn settle(&mut self) -> Result<()> {
        let members = &mut self.members;
        wait_for("the group has its partitions", PATIENCE, || {
            for member in members.values_mut() {
                member.serve()?;
            }
            let owned: usize = members.values().map(|member| member.owns.len()).sum();
            ensure!(owned <= PARTITIONS, "a partition has two owners");
            let is_shared = members.values().all(|member| !member.owns.is_empty());
            Ok((owned == PARTITIONS && is_shared).then_some(()))
        })
    }
}

impl Member {
    fn serve(&mut self) -> Result<()> {
        match self.consumer.poll(POLL)? {
            Polled::Assigned(added) => {
                let starts: Vec<_> = added.iter().map(|at| (at.clone(), 0)).collect();
                self.consumer.start(&starts)?;
                self.owns.extend(added);
            }
            Polled::Revoked(gone) | Polled::Lost(gone) => {
                self.consumer.release(&gone)?;
                self.given_up += usize::from(!gone.is_empty());
                self.owns.retain(|at| !gone.contains(at));
            }
            Polled::Record(_) | Polled::Nothing => {}
        }
        Ok(())
    }
}

fn make_topic(broker: &Broker) -> Result<()> {
    let topic = NewTopic {
        name: TOPIC.to_owned(),
        partitions: i32::try_from(PARTITIONS)?,
        replication: 1,
        settings: BTreeMap::new(),
    };
    Admin::new(&broker.admin())?.create_topic(&topic)?;
    let log = RealLog::new(broker.admin());
    wait_for("the topic is there", PATIENCE, || Ok(log.partitions(&[TOPIC]).ok()))?;
    Ok(())
}

/// The middle one.
fn median_ms(mut pauses: Vec<Duration>) -> u128 {
    pauses.sort();
    pauses[pauses.len() / 2].as_millis()
}
