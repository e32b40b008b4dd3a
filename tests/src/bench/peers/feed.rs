//! Gives contenders their work, and sees when it is done.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use bytes::Bytes;
use cordon_kafka::admin::Admin;

use super::{
    super::{
        INPUT,
        cluster::Cluster,
        now,
        offsets::{self, Offsets},
        pointers::Pointers,
    },
    contender::{Contender, Name},
    setup::PARTITIONS,
};

/// Between looks at a group's offsets: a hundredth of what is measured.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// For the next offset to be committed.
const PATIENCE: Duration = Duration::from_secs(90);

/// The pointers of a corpus, which can be written again and again.
pub(super) struct Feed {
    pointers: Pointers,
    admin: Admin,
}

impl Feed {
    pub(super) fn new(cluster: &Cluster, pointers: Vec<Bytes>) -> Result<Self> {
        ensure!(pointers.len() >= PARTITIONS as usize, "too few pointers for the partitions");
        let pointers = Pointers::new(cluster, "bench-peers", INPUT, pointers)?;
        Ok(Self { pointers, admin: cluster.admin()? })
    }

    pub(super) fn pointers(&self) -> &[Bytes] {
        self.pointers.records()
    }

    /// Lets a group begin at the end of a topic.
    pub(super) fn begin_at_end(&self, name: Name, group: &str, topic: &str) -> Result<()> {
        let metadata = match name {
            Name::Cordon => offsets::progress(),
            _ => Vec::new(),
        };
        offsets::begin_at(&self.admin, group, self.ends(topic)?, &metadata)
    }

    /// One past the last record of each partition, markers of transactions included.
    pub(super) fn ends(&self, topic: &str) -> Result<Offsets> {
        offsets::ends(&self.admin, topic, PARTITIONS)
    }

    /// Writes all pointers, `laps` times, all at once. Returns when that was, and what is committed
    /// once they are worked off.
    pub(super) fn write(&mut self, laps: usize) -> Result<(Instant, Offsets)> {
        let written = self.pointers.write(laps)?;
        let mut ends = self.ends(INPUT)?;
        // The transaction's marker is behind the last record.
        ends.values_mut().for_each(|end| *end -= 1);
        Ok((written, ends))
    }

    /// Waits until a contender has committed these offsets.
    pub(super) fn wait(&self, contender: &mut Contender, all: &Offsets) -> Result<()> {
        self.wait_for_sum(contender, all, all.values().sum()).map(drop)
    }

    /// Waits until what it has committed on the way to these offsets is so much in sum. Returns
    /// how much it is.
    pub(super) fn wait_for_sum(
        &self,
        contender: &mut Contender,
        all: &Offsets,
        wanted: i64,
    ) -> Result<i64> {
        let (mut last, mut patient_until) = (0, now() + PATIENCE);
        loop {
            let committed = self.admin.group_offsets(&contender.group)?;
            // A marker behind the last record may count, or not.
            let sum: i64 = committed
                .iter()
                .filter_map(|(at, committed)| Some(committed.offset.min(*all.get(at)?)))
                .sum();
            if sum >= wanted {
                return Ok(sum);
            }
            contender.ensure_alive()?;
            if sum > last {
                (last, patient_until) = (sum, now() + PATIENCE);
            }
            ensure!(now() < patient_until, "{} stands still at {sum} of {wanted}", contender.name);
            thread::sleep(LOOK_EVERY);
        }
    }
}
