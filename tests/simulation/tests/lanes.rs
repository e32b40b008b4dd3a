//! One slot and its two lanes, step by step: what a replay may cost whoever lives.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use cordon_courier::{
    Environment, InputKind, Limits, Slot, StageSettings,
    event::{Effect, Event, TransactionOutcome},
};
use cordon_kafka::{
    log::{Committed, Record, TopicPartition},
    progress::Progress,
};
use cordon_records::{BatchId, Digest, Fingerprint, Lane, Pointer, cell::Job, single_object};

const LIVE: &str = "in";
const REPLAY: &str = "in.replay";
const QUEUE_RECORDS_MAX: usize = 16;

/// Time stands still, and ids count.
struct Still(u128);

impl Environment for Still {
    fn now_ms(&mut self) -> i64 {
        0
    }

    fn uuid(&mut self) -> uuid::Uuid {
        self.0 += 1;
        uuid::Builder::from_random_bytes(self.0.to_be_bytes()).into_uuid()
    }
}

/// A slot whose every wish is granted, but for cells: those are looked at.
struct Bench {
    slot: Slot,
    env: Still,
    offsets: i64,
    paused: Vec<TopicPartition>,
    cells: VecDeque<(Lane, Job)>,
}

impl Bench {
    fn new() -> Self {
        let settings = StageSettings {
            stage: "stage".to_owned(),
            version: "1".to_owned(),
            input: InputKind::Pointers,
            live_topics: vec![LIVE.to_owned()],
            replay_topics: vec![REPLAY.to_owned()],
            output_topic: "out".into(),
            output_replay_topic: "out.replay".into(),
            output_partitions: 1,
            output_schema: Fingerprint(1),
            dead_topic: "dead.stage".into(),
            receipts_topic: "receipts.stage".into(),
            metrics_topic: "metrics.stage".into(),
            group: "cordon.stage".to_owned(),
            bucket: "cordon".to_owned(),
            limits: Limits { queue_records_max: QUEUE_RECORDS_MAX, ..Limits::default() },
        };
        let slot = Slot::new(Arc::new(settings), "stage-0");
        let (cells, paused) = (VecDeque::new(), Vec::new());
        let mut bench = Self { slot, env: Still(0), offsets: 0, paused, cells };
        bench.happen(Event::Tick);
        bench.happen(Event::Assigned(
            [LIVE, REPLAY].map(|topic| TopicPartition::new(topic, 0)).into(),
        ));
        bench
    }

    fn happen(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.slot.handle(event, &mut self.env) {
                events.extend(self.answer(effect));
            }
        }
    }

    fn answer(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::OpenProducer => Some(Event::Opened(Ok(()))),
            Effect::ReadCommitted(partitions) => {
                let metadata = Progress::start(BatchId::default()).to_string().into_bytes();
                let first = Committed { offset: 0, metadata };
                let committed = partitions.into_iter().map(|at| (at, Some(first.clone())));
                Some(Event::CommittedRead(Ok(committed.collect())))
            }
            Effect::Fetch { batch, payload } => {
                Some(Event::Fetched { batch, payload, result: Ok(()) })
            }
            Effect::Transact { id, .. } => {
                Some(Event::Transacted { id, outcome: TransactionOutcome::Committed })
            }
            Effect::Pause(partitions) => {
                self.paused.extend(partitions);
                None
            }
            Effect::RunCell { job, lane, .. } => {
                self.cells.push_back((lane, *job));
                None
            }
            _ => None,
        }
    }

    /// A pointer to ten datapoints arrives.
    fn arrive(&mut self, topic: &str) {
        let n = self.offsets;
        self.offsets += 1;
        let pointer = Pointer {
            bucket: "cordon".to_owned(),
            key: format!("in/1700000000000-6f1ddc2a-58a4-4f0c-8d5d-{n:012x}"),
            range_start_bytes: 0,
            range_bytes: 10,
            digest: Some(Digest::default()),
            datapoints: Some(10),
            decoded_bytes: 10,
            schema: 0,
            time_min_ms: None,
            time_max_ms: None,
            stage: "before".to_owned(),
            stage_version: "1".to_owned(),
            selection: None,
            redrives: Vec::new(),
        };
        let value = single_object::encode(&pointer).expect("a pointer fits its schema");
        self.happen(Event::Record(Record {
            at: TopicPartition::new(topic, 0),
            offset: n,
            timestamp_ms: 0,
            key: None,
            value: value.into(),
            headers: Vec::new(),
        }));
    }
}

#[test]
fn a_long_replay_does_not_keep_live_records_from_being_read() {
    let mut bench = Bench::new();
    for _ in 0..2 * QUEUE_RECORDS_MAX {
        bench.arrive(REPLAY);
    }
    assert_eq!(bench.paused, [TopicPartition::new(REPLAY, 0)]);
    for _ in 0..2 * QUEUE_RECORDS_MAX {
        bench.arrive(LIVE);
    }
    assert_eq!(bench.paused, [REPLAY, LIVE].map(|topic| TopicPartition::new(topic, 0)));
}

#[test]
fn a_replay_batch_is_short_and_says_its_lane() {
    for (topic, lane, budget) in [
        (LIVE, Lane::Live, Duration::from_secs(2)),
        (REPLAY, Lane::Replay, Duration::from_millis(250)),
    ] {
        let mut bench = Bench::new();
        bench.arrive(topic);
        let (ran, job) = bench.cells.pop_front().expect("a cell runs");
        assert_eq!((ran, job.budget_ms), (lane, budget.as_millis() as i64), "{topic}");
    }
}
