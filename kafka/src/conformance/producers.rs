//! Transactional ids: who may write, and what becomes of a transaction whose producer is gone.

use super::{
    Harness,
    steps::{
        Checked, begin_with, done, ensure, expect_committed, expect_no_record, expect_read, joined,
        membership, offset, producer, producer_named, reader, single, until, write,
    },
};
use crate::log::{Outcome, Producer};

pub(super) fn a_successor_fences_a_zombie<H: Harness>(h: &H) -> Checked {
    let (at, id) = (single(h), h.unique("slot"));
    let mut zombie = producer_named(h, &id)?;
    begin_with(&mut zombie, &at, &["zombie's"])?;
    let mut successor = producer_named(h, &id)?;
    begin_with(&mut successor, &at, &["successor's"])?;
    let outcome = zombie.commit();
    ensure!(matches!(outcome, Outcome::Fenced(_)), "the zombie's commit ended as {outcome:?}");
    done("the successor's commit", successor.commit())?;
    expect_read(h, &mut reader(h, &at)?, &["successor's"])
}

pub(super) fn a_dead_producers_transaction_is_aborted<H: Harness>(h: &H) -> Checked {
    let (input, output, id) = (single(h), single(h), h.unique("slot"));
    let mut consumer = joined(h, &input.topic)?;
    let mut dead = producer_named(h, &id)?;
    begin_with(&mut dead, &output, &["half done"])?;
    let sent = dead.send_offsets(&[offset(&input, 1, "half")], &membership(&consumer)?);
    done("send_offsets", sent)?;
    drop(dead);
    let mut successor = producer_named(h, &id)?;
    expect_committed(h, &mut consumer, &input, None)?;
    write(&mut successor, &output, &["redone"])?;
    expect_read(h, &mut reader(h, &output)?, &["redone"])
}

pub(super) fn a_commit_survives_its_producer<H: Harness>(h: &H) -> Checked {
    let (input, output, id) = (single(h), single(h), h.unique("slot"));
    let mut consumer = joined(h, &input.topic)?;
    let mut dead = producer_named(h, &id)?;
    begin_with(&mut dead, &output, &["done"])?;
    let sent = dead.send_offsets(&[offset(&input, 1, "done")], &membership(&consumer)?);
    done("send_offsets", sent)?;
    // Its caller treats the outcome as unknown, whatever it is.
    let _ = dead.commit();
    drop(dead);
    let mut successor = producer_named(h, &id)?;
    expect_committed(h, &mut consumer, &input, Some((1, "done")))?;
    write(&mut successor, &output, &["next"])?;
    expect_read(h, &mut reader(h, &output)?, &["done", "next"])
}

pub(super) fn an_overdue_transaction_is_aborted<H: Harness>(h: &H) -> Checked {
    let (at, id) = (single(h), h.unique("slot"));
    let mut hung = producer_named(h, &id)?;
    begin_with(&mut hung, &at, &["hung"])?;
    h.pass(h.quiet());
    write(&mut producer(h)?, &at, &["behind"])?;
    expect_no_record(h, &mut reader(h, &at)?)?;
    h.pass(h.transaction_age_max());
    // Another one: a group would have given up a reader that was silent for so long.
    let mut consumer = reader(h, &at)?;
    expect_read(h, &mut consumer, &["behind"])?;
    let outcome = hung.commit();
    ensure!(outcome != Outcome::Done, "an aborted transaction was committed");
    drop(hung);
    let mut successor = until(h, "a successor", || Ok(producer_named(h, &id).ok()))?;
    write(&mut successor, &at, &["redone"])?;
    expect_read(h, &mut consumer, &["redone"])
}
