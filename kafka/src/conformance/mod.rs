//! What every implementation of the [log seam](crate::log) must do: one suite, run on all.
//!
//! Each [`Case`] is a plain function that talks to a log only through the seam, on topics, groups
//! and transactional ids of its own, so that cases run at once on one cluster. A [`Harness`] is
//! all that differs. Apache Kafka decides what is right: a case must hold there first.
//!
//! Each case also has a mutant: a model log that is wrong in one way and fails that very case.

mod membership;
mod offsets;
mod positions;
mod producers;
mod records;
mod sharing;
mod steps;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::log::{Committed, Log, TopicPartition};

/// Everything that the suite creates is named so: the ACLs of its principal need no more.
pub const PREFIX: &str = "conformance-";

/// A log under test, and what the suite needs beside the seam.
pub trait Harness: Sync {
    /// The implementation.
    type Log: Log;

    /// The log, as an ordinary principal.
    fn log(&self) -> &Self::Log;

    /// Creates a topic, as an administrator.
    fn create_topic(&self, topic: &str, partitions: i32);

    /// Commits an offset with raw metadata for a group without members, as an administrator.
    fn commit_offset(&self, group: &str, at: TopicPartition, offset: Committed);

    /// A name that no other case or run uses, beginning with [`PREFIX`] and `stem`.
    fn unique(&self, stem: &str) -> String;

    /// How long something that must happen may take.
    fn patience(&self) -> Duration;

    /// How long nothing must happen before the suite believes that nothing will.
    fn quiet(&self) -> Duration;

    /// Lets time pass, for the broker as well.
    fn pass(&self, time: Duration);

    /// Age at which the broker will have aborted an open transaction, at the latest.
    fn transaction_age_max(&self) -> Duration;

    /// Silence after which the group will have given up a member, at the latest.
    fn silence_max(&self) -> Duration;
}

/// One thing that must hold.
pub struct Case<H> {
    /// Its function's name.
    pub name: &'static str,
    /// What breaks where it does not hold.
    pub breaks: &'static str,
    /// Checks it; the error says what was seen instead.
    pub check: fn(&H) -> Result<(), String>,
}

/// How a case went.
#[derive(Debug)]
pub struct Report {
    /// The case.
    pub name: &'static str,
    /// What was seen instead, if it failed.
    pub result: Result<(), String>,
    /// How long it took.
    pub took: Duration,
}

macro_rules! cases {
    ($($module:ident::$case:ident breaks $breaks:literal;)*) => {
        /// The whole suite.
        pub fn cases<H: Harness>() -> Vec<Case<H>> {
            vec![$(Case {
                name: stringify!($case),
                breaks: $breaks,
                check: $module::$case::<H>,
            }),*]
        }
    };
}

cases! {
    // The slow ones come first, so that they run beside all others.
    membership::a_silent_member_loses_its_partitions
        breaks "a hung courier holds its partitions for ever, or commits beside their new owner";
    producers::an_overdue_transaction_is_aborted
        breaks "one dead courier holds back every reader of its output for ever";
    sharing::a_handover_neither_loses_nor_repeats
        breaks "scaling out or in loses or duplicates datapoints";
    membership::a_stale_generation_is_refused
        breaks "a courier commits progress for a partition that another one works on";
    membership::a_new_generation_is_told
        breaks "a courier commits under a dead membership again and again";
    membership::a_departed_member_is_refused
        breaks "a courier that was given up commits over its successor";
    membership::a_member_that_never_joined_is_refused
        breaks "offsets are committed without any fencing at all";
    membership::leaving_moves_partitions_at_once
        breaks "every restart of a courier stops its partitions for a session timeout";
    sharing::a_revoked_partition_waits_for_its_release
        breaks "two couriers work on one partition during a rebalance";

    records::a_record_arrives_as_it_was_sent
        breaks "pointers lose their keys or trace headers";
    records::equal_keys_share_a_partition
        breaks "the order of one key's records is lost";
    records::aborted_records_are_never_read
        breaks "a redone batch is seen twice";
    records::an_open_transaction_hides_all_that_follow
        breaks "a reader passes over records that are committed later, and loses them";
    records::bounds_end_at_an_open_transaction
        breaks "a reader that reads up to the end waits for records that are not there yet";
    records::a_commit_is_atomic_over_topics
        breaks "a pointer is committed without its receipt";
    records::plain_records_are_in_no_transaction
        breaks "metrics vanish exactly when transactions fail";
    records::a_record_that_is_too_large_aborts
        breaks "a refused record is missing from a committed transaction";
    records::a_record_to_nowhere_is_not_committed
        breaks "a record that went nowhere is missing from a committed transaction";

    producers::a_successor_fences_a_zombie
        breaks "two couriers write under one slot";
    producers::a_dead_producers_transaction_is_aborted
        breaks "after a crash a batch is half done, or its offsets stay blocked";
    producers::a_commit_survives_its_producer
        breaks "after an unknown outcome the batch is redone though it was committed";

    offsets::an_abort_leaves_offsets_and_metadata
        breaks "an aborted batch is skipped: its datapoints are lost";
    offsets::pending_offsets_block_committed
        breaks "a new owner starts from offsets that are about to change";
    offsets::metadata_comes_back
        breaks "a courier restarts a payload from its beginning";
    offsets::foreign_metadata_comes_back
        breaks "metadata of another program stops a courier by a panic, or passes for none";
    offsets::the_same_offset_takes_new_metadata
        breaks "progress inside a payload is never recorded";
    offsets::each_partition_has_its_own_offset
        breaks "partitions take each other's progress";
    offsets::long_or_foreign_metadata_is_refused
        breaks "a broker cuts progress off, or refuses it in each new attempt";

    sharing::a_group_reads_several_topics
        breaks "a stage serves its live lane or its replay lane, but not both";

    positions::a_missing_offset_is_told_and_not_guessed
        breaks "a lost offset silently replays or skips a whole topic";
    positions::reading_starts_where_it_is_told
        breaks "a restarted courier repeats or skips records";
    positions::seeking_back_redelivers
        breaks "an aborted batch is lost while the courier lives";
    positions::a_paused_partition_waits
        breaks "a full courier is flooded, or loses what came during the pause";
    positions::an_offset_out_of_range_is_told
        breaks "records deleted by retention are skipped in silence";
}

/// Runs every case, so many at once. Reports come in the order of [`cases`].
pub fn run<H: Harness>(harness: &H, at_once: usize) -> Vec<Report> {
    let cases = cases::<H>();
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((n, case)) = take(&cases, &next) {
                    let report = run_case(harness, case);
                    reports.lock().expect("reports are only pushed").push((n, report));
                }
            });
        }
    });
    let mut reports = reports.into_inner().expect("reports are only pushed");
    reports.sort_by_key(|(n, _)| *n);
    reports.into_iter().map(|(_, report)| report).collect()
}

/// Runs one case. A panic is a failure like others.
pub fn run_case<H: Harness>(harness: &H, case: &Case<H>) -> Report {
    let began = now();
    let result = catch_unwind(AssertUnwindSafe(|| (case.check)(harness)))
        .unwrap_or_else(|_| Err("it panicked".to_owned()));
    Report { name: case.name, result, took: now() - began }
}

#[expect(clippy::disallowed_methods, reason = "a report says how long a case took")]
fn now() -> Instant {
    Instant::now()
}

fn take<'a, H>(cases: &'a [Case<H>], next: &AtomicUsize) -> Option<(usize, &'a Case<H>)> {
    let n = next.fetch_add(1, Ordering::Relaxed);
    cases.get(n).map(|case| (n, case))
}
