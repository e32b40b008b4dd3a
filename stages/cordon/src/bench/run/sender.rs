//! Sends generated lines to `raw`, and learns where each came to lie.

use std::{collections::BTreeMap, thread, time::Duration};

use anyhow::Result;
use cordon_kafka::real::{RealLog, Shipper};
use cordon_load::Telemetry;

use super::{clock::Clock, schedule::Schedule};

/// Shorter waits than this are not worth a switch of threads.
const WAIT_MIN_US: u64 = 1_000;
/// Places are taken over after so many lines.
const TAKE_EVERY: u64 = 4_096;

/// Where lines lie: for each partition, the offset and the number of each line, in order.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<i32, Vec<(i64, u64)>>);

impl Places {
    /// Notes where a line lies.
    pub(super) fn add(&mut self, partition: i32, offset: i64, line: u64) {
        self.0.entry(partition).or_default().push((offset, line));
    }

    /// Brings them into order.
    pub(super) fn settle(&mut self) {
        self.0.values_mut().for_each(|lines| lines.sort_unstable());
    }

    /// The line at an offset; `None` where it is not one of these.
    pub(super) fn line(&self, partition: i32, offset: i64) -> Option<u64> {
        let lines = self.0.get(&partition)?;
        let at = lines.binary_search_by_key(&offset, |(offset, _)| *offset).ok()?;
        Some(lines[at].1)
    }

    /// The lines in a range of offsets.
    pub(super) fn lines(&self, partition: i32, from: i64, to: i64) -> impl Iterator<Item = u64> {
        let lines = self.0.get(&partition).map_or(&[][..], Vec::as_slice);
        let place = |offset: i64| lines.partition_point(|(at, _)| *at < offset);
        let (from, to) = (place(from), place(to));
        lines[from..to.max(from)].iter().map(|(_, line)| *line)
    }

    /// One past the last offset of each partition.
    pub(super) fn ends(&self) -> impl Iterator<Item = (i32, i64)> {
        let end = |lines: &Vec<(i64, u64)>| lines.last().map(|(offset, _)| offset + 1);
        self.0.iter().filter_map(move |(partition, lines)| Some((*partition, end(lines)?)))
    }
}

/// What was sent.
pub(super) struct Sent {
    pub(super) bytes: u64,
    pub(super) places: Places,
    /// When the last was delivered.
    pub(super) done_us: u64,
    /// How far behind its schedule the sender was at worst.
    pub(super) late_us_max: u64,
}

/// Sends so many lines: on schedule, or as fast as they are taken.
pub(super) fn send(
    log: &RealLog,
    topic: &str,
    telemetry: &mut Telemetry,
    lines: u64,
    schedule: Option<Schedule>,
    clock: &Clock,
) -> Result<Sent> {
    let mut shipper = log.shipper()?;
    let mut sent = Sent { bytes: 0, places: Places::default(), done_us: 0, late_us_max: 0 };
    for (number, line) in (0..lines).zip(telemetry) {
        if let Some(schedule) = schedule {
            let due_us = schedule.due_us(number);
            let mut now_us = clock.now_us();
            while due_us >= now_us + WAIT_MIN_US {
                shipper.hear(Duration::ZERO);
                thread::sleep(Duration::from_micros((due_us - now_us).min(WAIT_MIN_US)));
                now_us = clock.now_us();
            }
            sent.late_us_max = sent.late_us_max.max(now_us.saturating_sub(due_us));
        }
        sent.bytes += line.bytes.len() as u64;
        shipper.send_marked(topic, &line.bytes, usize::try_from(number)?)?;
        if number % TAKE_EVERY == 0 {
            take(&mut shipper, &mut sent.places);
        }
    }
    shipper.finish()?;
    take(&mut shipper, &mut sent.places);
    sent.places.settle();
    sent.done_us = clock.now_us();
    Ok(sent)
}

fn take(shipper: &mut Shipper, places: &mut Places) {
    for delivered in shipper.take_delivered() {
        places.add(delivered.partition, delivered.offset, delivered.mark as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_place() {
        let mut places = Places::default();
        // As they are told: in any order. Offset 12 is a control record or somebody else's.
        for (partition, offset, line) in [(1, 13, 2), (1, 10, 0), (1, 11, 1), (0, 7, 3)] {
            places.add(partition, offset, line);
        }
        places.settle();
        assert_eq!(places.line(1, 11), Some(1));
        assert_eq!(places.line(1, 12), None);
        assert_eq!(places.line(2, 11), None);
        assert_eq!(places.lines(1, 11, 14).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(places.lines(1, 14, 11).count(), 0);
        assert_eq!(places.lines(3, 0, 9).count(), 0);
        assert_eq!(places.ends().collect::<Vec<_>>(), [(0, 8), (1, 14)]);
    }
}
