//! Committed offsets and their metadata.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use super::{
    Harness,
    steps::{
        Checked, commit_offset, committed, done, ensure, expect_committed, joined, joined_to,
        membership, offset, producer, single, topic,
    },
};
use crate::{
    log::{Committed, Consumer, ConsumerError, METADATA_BYTES_MAX, Producer, TopicPartition},
    progress::Progress,
};

pub(super) fn an_abort_leaves_offsets_and_metadata<H: Harness>(h: &H) -> Checked {
    let at = single(h);
    let mut consumer = joined(h, &at.topic)?;
    let mut producer = producer(h)?;
    commit_offset(&mut producer, offset(&at, 3, "before"), &membership(&consumer)?)?;
    done("begin", producer.begin())?;
    let sent = producer.send_offsets(&[offset(&at, 7, "aborted")], &membership(&consumer)?);
    done("send_offsets", sent)?;
    done("abort", producer.abort())?;
    expect_committed(h, &mut consumer, &at, Some((3, "before")))
}

pub(super) fn pending_offsets_block_committed<H: Harness>(h: &H) -> Checked {
    /// Long enough for a broker's answer, had it one.
    const WAIT: Duration = Duration::from_secs(1);
    let at = single(h);
    let mut consumer = joined(h, &at.topic)?;
    let mut producer = producer(h)?;
    commit_offset(&mut producer, offset(&at, 3, "old"), &membership(&consumer)?)?;
    done("begin", producer.begin())?;
    let sent = producer.send_offsets(&[offset(&at, 7, "new")], &membership(&consumer)?);
    done("send_offsets", sent)?;
    let blocked = consumer.committed(std::slice::from_ref(&at), WAIT.min(h.patience()));
    ensure!(
        matches!(blocked, Err(ConsumerError::Unavailable(_))),
        "committed while a transaction holds the offset: {blocked:?}"
    );
    done("commit", producer.commit())?;
    expect_committed(h, &mut consumer, &at, Some((7, "new")))
}

pub(super) fn metadata_comes_back<H: Harness>(h: &H) -> Checked {
    let at = single(h);
    let mut consumer = joined(h, &at.topic)?;
    let mut producer = producer(h)?;
    let longest = "m".repeat(METADATA_BYTES_MAX);
    let printable: String = (' '..='~').collect();
    for (n, metadata) in (1..).zip([longest.as_str(), &printable, ""]) {
        commit_offset(&mut producer, offset(&at, n, metadata), &membership(&consumer)?)?;
        expect_committed(h, &mut consumer, &at, Some((n, metadata)))?;
    }
    Ok(())
}

pub(super) fn foreign_metadata_comes_back<H: Harness>(h: &H) -> Checked {
    let (at, group) = (single(h), h.unique("group"));
    let plant = |metadata: &[u8]| {
        h.commit_offset(&group, at.clone(), Committed { offset: 1, metadata: metadata.to_vec() });
    };
    plant("v1;ä;€".as_bytes());
    let mut consumer = joined_to(h, &group, &at.topic)?;
    expect_committed(h, &mut consumer, &at, Some((1, "v1;ä;€")))?;
    consumer.leave();
    drop(consumer);
    // Apache Kafka, being Java, replaces what is not UTF-8 by U+FFFD; others may keep the bytes.
    plant(b"v1;\xff\xfe;");
    let mut consumer = joined_to(h, &group, &at.topic)?;
    let seen = committed(h, &mut consumer, &at)?;
    let metadata = seen.map(|seen| seen.metadata).unwrap_or_default();
    ensure!(metadata.starts_with(b"v1;"), "planted bytes came back as {metadata:?}");
    ensure!(Progress::parse(&metadata).is_err(), "planted bytes pass for progress");
    Ok(())
}

pub(super) fn the_same_offset_takes_new_metadata<H: Harness>(h: &H) -> Checked {
    let at = single(h);
    let mut consumer = joined(h, &at.topic)?;
    let mut producer = producer(h)?;
    for metadata in ["first", "second", "third"] {
        commit_offset(&mut producer, offset(&at, 5, metadata), &membership(&consumer)?)?;
        expect_committed(h, &mut consumer, &at, Some((5, metadata)))?;
    }
    Ok(())
}

pub(super) fn each_partition_has_its_own_offset<H: Harness>(h: &H) -> Checked {
    let topic = topic(h, 3);
    let [first, second, third] = [0, 1, 2].map(|n| TopicPartition::new(topic.clone(), n));
    let mut consumer = joined(h, &topic)?;
    let mut producer = producer(h)?;
    done("begin", producer.begin())?;
    let both = [offset(&first, 10, "one"), offset(&third, 30, "three")];
    done("send_offsets", producer.send_offsets(&both, &membership(&consumer)?))?;
    // A later call of the same transaction replaces what it names, and only that.
    let again = [offset(&third, 31, "three again")];
    done("send_offsets", producer.send_offsets(&again, &membership(&consumer)?))?;
    done("commit", producer.commit())?;
    expect_committed(h, &mut consumer, &first, Some((10, "one")))?;
    expect_committed(h, &mut consumer, &second, None)?;
    expect_committed(h, &mut consumer, &third, Some((31, "three again")))?;
    let asked = [third, second, first];
    let told = consumer.committed(&asked, h.patience()).map_err(|error| error.to_string())?;
    ensure!(told.iter().map(|(at, _)| at).eq(&asked), "asked {asked:?}, told {told:?}");
    Ok(())
}

pub(super) fn long_or_foreign_metadata_is_refused<H: Harness>(h: &H) -> Checked {
    let at = single(h);
    let mut consumer = joined(h, &at.topic)?;
    let membership = membership(&consumer)?;
    for metadata in ["m".repeat(METADATA_BYTES_MAX + 1), "ä".to_owned()] {
        let mut producer = producer(h)?;
        done("begin", producer.begin())?;
        // It is the slot's mistake: progress is short and ASCII.
        let send = || producer.send_offsets(&[offset(&at, 1, &metadata)], &membership);
        let sent = catch_unwind(AssertUnwindSafe(send));
        ensure!(sent.is_err(), "{} bytes: {sent:?}", metadata.len());
    }
    commit_offset(&mut producer(h)?, offset(&at, 2, "good"), &membership)?;
    expect_committed(h, &mut consumer, &at, Some((2, "good")))
}
