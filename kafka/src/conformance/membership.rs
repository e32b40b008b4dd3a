//! Membership: whose offsets a group takes.

use super::{
    Harness,
    steps::{
        Checked, Member, commit_offset, consumer, done, ensure, expect_committed, joined_to,
        membership, offset, poll, producer, settle, topic, until,
    },
};
use crate::log::{Consumer, Membership, NewOffset, Outcome, Polled, Producer, TopicPartition};

pub(super) fn a_stale_generation_is_refused<H: Harness>(h: &H) -> Checked {
    let (topic, group) = (topic(h, 2), h.unique("group"));
    let mut first = Member::new(h, &group, &topic)?;
    settle(h, &mut [&mut first], &[2])?;
    let stale = membership(&first.consumer)?;
    let mut second = Member::new(h, &group, &topic)?;
    settle(h, &mut [&mut first, &mut second], &[1, 1])?;
    let kept = first.owned.first().expect("it owns one").clone();
    let mut producer = producer(h)?;
    refused(&mut producer, offset(&kept, 5, "stale"), &stale)?;
    expect_committed(h, &mut first.consumer, &kept, None)?;
    // With a fresh membership it goes on with what it kept.
    until(h, "a commit in the new generation", || {
        first.step(h)?;
        second.step(h)?;
        done("begin", producer.begin())?;
        let fresh = offset(&kept, 5, "fresh");
        match producer.send_offsets(&[fresh], &membership(&first.consumer)?) {
            Outcome::Done => done("commit", producer.commit()).map(Some),
            _ => done("abort", producer.abort()).map(|()| None),
        }
    })?;
    expect_committed(h, &mut first.consumer, &kept, Some((5, "fresh")))
}

pub(super) fn a_new_generation_is_told<H: Harness>(h: &H) -> Checked {
    let (topic, group) = (topic(h, 1), h.unique("group"));
    let at = TopicPartition::new(topic.clone(), 0);
    let mut first = joined_to(h, &group, &topic)?;
    // There is nothing for it, so that nothing of the first one's changes.
    let mut second = Member::new(h, &group, &topic)?;
    until(h, "the new generation", || {
        second.step(h)?;
        match poll(&mut first)? {
            Polled::Assigned(none) if none.is_empty() => Ok(Some(())),
            Polled::Nothing => Ok(None),
            other => Err(format!("{other:?}, and the partition stays where it is")),
        }
    })?;
    let mut producer = producer(h)?;
    commit_offset(&mut producer, offset(&at, 5, "stayed"), &membership(&first)?)?;
    expect_committed(h, &mut first, &at, Some((5, "stayed")))
}

pub(super) fn a_departed_member_is_refused<H: Harness>(h: &H) -> Checked {
    let (topic, group) = (topic(h, 1), h.unique("group"));
    let at = TopicPartition::new(topic.clone(), 0);
    let mut departed = joined_to(h, &group, &topic)?;
    let old = membership(&departed)?;
    departed.leave();
    drop(departed);
    let mut successor = joined_to(h, &group, &topic)?;
    let mut producer = producer(h)?;
    refused(&mut producer, offset(&at, 5, "departed"), &old)?;
    expect_committed(h, &mut successor, &at, None)?;
    commit_offset(&mut producer, offset(&at, 6, "successor"), &membership(&successor)?)?;
    expect_committed(h, &mut successor, &at, Some((6, "successor")))
}

pub(super) fn a_member_that_never_joined_is_refused<H: Harness>(h: &H) -> Checked {
    let topic = topic(h, 1);
    let consumer = consumer(h, &h.unique("group"), &topic)?;
    ensure!(consumer.membership().is_err(), "a consumer that never polled has a membership");
    Ok(())
}

pub(super) fn leaving_moves_partitions_at_once<H: Harness>(h: &H) -> Checked {
    let (topic, group) = (topic(h, 4), h.unique("group"));
    let mut first = Member::new(h, &group, &topic)?;
    let mut second = Member::new(h, &group, &topic)?;
    settle(h, &mut [&mut first, &mut second], &[2, 2])?;
    first.consumer.leave();
    settle(h, &mut [&mut second], &[4])
}

pub(super) fn a_silent_member_loses_its_partitions<H: Harness>(h: &H) -> Checked {
    /// So often the other member polls until the silent one is given up.
    const STEPS: u32 = 40;
    let (topic, group) = (topic(h, 2), h.unique("group"));
    let mut silent = Member::new(h, &group, &topic)?;
    settle(h, &mut [&mut silent], &[2])?;
    let mut other = Member::new(h, &group, &topic)?;
    settle(h, &mut [&mut silent, &mut other], &[1, 1])?;
    let (old, at) = (membership(&silent.consumer)?, silent.owned.first().expect("one").clone());
    for _ in 0..STEPS {
        h.pass(h.silence_max() / STEPS);
        other.step(h)?;
    }
    settle(h, &mut [&mut other], &[2])?;
    refused(&mut producer(h)?, offset(&at, 5, "silent"), &old)?;
    until(h, "the loss to be told", || {
        silent.step(h)?;
        other.step(h)?;
        Ok(silent.has_lost.then_some(()))
    })?;
    ensure!(!silent.owned.contains(&at), "it lost nothing");
    // It comes back as a new member.
    settle(h, &mut [&mut silent, &mut other], &[1, 1])
}

/// Demands that a group refuses an offset for good, and that the producer survives it.
fn refused(producer: &mut impl Producer, new: NewOffset, membership: &Membership) -> Checked {
    done("begin", producer.begin())?;
    let sent = producer.send_offsets(&[new], membership);
    ensure!(matches!(sent, Outcome::Aborted(_)), "offsets of a dead membership: {sent:?}");
    done("abort", producer.abort())
}
