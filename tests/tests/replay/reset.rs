//! `cordon progress reset`: a stopped stage goes on from a point in time.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use cordon_records::{Receipt, Source, single_object};
use cordon_tests::world::World;
use jiff::Timestamp;

use crate::{
    shadows::refused,
    stages::{self, Stages},
};

/// Partition and offset of a pointer of `logs`.
type Place = (i32, i64);

/// Resets match to the middle of history; it processes again exactly what was written since. Returns
/// how many payloads that is.
pub(crate) fn to_the_middle(world: &World, stages: &mut Stages) -> Result<usize> {
    let mut pointers: Vec<(i64, Place)> = Vec::new();
    for record in world.log("reader")?.reader("logs")? {
        let record = record?;
        pointers.push((record.timestamp_ms, (record.at.partition, record.offset)));
    }
    pointers.sort_unstable();
    let (time_ms, _) = *pointers.get(pointers.len() / 2).context("pointers")?;
    let expected: BTreeSet<Place> =
        pointers.iter().filter(|(at, _)| *at >= time_ms).map(|(_, place)| *place).collect();
    ensure!(expected.len() < pointers.len(), "all of it was written at once");

    let time = Timestamp::from_millisecond(time_ms)?.to_string();
    let reset = ["progress", "reset", "match", "--since", &time];
    let said = refused(world, "admin", &[&reset[..], &["--yes"]].concat())?;
    ensure!(said.contains("is running"), "{said}");
    let before = consumed(world)?;
    stages.stop_one("match")?;
    let said = refused(world, "admin", &reset)?;
    ensure!(said.contains("this repeats") && said.contains("add --yes"), "{said}");
    let said = refused(world, "operator", &[&reset[..], &["--yes"]].concat())?;
    ensure!(said.contains("admin"), "{said}");
    world.run("admin", &[&reset[..], &["--yes"]].concat())?;
    stages.start_match(world)?;
    stages::settle(world)?;

    let again: Vec<Place> = consumed(world)?.split_off(before.len());
    let places: BTreeSet<Place> = again.iter().copied().collect();
    ensure!(places == expected, "processed again {places:?}, expected {expected:?}");
    // What lies ahead of it is trusted: the stage goes on from there when it is started anew.
    stages.stop_one("match")?;
    stages.start_match(world)?;
    stages::settle(world)?;
    ensure!(consumed(world)?.len() == before.len() + again.len(), "a restart repeats");
    Ok(expected.len())
}

/// Pointers of `logs` that receipts of match tell of, in their order; one that was cut stands there
/// more than once.
fn consumed(world: &World) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for record in world.log("reader")?.reader("receipts.match")? {
        let receipt: Receipt = single_object::decode(&record?.value)?;
        for input in receipt.inputs {
            if let Source::PointerSource { topic, partition, offset, .. } = input.source
                && topic == "logs"
            {
                places.push((partition, offset));
            }
        }
    }
    Ok(places)
}
