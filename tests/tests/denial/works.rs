//! What is declared is enough: each principal does its work by the product's own client.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use cordon_kafka::{
    admin::Admin,
    log::{
        Consumer, Log, Membership, NewOffset, NewRecord, Outcome, Polled, Producer, TopicPartition,
    },
};
use cordon_tests::{patience::wait_for, world::World};

use crate::{
    connection,
    rights::{Declared, On, Right},
};

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// Everybody's work. Returns how many things worked.
pub(crate) fn all(world: &World, declared: &Declared) -> Result<usize> {
    let mut worked = 0;
    for principal in &declared.principals {
        let work = Work::of(declared, principal);
        worked += work.run(world).with_context(|| format!("the work of {principal}"))?;
    }
    Ok(worked)
}

/// What one principal may do, by kind.
#[derive(Default)]
struct Work<'a> {
    principal: &'a str,
    reads: Vec<&'a str>,
    writes: Vec<&'a str>,
    /// The group that it joins.
    group: Option<&'a str>,
    /// Groups that it looks at.
    described: Vec<&'a str>,
    /// What its transactional ids begin with.
    transactions: Option<&'a str>,
}

impl<'a> Work<'a> {
    fn of(declared: &'a Declared, principal: &'a str) -> Self {
        let mut work = Self { principal, ..Self::default() };
        for grant in declared.of_principal(principal) {
            match (grant.right, &grant.on) {
                (Right::Read, On::Topic(name)) => work.reads.push(name),
                (Right::Write, On::Topic(name)) => work.writes.push(name),
                (Right::Read, On::Group(name)) => work.group = Some(name),
                (Right::Describe, On::Group(name)) => work.described.push(name),
                (Right::Write, On::TransactionalId(name)) => work.transactions = Some(name),
                // Tried with the attempts; no work needs it.
                _ => {}
            }
        }
        work
    }

    fn run(&self, world: &World) -> Result<usize> {
        let log = world.log(self.principal)?;
        let mut worked = self.described.len();
        let connection = connection(world, self.principal)?;
        for group in &self.described {
            let offsets = Admin::new(&connection)?.group_offsets(group)?;
            ensure!(!offsets.is_empty(), "it does not see what {group} has committed");
        }
        let consumer = match self.group {
            Some(group) => Some(join(log.consumer(group, &self.reads)?)?),
            None => {
                for topic in &self.reads {
                    for record in log.reader(topic)? {
                        record?;
                    }
                }
                None
            }
        };
        worked += self.reads.len() + usize::from(consumer.is_some());
        if let Some(prefix) = self.transactions {
            let id = format!("{prefix}works");
            if let Some(joined) = &consumer {
                self.send_offsets(log.producer(&id)?, joined)?;
            }
            // A producer of its own: one that has aborted records on their way may have to ask for
            // a new epoch, and then fails the next transaction.
            worked += 1 + self.write(log.producer(&id)?)?;
        }
        if let Some(mut joined) = consumer {
            joined.consumer.leave();
        }
        Ok(worked)
    }

    /// One transaction that holds all that it may hold. Aborted: it is for its permissions alone.
    fn send_offsets<C: Consumer>(
        &self,
        mut producer: impl Producer,
        joined: &Joined<C>,
    ) -> Result<()> {
        self.begin(&mut producer)?;
        let Joined { membership, at, .. } = joined;
        let offset = NewOffset { at: at.clone(), offset: 0, metadata: "works".to_owned() };
        done("send_offsets", producer.send_offsets(&[offset], membership))?;
        done("abort", producer.abort())
    }

    /// One that is committed, without an offset.
    fn write(&self, mut producer: impl Producer) -> Result<usize> {
        self.begin(&mut producer)?;
        done("commit", producer.commit())?;
        Ok(self.writes.len())
    }

    /// Up to a record in every topic that it may write.
    fn begin(&self, producer: &mut impl Producer) -> Result<()> {
        done("init", producer.init())?;
        done("begin", producer.begin())?;
        self.writes.iter().try_for_each(|topic| done(topic, producer.produce(record(topic))))
    }
}

/// A member that was given partitions.
struct Joined<C> {
    consumer: C,
    membership: Membership,
    at: TopicPartition,
}

fn join<C: Consumer>(mut consumer: C) -> Result<Joined<C>> {
    let at = wait_for("the group gives it partitions", PATIENCE, || {
        Ok(match consumer.poll(POLL)? {
            Polled::Assigned(partitions) => partitions.into_iter().next(),
            _ => None,
        })
    })?;
    let membership = consumer.membership()?;
    Ok(Joined { consumer, membership, at })
}

fn record(topic: &str) -> NewRecord {
    NewRecord {
        topic: topic.into(),
        partition: Some(0),
        key: None,
        value: Bytes::from_static(b"works"),
        headers: Vec::new(),
    }
}

fn done(what: &str, outcome: Outcome) -> Result<()> {
    match outcome {
        Outcome::Done => Ok(()),
        other => bail!("{what}: {other:?}"),
    }
}
